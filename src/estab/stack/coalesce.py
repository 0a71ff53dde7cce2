"""Joining what one batch brought in sequence, for links that hand in packet by packet.

One call of the connection then carries many packets. Only segments that agree in everything but length, ID, PSH and
checksum are joined, so that nothing a connection could tell apart is lost: nobody waits for a PSH here.
"""

from __future__ import annotations

from typing import Final

from estab.wire.tcp import ACK, FIN, PSH, RST, SYN, URG, Segment

_KIND: Final = ACK | FIN | RST | SYN | URG
"""Of these only ACK may be set; what ECN says may be anything that both say."""
_LIMIT: Final = 1 << 20
"""Bytes: a connection looks at its acknowledgements and timers at least so often."""


def join(first: Segment, second: Segment) -> bool:
    """Append ``second`` to ``first`` where nobody could tell the difference; False: they stay two."""
    if not first.length:
        return _supersede(first, second)
    if (
        (first.flags ^ second.flags) & ~PSH
        or first.flags & _KIND != ACK
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


def _supersede(first: Segment, second: Segment) -> bool:
    """A pure acknowledgement that is followed by one for more has nothing left to say: loss is found by bytes and time.

    Duplicates, SACK blocks and window probes are news of their own and stay."""
    if (
        first.flags != second.flags
        or first.flags & _KIND != ACK
        or second.length
        or second.seq != first.seq
        or not 0 < (second.ack - first.ack) & 0xFFFFFFFF < 1 << 30
        or first.options.sack
        or second.options.sack
        or second.ecn != first.ecn
    ):
        return False
    first.ack = second.ack
    first.window = second.window
    first.options = second.options
    first.segments += second.segments
    first.ce += second.ce
    return True
