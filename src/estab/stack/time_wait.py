"""The connections in TIME-WAIT, as packed entries in the order in which they expire."""

from __future__ import annotations

from collections import deque

from estab.tcp.time_wait import TimeWait, expiry
from estab.tcp.timers import NEVER


class TimeWaitTable:
    """Every entry lives equally long, so first in is first out; a place in the queue may have become stale."""

    __slots__ = ("due", "entries", "limit", "queue", "stale")

    def __init__(self, limit: int) -> None:
        self.limit: int = limit
        self.entries: dict[bytes, bytes] = {}
        self.queue: deque[bytes] = deque()
        self.stale: dict[bytes, int] = {}
        """How many of the first places of a key in the queue no longer count."""
        self.due: int = NEVER
        """When the first entry expires; 0: to be looked up."""

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, key: bytes) -> bool:
        return key in self.entries

    def add(self, key: bytes, packed: bytes) -> bool:
        """Keep an entry; False when the oldest had to go for it."""
        fits = len(self.entries) < self.limit
        if not fits:
            self._drop_stale()
            del self.entries[self.queue.popleft()]
        if not fits or not self.queue:
            self.due = 0
        if len(self.queue) >= 2 * self.limit:
            self._drop_all_stale()
        self.entries[key] = packed
        self.queue.append(key)
        return fits

    def get(self, key: bytes) -> TimeWait | None:
        packed = self.entries.get(key)
        return None if packed is None else TimeWait(packed)

    def update(self, key: bytes, entry: TimeWait) -> None:
        """Store a changed entry."""
        self.due = 0
        self.entries[key] = entry.pack()

    def extend(self, key: bytes, entry: TimeWait, expires: int) -> None:
        """Start 2 MSL anew. The queue stays within twice the limit: a flood of FINs extends no further."""
        if len(self.queue) < 2 * self.limit:
            entry.expires = expires
            self.queue.append(key)
            self.stale[key] = self.stale.get(key, 0) + 1
        self.update(key, entry)

    def remove(self, key: bytes) -> None:
        if self.entries.pop(key, None) is not None:
            self.due = 0
            self.stale[key] = self.stale.get(key, 0) + 1

    def next_deadline(self) -> int:
        if not self.due:
            self._drop_stale()
            self.due = expiry(self.entries[self.queue[0]]) if self.queue else NEVER
        return self.due

    def pop_expired(self, now: int) -> bytes | None:
        """The key of one entry whose 2 MSL have passed, taken out; None when there is none."""
        if self.next_deadline() > now:
            return None
        self.due = 0
        key = self.queue.popleft()
        del self.entries[key]
        return key

    def _drop_all_stale(self) -> None:
        """A four-tuple that opens and closes over and over leaves a place each time."""
        kept: deque[bytes] = deque()
        for key in self.queue:
            if self.stale.get(key):
                self.stale[key] -= 1
            else:
                kept.append(key)
        self.stale.clear()
        self.queue = kept

    def _drop_stale(self) -> None:
        while self.queue and self.queue[0] in self.stale:
            key = self.queue.popleft()
            self.stale[key] -= 1
            if not self.stale[key]:
                del self.stale[key]
