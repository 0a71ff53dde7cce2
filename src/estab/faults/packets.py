"""Packets as faults need them: complete, copied, or read without touching them."""

from __future__ import annotations

from typing import Final

from estab.wire import ip
from estab.wire.packet import Checksum, Packet, ParseError
from estab.wire.segmentation import split

_RAW: Final = int(Checksum.RAW)


def complete(packet: Packet) -> list[Packet]:
    """What a packet would be on a wire: no super-packets, real checksums. What cannot be parsed stays as it is."""
    if packet.checksum == _RAW and not packet.segment_size:
        return [packet]
    # The field of a verified packet may be wrong: as a partial one it is computed anew.
    partial = Packet(packet.head, packet.body, Checksum.PARTIAL, packet.segment_size, packet.segments)
    try:
        return split(partial)
    except ParseError:
        return [Packet(packet.head, packet.body)]


def copy(packet: Packet) -> Packet:
    """The same packet once more: whoever receives it may parse and trim it without harm to the other."""
    return Packet(packet.head, packet.body, packet.checksum, packet.segment_size, packet.segments)


def wire_size(packet: Packet) -> int:
    """Bytes on the wire: a super-packet from a stack has its headers once for each packet that it stands for."""
    size = packet.size()
    return size if packet.segments == 1 else size + (packet.segments - 1) * len(packet.head)


def peek(packet: Packet) -> Packet | None:
    """A parsed copy, its transport checksum taken on trust; ``None`` when it is no IP packet."""
    parsed = Packet(packet.head, packet.body, Checksum.VERIFIED)
    try:
        ip.parse(parsed)
    except ParseError:
        return None
    return parsed
