"""Packets that wait for their time."""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import Final, TypeAlias

from estab.wire.packet import Packet

NEVER: Final = (1 << 62) - 1
"""Later than any time there is."""

Held: TypeAlias = tuple[int, int, int, int, Packet, str]
"""Due time, a running number that keeps equal times in order, direction, next fault, packet, fate so far."""


class Waiting:
    """Most go in the order in which they came, and stand in a row; only what goes before those is sorted in."""

    __slots__ = ("_early", "_row", "due")

    def __init__(self) -> None:
        self.due: int = NEVER
        """When the first one goes."""
        self._row: deque[Held] = deque()
        self._early: list[Held] = []

    def __len__(self) -> int:
        return len(self._row) + len(self._early)

    def add(self, held: Held) -> None:
        """Its number is higher than any before."""
        due = held[0]
        row = self._row
        if row and due < row[-1][0]:
            heappush(self._early, held)
        else:
            row.append(held)
        if due < self.due:
            self.due = due

    def take(self) -> Held:
        """The first one; there must be one."""
        row, early = self._row, self._early
        first = heappop(early) if early and (not row or early[0] < row[0]) else row.popleft()
        self.due = row[0][0] if row else NEVER
        if early and early[0][0] < self.due:
            self.due = early[0][0]
        return first

    def in_order(self) -> list[Held]:
        return sorted([*self._row, *self._early])

    def clear(self) -> None:
        self._row.clear()
        self._early.clear()
        self.due = NEVER
