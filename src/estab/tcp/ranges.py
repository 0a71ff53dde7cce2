"""A set of integers kept as disjoint half-open ranges, merged when they touch."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Final

from estab.tcp.queues import NOTHING


class RangeSet:
    """``[start, end)`` ranges in order. Look-up and insertion take O(log n) comparisons."""

    __slots__ = ("ends", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = NOTHING
        self.ends: list[int] = NOTHING

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self.starts, self.ends, strict=True)

    def add(self, start: int, end: int) -> None:
        """Join ``[start, end)`` with all ranges that it overlaps or touches."""
        if self.starts is NOTHING:
            self.starts, self.ends = [start], [end]
            return
        first = bisect_left(self.ends, start)
        last = bisect_right(self.starts, end)
        if first < last:
            start = min(start, self.starts[first])
            end = max(end, self.ends[last - 1])
        self.starts[first:last] = [start]
        self.ends[first:last] = [end]

    def discard_below(self, position: int) -> None:
        """Forget everything before ``position``."""
        gone = bisect_right(self.ends, position)
        del self.starts[:gone], self.ends[:gone]
        if self.starts and self.starts[0] < position:
            self.starts[0] = position

    def find(self, position: int) -> tuple[int, int] | None:
        """The range that contains ``position``."""
        index = bisect_right(self.starts, position) - 1
        if index >= 0 and position < self.ends[index]:
            return self.starts[index], self.ends[index]
        return None

    def gaps(self, start: int, end: int) -> list[tuple[int, int]]:
        """The parts of ``[start, end)`` that are not in the set, in order."""
        missing = []
        index = bisect_right(self.ends, start)
        while start < end and index < len(self.starts) and self.starts[index] < end:
            if start < self.starts[index]:
                missing.append((start, self.starts[index]))
            start = self.ends[index]
            index += 1
        if start < end:
            missing.append((start, end))
        return missing


NOWHERE: Final = RangeSet()
"""Shared by all who have none, and never changed."""
