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
_PER_SECOND: Final = 1024
"""Bursts of a second, were nothing else to be heeded."""
_LARGEST: Final = 65_536
"""What a path without any length adds to a burst; each ``_STEP`` of round trip halves it."""
_STEP: Final = 512_000
"""ns."""
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
        """``[start, end of the queue)`` is new; ``more``: the application will go on.

        A piece holds half of the peer's largest window in whole segments; within one write a piece that ends more than
        that behind the latest mark is marked as well."""
        end, sent = c.send_queue.end, c.snd_nxt
        self._forget(c.snd_una)
        half = c.max_snd_wnd >> 1
        most = max(min(_MOST, half if c.max_snd_wnd > _DEFAULT_MSS else c.max_snd_wnd) // c.mss, 1) * c.mss
        begun = max(self.piece, sent)
        if start >= begun + most:
            begun = start
        elif self.marks and self.marks[-1] == start > sent:
            # The piece was not full, and its end moves.
            self.marks.pop()
        full = (end - begun) // most
        self.piece = begun + full * most
        first = max((self.pushed + half - begun) // most + 1, 1)
        for number in range(first, full + 1, half // most + 1):
            self._mark(begun + number * most)
        if not more or end > self.pushed + half:
            self._mark(end)

    def _forget(self, acknowledged: int) -> None:
        for known in (self.marks, self.ends):
            del known[: bisect_right(known, acknowledged)]

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
    """A small rest of the window waits for company: right behind a burst, with the next acknowledgement near.

    It is near when the oldest packet under way left more than half a round trip ago."""
    if not c.board.ranges or c.last_sent is None or c.recovery.phase is RECOVERY:
        return False
    small = room < min(unsent, burst_of(c), min(c.snd_wnd, c.congestion.cwnd) // _SHARE)
    return small and now - c.last_sent <= _RECENT and 2 * (now - c.board.ranges[0].sent_at) >= c.rtt.srtt


def burst_of(c: Connection) -> int:
    """Bytes that go out at once at most: what the pace sends in 2⁻¹⁰ s, more the shorter the path is, but never more
    than half the window and, the window permitting, no less than two packets."""
    mss = c.mss
    paced = (c.congestion.pacing_rate(c.rtt.srtt) or 0) // _PER_SECOND
    bonus = _LARGEST >> min(c.rtt.min_rtt // _STEP, _LARGEST.bit_length()) if c.rtt.srtt else 0
    packets = max(min(paced + bonus, _MOST) // mss, _LEAST_PACKETS)
    return min(packets, max(c.congestion.cwnd // (2 * mss), 1)) * mss
