"""The receive window as Linux offers it: what the buffer's memory holds, in whole units of the window scale.

How much payload memory holds is guessed as half of it, and measured with each larger segment: a packet pins a block of
memory whose size is a power of two, and some more. Within that the window opens with what comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from estab.tcp.connection import Connection
    from estab.wire.tcp import Segment

_RATIO_SHIFT: Final = 8
INITIAL_RATIO: Final = 1 << _RATIO_SHIFT - 1
_OVERHEAD: Final = 256
"""Bytes besides the block: what describes a packet."""
_MARGINS: Final = 384
"""Bytes of the block before the packet and behind it."""
_NEARLY_FULL: Final = 4
"""… is a buffer with less than a 2⁻⁴ part left."""


def begin(c: Connection) -> None:
    """The SYN has come: the right edge is fixed, even where a field cannot say it (RFC 7323 §2.2)."""
    mss = c.advertised_mss()
    whole = mss - 12 * c.ts_ok
    window = min(c.receive_limit, c.config.window_clamp or c.receive_limit)
    if window > whole:
        window = window // whole * whole
    c.rcv_edge = c.rcv_nxt + window
    c.receive_ssthresh = min(window, max(c.receive_limit - mss, 2 * mss))


def measure(c: Connection, size: int) -> None:
    """A segment with ``size`` bytes is the largest so far: the memory that it takes says what the buffer holds."""
    ratio = max((size << _RATIO_SHIFT) // _memory(c, size), 1)
    before, c.receive_limit = c.receive_limit, c.receive_limit * ratio // c.memory_ratio
    c.memory_ratio = ratio
    if c.receive_limit < before:
        c.receive_ssthresh = min(c.receive_ssthresh, c.receive_limit)
    else:
        c.receive_ssthresh = max(c.receive_ssthresh, min(c.rcv_edge - c.rcv_nxt, c.receive_limit))


def grow(c: Connection, size: int) -> None:
    """A segment of ``size`` bytes came: the window may open by two of them, where many like it have room."""
    room = _free(c) - c.receive_ssthresh
    if room <= 0:
        return
    if _memory(c, size) * c.memory_ratio >> _RATIO_SHIFT <= size:
        step = 2 * c.advertised_mss()
    else:
        step = _step_of_small(c, size)
    if step:
        c.receive_ssthresh += min(room, max(step, 2 * size))


def takes(c: Connection, segment: Segment) -> bool:
    """Beyond the right edge only what nothing unread stands before."""
    end = segment.seq + segment.length
    if end <= c.rcv_edge or segment.seq > c.rcv_edge or not segment.length:
        return True
    if c.receive_queue.size:
        return False
    c.rcv_edge = end
    return True


def update_due(c: Connection) -> bool:
    """What was read lets the window open to twice what the peer still sees."""
    left = c.rcv_edge - c.rcv_nxt
    return 2 * left <= c.receive_limit and window_edge(c) - c.rcv_nxt >= max(2 * left, 1)


def window_edge(c: Connection) -> int:
    """The right edge to announce: never left of an earlier one, and not moved where so little room is left that a
    segment would hardly find it (RFC 9293 §3.8.6.2.2)."""
    unit = 1 << c.rcv_wscale
    limit = min(c.receive_limit, c.config.window_clamp or c.receive_limit)
    free = _free(c)
    mss = min(c.rcv_mss, limit)
    present = max(c.rcv_edge - c.rcv_nxt, 0)
    if free < limit >> 1:
        free = free // unit * unit
        if free < limit >> _NEARLY_FULL or free < mss:
            free = 0
    window = min(free, c.receive_ssthresh, limit)
    if unit == 1 and window:
        if present <= window - mss or present > window:
            window = window // mss * mss
        elif mss != limit or window <= present + (limit >> 1):
            window = present
    return c.rcv_nxt + -(-max(window, present) // unit) * unit


def _free(c: Connection) -> int:
    held = 0 if c.reassembly is None else sum(map(len, c.reassembly.pieces))
    return c.receive_limit - c.receive_queue.size - held


def _memory(c: Connection, size: int) -> int:
    """Bytes that a packet with ``size`` bytes of payload takes."""
    packet = size + c.ip_header + 20 + 12 * c.ts_ok
    return (1 << (packet + _MARGINS - 1).bit_length()) + _OVERHEAD


def _step_of_small(c: Connection, size: int) -> int:
    """Small segments take more memory than they are worth; the smaller the window is, the more it may still grow."""
    memory = (_memory(c, size) * c.memory_ratio >> _RATIO_SHIFT) >> 1
    window = (c.config.receive_buffer_max * c.memory_ratio >> _RATIO_SHIFT) >> 1
    while c.receive_ssthresh <= window:
        if memory <= size:
            return 2 * c.rcv_mss
        memory >>= 1
        window >>= 1
    return 0
