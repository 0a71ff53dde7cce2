"""A receive window that is a share of the buffer's memory, as Linux 6.18 shows it on the wire.

What can be seen there: a packet takes a block of memory whose size is a power of two, so the largest segment says how
much payload the buffer holds. The window does not open to all of that at once: each segment lets it reach further by
two more, and segments that waste memory let it reach only the smaller a part the more they waste. A buffer that is
nearly full offers nothing new, and what was offered is never taken back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from estab.tcp.snapshot import Slots, Snapshot

if TYPE_CHECKING:
    from estab.tcp.connection import Connection
    from estab.wire.tcp import Segment

_WHOLE: Final = 256
"""What shares of memory are counted in."""
_GUESS: Final = _WHOLE // 2
"""The share that payload is thought to have, until a segment tells."""
_MARGINS: Final = 384
"""Bytes of a block beside the packet."""
_LABEL: Final = 256
"""Bytes for each block beside it."""
_CRAMPED: Final = 16
"""Less than this part of the buffer is left: nearly full."""
_WASTE: Final = 2
"""So many times its fair share a segment may take before the window reaches less far for it."""


class MemoryWindow(Snapshot):
    """``reach`` is the largest window to offer so far, ``share`` the payload in 256 bytes of memory."""

    __slots__ = ("reach", "share")
    PLAIN: ClassVar[Slots] = ("reach", "share")

    def __init__(self, capacity: int) -> None:
        self.reach: int = capacity
        self.share: int = _GUESS

    def open(self, c: Connection) -> None:
        """The SYN has come: the window is as many whole segments as fit, even where its field cannot say so many
        (RFC 7323 §2.2); at first it reaches one less than the buffer holds."""
        asked = c.advertised_mss()
        whole = asked - 12 * c.ts_ok
        window = _capacity(c) // whole * whole or _capacity(c)
        c.rcv_edge = c.rcv_nxt + window
        self.reach = min(window, max(c.receive_limit - asked, 2 * asked))

    def resize(self, c: Connection, payload: int) -> None:
        """The application wants room for ``payload`` bytes at the share that was guessed."""
        c.receive_limit = payload * self.share // _GUESS
        self.reach = min(self.reach, c.receive_limit)

    def on_segment(self, c: Connection, size: int, largest: bool) -> None:
        """``size`` bytes came in one segment; ``largest``: in none so many before."""
        memory = _block(c, size)
        if largest:
            self._measure(c, max(size * _WHOLE // memory, 1))
        worth = memory * self.share // _WHOLE
        gain = 2 * c.advertised_mss()
        if worth > size:
            waste = (-(-worth // (_WASTE * size)) - 1).bit_length() + 1
            far = c.config.receive_buffer_max * self.share // _WHOLE
            gain = 2 * c.rcv_mss if self.reach << waste <= far else 0
        # One segment is kept back until something has been measured.
        kept = c.advertised_mss() if self.share == _GUESS else 0
        left = min(_room(c), c.receive_limit - kept) - self.reach
        if gain and left > 0:
            self.reach += min(left, max(gain, 2 * size))

    def _measure(self, c: Connection, share: int) -> None:
        before, self.share = self.share, share
        c.receive_limit = c.receive_limit * share // before
        offered = c.rcv_edge - c.rcv_nxt
        self.reach = min(max(self.reach, offered) if share > before else self.reach, c.receive_limit)

    def edge(self, c: Connection) -> int:
        """The right edge to announce (RFC 9293 §3.8.6.2.2)."""
        room, unit = _room(c), 1 << c.rcv_wscale
        offered = max(c.rcv_edge - c.rcv_nxt, 0)
        segment = min(c.rcv_mss, _capacity(c))
        window = min(room, self.reach, _capacity(c))
        if room < max(_capacity(c) // _CRAMPED, segment):
            window = 0
        elif unit > 1 and 2 * room < _capacity(c):
            window -= window % unit
        elif unit == 1:
            # Without a scale only whole segments are worth telling.
            window = offered if 0 <= window - offered < segment else window - window % segment
        window = max(window, offered)
        return c.rcv_nxt + window + -window % unit

    def worth_telling(self, c: Connection) -> bool:
        """What was read doubles the window that the peer still sees."""
        offered = c.rcv_edge - c.rcv_nxt
        return 2 * offered <= _capacity(c) and self.edge(c) - c.rcv_nxt >= max(2 * offered, 1)

    def swallows(self, c: Connection, segment: Segment) -> bool:
        """What sticks out of the window is taken whole or not at all: where everything before it has come and was read.

        Behind a hole it is not: each such segment would move the edge, and a peer could have all memory filled."""
        end = segment.seq + segment.length
        if not segment.length or not segment.seq <= c.rcv_edge < end:
            return True
        if segment.seq <= c.rcv_nxt and not c.receive_queue.size:
            c.rcv_edge = end
        return c.rcv_edge == end


def _capacity(c: Connection) -> int:
    """Payload that the buffer holds, as far as the application lets it."""
    return min(c.receive_limit, c.config.window_clamp or c.receive_limit)


def _room(c: Connection) -> int:
    """Bytes that there is memory for."""
    beyond = 0 if c.reassembly is None else c.reassembly.size
    return _capacity(c) - c.receive_queue.size - beyond


def _block(c: Connection, size: int) -> int:
    """Memory of a packet with ``size`` bytes of payload."""
    packet = size + c.ip_header + 20 + 12 * c.ts_ok
    return (1 << (packet + _MARGINS - 1).bit_length()) + _LABEL
