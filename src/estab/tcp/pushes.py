"""In which pieces data goes out, and where PSH stands, as in Linux: what is written fills one piece after the other.

A piece is sent as one burst of packets, or in several where a window cuts it. PSH ends each burst of more than one
packet, so that a receiver that joins packets does not wait for more, and each write whose end is the end of a piece.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, ClassVar, Final

from estab.tcp.config import MILLISECOND
from estab.tcp.recovery import RECOVERY
from estab.tcp.snapshot import Origin, Slots, Snapshot

if TYPE_CHECKING:
    from estab.tcp.connection import Connection

_MOST: Final = 65_215
"""Bytes of a piece: a packet of 64 KiB with the largest headers."""
_DEFAULT_MSS: Final = 536
_LEAST_PACKETS: Final = 2
_PACE_SHIFT: Final = 10
"""A burst is what the pace sends in 2⁻¹⁰ s …"""
_RTT_SHIFT: Final = 9
"""… and more on a short path: half of the largest for each 2⁹ µs of round trip less."""
_SHORTEST: Final = 32
_RECENT: Final = MILLISECOND
_SHARE: Final = 3
"""More than this part of the window is always worth sending."""


class Pushes(Snapshot):
    """Positions are sequence numbers; what is acknowledged is forgotten."""

    __slots__ = ("ends", "marks", "piece", "pushed")
    SENT: ClassVar[Slots] = ("piece", "pushed")
    DERIVED: ClassVar[Slots] = ("ends", "marks")

    def __init__(self, start: int) -> None:
        self.piece: int = start
        """Where the piece begins that the next write fills up."""
        self.pushed: int = start
        """The latest mark."""
        self.marks: list[int] = []
        """Ends of pieces that have PSH."""
        self.ends: list[int] = []
        """Ends of what has been sent at once."""

    def on_written(self, c: Connection, start: int, more: bool) -> None:
        """``[start, end of the queue)`` is new; ``more``: the application will go on."""
        end, sent = c.send_queue.end, c.snd_nxt
        half = c.max_snd_wnd >> 1 if c.max_snd_wnd > _DEFAULT_MSS else c.max_snd_wnd
        most = max(min(_MOST, half) // c.mss, 1) * c.mss
        for known in (self.marks, self.ends):
            del known[: bisect_right(known, c.snd_una)]
        piece = max(self.piece, sent)
        if start - piece >= most:
            piece = start
        elif self.marks and self.marks[-1] == start > sent:
            self.marks.pop()
        while end - piece >= most:
            piece += most
            if piece > self.pushed + (c.max_snd_wnd >> 1):
                self._mark(piece)
        self.piece = piece
        if not more or end > self.pushed + (c.max_snd_wnd >> 1):
            self._mark(end)

    def _mark(self, position: int) -> None:
        self.pushed = position
        if not self.marks or self.marks[-1] < position:
            self.marks.append(position)

    def on_sent(self, end: int, forced: bool) -> None:
        """Something went out up to ``end``, new or again; ``forced``: a small piece, so that it has PSH."""
        for known in (self.ends, self.marks) if forced else (self.ends,):
            place = bisect_left(known, end)
            if place == len(known) or known[place] != end:
                insort(known, end)

    def marked(self, position: int) -> bool:
        place = bisect_left(self.marks, position)
        return place < len(self.marks) and self.marks[place] == position

    def until_mark(self, start: int, length: int) -> int:
        """So much of ``length`` lies before the end of a piece."""
        return _until(self.marks, start, length)

    def until_end(self, start: int, length: int) -> int:
        """So much of ``length`` was sent at once."""
        return _until(self.ends, start, length)

    def snapshot(self, origin: Origin) -> Hashable:
        lists = tuple(tuple(each - origin.iss for each in known) for known in (self.marks, self.ends))
        return super().snapshot(origin), lists

    def restore(self, value: Any, origin: Origin) -> None:
        super().restore(value[0], origin)
        self.marks, self.ends = ([each + origin.iss for each in known] for known in value[1])


def _until(known: list[int], start: int, length: int) -> int:
    place = bisect_right(known, start)
    return min(length, known[place] - start) if place < len(known) else length


def defers(c: Connection, room: int, unsent: int, now: int) -> bool:
    """Right behind a burst, with an acknowledgement soon to come, a small rest of the window waits for more room."""
    if c.recovery.phase is RECOVERY or c.last_sent is None or now - c.last_sent > _RECENT:
        return False
    if not c.board.ranges or room >= unsent or room >= burst_of(c):
        return False
    if room >= min(c.snd_wnd, c.congestion.cwnd) // _SHARE:
        return False
    return now - c.board.ranges[0].sent_at >= c.rtt.srtt >> 1


def burst_of(c: Connection) -> int:
    """Bytes that go out at once at most: what the pace sends in a millisecond, but never more than half the window."""
    mss, srtt = c.mss, c.rtt.srtt
    size = 0
    if srtt:
        size = (c.congestion.pacing_rate(srtt) or 0) >> _PACE_SHIFT
        shift = (c.rtt.min_rtt // 1000) >> _RTT_SHIFT
        if shift < _SHORTEST:
            size += 65_536 >> shift
    packets = max(min(size, _MOST) // mss, _LEAST_PACKETS)
    return min(packets, max(c.congestion.cwnd // mss // 2, 1)) * mss
