"""Joining what one batch brought in sequence, for links that hand in packet by packet.

One call of the connection then carries many packets. Only segments that agree in everything but length, ID and
checksum are joined, and a PSH ends it, so that nothing a connection could tell apart is lost.
"""

from __future__ import annotations

from typing import Final

from estab.wire.tcp import ACK, PSH, Segment

_JOINABLE: Final = ACK | PSH
_LIMIT: Final = 1 << 20
"""Bytes: a connection looks at its acknowledgements and timers at least so often."""


def join(first: Segment, second: Segment) -> bool:
    """Append ``second`` to ``first`` where nobody could tell the difference; False: they stay two."""
    if (
        first.flags != ACK
        or second.flags & ~_JOINABLE
        or not second.flags & ACK
        or not first.length
        or not second.length
        or second.seq != (first.seq + first.length) & 0xFFFFFFFF
        or second.ack != first.ack
        or second.window != first.window
        or first.length + second.length > _LIMIT
        or second.ecn != first.ecn
        or second.options != first.options
    ):
        return False
    size = first.segment_size or first.length
    if first.length % size or (second.segment_size or second.length) > size:
        return False
    first.payload += second.payload
    first.length += second.length
    first.flags |= second.flags
    first.segments += second.segments
    first.segment_size = size
    first.ce += second.ce
    return True
