"""When to look at which connection again: one ordered structure, pushed to only when a deadline moves nearer."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Final

from estab.tcp.connection import Connection
from estab.tcp.timers import NEVER

_SLACK: Final = 64


class Deadlines:
    """Entries name connections by key and serial, so a dead connection is not kept alive and its entry is skipped.

    A deadline that moved away is noticed when its entry comes up; at most one entry a connection counts.
    """

    __slots__ = ("entries", "serial")

    def __init__(self) -> None:
        self.entries: list[tuple[int, int, bytes]] = []
        self.serial: int = 0

    def wake(self, c: Connection, at: int) -> None:
        """Look at ``c`` at ``at`` or before."""
        if at >= c.wake_at:
            return
        self.serial += 1
        c.wake_at = at
        c.wake_serial = self.serial
        heappush(self.entries, (at, self.serial, c.key))

    def earliest(self) -> int:
        return self.entries[0][0] if self.entries else NEVER

    def pop(self, now: int, connections: dict[bytes, Connection]) -> Connection | None:
        """The next connection whose time has come, or None."""
        self.tidy(connections)
        while self.entries and self.entries[0][0] <= now:
            _, serial, key = heappop(self.entries)
            c = connections.get(key)
            if c is not None and c.wake_serial == serial:
                c.wake_at = NEVER
                return c
        return None

    def tidy(self, connections: dict[bytes, Connection]) -> None:
        """Throw out the entries that do not count, once they are the most.

        A flood of openings leaves them, and a connection whose distant deadline moves nearer and away again."""
        if len(self.entries) <= 2 * len(connections) + _SLACK:
            return
        serials = {key: c.wake_serial for key, c in connections.items()}
        self.entries = [entry for entry in self.entries if serials.get(entry[2]) == entry[1]]
        heapify(self.entries)
