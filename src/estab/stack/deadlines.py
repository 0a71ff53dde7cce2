"""When to look at which connection again: one ordered structure, pushed to only when a deadline moves nearer."""

from __future__ import annotations

from heapq import heappop, heappush

from estab.tcp.connection import Connection
from estab.tcp.timers import NEVER


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
        while self.entries and self.entries[0][0] <= now:
            _, serial, key = heappop(self.entries)
            c = connections.get(key)
            if c is not None and c.wake_serial == serial:
                c.wake_at = NEVER
                return c
        return None
