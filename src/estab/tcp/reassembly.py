"""Out-of-order data, and what SACK says about it (RFC 9293 §3.10.7.4 SHLD-31, RFC 2018 §4, RFC 2883 §4)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable
from typing import Any, ClassVar, Final

from estab.tcp.queues import own
from estab.tcp.ranges import RangeSet
from estab.tcp.snapshot import Origin, Slots, Snapshot
from estab.wire.packet import Buffer

_RECENT: Final = 8
"""Arrivals remembered for the order of SACK blocks; no header has room for more than four."""
_JOINED: Final = 1 << 16
"""Bytes up to which an arrival is joined with the piece that it continues: there are as many pieces as holes between
them, not as packets behind one."""


class Reassembly(Snapshot):
    """Pieces beyond RCV.NXT. Where two arrivals overlap, the bytes that came first stay."""

    __slots__ = ("duplicate", "limit", "pieces", "ranges", "recent", "size", "starts", "tells")
    DERIVED: ClassVar[Slots] = ("duplicate", "limit", "pieces", "ranges", "recent", "size", "starts", "tells")

    def __init__(self, limit: int, tells: bool = True) -> None:
        self.limit: int = limit
        """Most pieces held."""
        self.tells: bool = tells
        """What comes twice is reported (D-SACK)."""
        self.starts: list[int] = []
        self.pieces: list[Buffer] = []
        self.size: int = 0
        """Bytes held."""
        self.ranges: RangeSet = RangeSet()
        self.recent: list[int] = []
        """First positions of the latest arrivals, newest first."""
        self.duplicate: tuple[int, int] | None = None
        """The D-SACK to report once."""

    def snapshot(self, origin: Origin) -> Hashable:
        irs = origin.irs
        return (
            tuple((start - irs, bytes(piece)) for start, piece in zip(self.starts, self.pieces, strict=True)),
            tuple(start - irs for start in self.recent),
            self.duplicate and (self.duplicate[0] - irs, self.duplicate[1] - irs),
        )

    def restore(self, value: Any, origin: Origin) -> None:
        self.__init__(self.limit, self.tells)  # type: ignore[misc]
        pieces, recent, duplicate = value
        for start, piece in pieces:
            self._insert(len(self.starts), start + origin.irs, piece)
        self.recent = [start + origin.irs for start in recent]
        self.duplicate = duplicate and (duplicate[0] + origin.irs, duplicate[1] + origin.irs)

    def __len__(self) -> int:
        return len(self.pieces)

    def insert(self, start: int, chunks: tuple[Buffer, ...], in_order: bool = False) -> bool:
        """Hold the parts of ``chunks`` that are new. False when the limit left no room for them.

        What is in order is not subject to the limit: the caller takes it at once."""
        end = start + sum(map(len, chunks))
        gaps = self.ranges.gaps(start, end)
        self._note_duplicate(start, end, gaps)
        if not in_order and gaps and len(self.pieces) + self._needed(gaps[0][0], len(gaps), chunks) > self.limit:
            return False
        position = start
        for chunk in chunks:
            for low, high in self.ranges.gaps(position, position + len(chunk)):
                self._hold(low, chunk[low - position : high - position])
            position += len(chunk)
        self._remember(start)
        return True

    def take(self, position: int) -> list[Buffer]:
        """Remove and return the pieces that continue the stream at ``position``."""
        count = 0
        while count < len(self.starts) and self.starts[count] == position:
            position += len(self.pieces[count])
            count += 1
        taken = self.pieces[:count]
        self.size -= sum(map(len, taken))
        del self.starts[:count], self.pieces[:count]
        self.ranges.discard_below(position)
        return taken

    def first(self) -> int | None:
        """Where the first piece begins."""
        return self.starts[0] if self.starts else None

    def note_duplicate(self, start: int, end: int) -> None:
        """Bytes that arrived again below RCV.NXT: the next ACK reports them as a D-SACK."""
        if end > start and self.tells:
            self.duplicate = (start, end)

    def blocks(self, room: int) -> tuple[tuple[int, int], ...]:
        """At most ``room`` SACK blocks: D-SACK first, then the most recently changed ranges."""
        blocks: list[tuple[int, int]] = []
        if self.duplicate is not None:
            blocks.append(self.duplicate)
            around = self.ranges.find(self.duplicate[0])
            if around is not None:
                # Also where it is no larger: it says that what came twice is not acknowledged yet (RFC 2883 §4).
                blocks.append(around)
        for start in self.recent:
            found = self.ranges.find(start)
            if found is not None and found not in blocks:
                blocks.append(found)
        for found in self.ranges:
            if len(blocks) >= room:
                break
            if found not in blocks:
                blocks.append(found)
        return tuple(blocks[:room])

    @property
    def telling(self) -> bool:
        """There are blocks."""
        return bool(self.starts) or self.duplicate is not None

    def reported(self) -> None:
        """An ACK with ``blocks`` went out: a D-SACK is reported only once (RFC 2883 §4)."""
        self.duplicate = None

    def _needed(self, start: int, gaps: int, chunks: tuple[Buffer, ...]) -> int:
        """Most pieces that ``chunks`` will be in so many ``gaps``, of which the first begins at ``start``."""
        return gaps * len(chunks) - (self._continued(start, max(map(len, chunks))) is not None)

    def _continued(self, start: int, size: int) -> int | None:
        """The index of the piece that ``size`` bytes from ``start`` on are joined with."""
        index = bisect_left(self.starts, start) - 1
        if index < 0 or self.starts[index] + len(self.pieces[index]) != start:
            return None
        return index if len(self.pieces[index]) + size <= _JOINED else None

    def _hold(self, start: int, piece: Buffer) -> None:
        index = self._continued(start, len(piece))
        if index is None:
            self._insert(bisect_left(self.starts, start), start, own(piece))
            return
        joined = self.pieces[index]
        if type(joined) is not bytearray:
            self.pieces[index] = joined = bytearray(joined)
        joined += piece
        self.size += len(piece)
        self.ranges.add(start, start + len(piece))

    def _insert(self, index: int, start: int, piece: Buffer) -> None:
        self.starts.insert(index, start)
        self.pieces.insert(index, piece)
        self.size += len(piece)
        self.ranges.add(start, start + len(piece))

    def _remember(self, start: int) -> None:
        around = self.ranges.find(start)
        if around is not None:
            low, high = around
            self.recent = [other for other in self.recent if not low <= other < high]
        self.recent.insert(0, start)
        del self.recent[_RECENT:]

    def _note_duplicate(self, start: int, end: int, gaps: list[tuple[int, int]]) -> None:
        if not self.tells:
            return
        if not gaps:
            self.duplicate = (start, end)
        elif gaps[0][0] > start:
            self.duplicate = (start, gaps[0][0])
        elif gaps[0][1] < end:
            self.duplicate = (gaps[0][1], gaps[1][0] if len(gaps) > 1 else end)
