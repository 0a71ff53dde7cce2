"""A segment in flight, independent of where the sequence spaces begin: what the explorer's network carries."""

from __future__ import annotations

from typing import Final, NamedTuple

from estab.wire import ip, tcp
from estab.wire.options import NO_OPTIONS, Options
from estab.wire.packet import Packet
from estab.wire.sequence import MASK32
from estab.wire.tcp import ACK, RST, Segment, format_flags

NOBODY: Final = -1
"""The source of what no connection sent: a reset from CLOSED or LISTEN."""
FORGED: Final = -2
"""The source of what the adversary made up."""
_ZERO: Final = -1
"""The sequence number 0 of RFC 9293 §3.10.7.1 (``<SEQ=0>``), which is not relative to anything."""


class Flying(NamedTuple):
    """Numbers count from the base of the host in whose sequence space they lie, modulo 2^32.

    ``source`` and ``trigger`` are ghosts: no stack ever sees them.
    """

    to: int
    """The host that it is for: 0 or 1."""
    seq: int
    ack: int | None
    flags: int
    window: int
    payload: bytes = b""
    options: Options = NO_OPTIONS
    urgent: int = 0
    ecn: int = 0
    source: int = NOBODY
    """Which of its host's connections sent it."""
    trigger: int | None = None
    """Of a reset in answer to a segment: which of the receiver's connections had sent that."""

    def __str__(self) -> str:
        """As a label: numbers of the wire, less the base."""
        seq = 0 if self.seq == _ZERO else self.seq
        text = f"{format_flags(self.flags)} {seq}"
        if self.payload:
            text += f":{seq + len(self.payload)}"
        if self.ack is not None:
            text += f" ack {self.ack}"
        if self.source == FORGED:
            return f"{text} (forged)"
        return text if self.source == NOBODY else f"{text} (#{self.source + 1})"


def take(packet: Packet, bases: tuple[int, int], to: int, source: int, trigger: int | None) -> Flying:
    """The value of a packet that host ``1 - to`` has sent. ``bases``: where the two sequence spaces begin."""
    copy = Packet(packet.tobytes())
    ip.parse(copy)
    segment = tcp.parse(copy)
    theirs, ours = bases[1 - to], bases[to]
    absolute = source == NOBODY and segment.seq == 0 and segment.flags & (RST | ACK) == RST | ACK
    return Flying(
        to,
        _ZERO if absolute else segment.seq - theirs & MASK32,
        segment.ack - ours & MASK32 if segment.flags & ACK else None,
        segment.flags,
        segment.window,
        b"".join(bytes(part) for part in segment.payload),
        segment.options._replace(sack=tuple((a - ours & MASK32, b - ours & MASK32) for a, b in segment.options.sack)),
        segment.urgent,
        copy.ecn,
        source,
        trigger,
    )


def build(flying: Flying, bases: tuple[int, int], addresses: tuple[bytes, bytes], ports: tuple[int, int]) -> Packet:
    """The packet as it arrives: what ``take`` made a value of, on a wire with these bases."""
    to = flying.to
    theirs, ours = bases[1 - to], bases[to]
    segment = Segment(
        0 if flying.seq == _ZERO else flying.seq + theirs,
        0 if flying.ack is None else flying.ack + ours,
        flying.flags,
        flying.window,
        (flying.payload,) if flying.payload else (),
        flying.options._replace(sack=tuple((a + ours & MASK32, b + ours & MASK32) for a, b in flying.options.sack)),
        flying.urgent,
        ports[1 - to],
        ports[to],
    )
    packet = tcp.build(segment, addresses[1 - to], addresses[to], ecn=flying.ecn)
    return Packet(packet.tobytes())
