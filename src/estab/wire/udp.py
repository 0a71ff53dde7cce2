"""UDP datagrams: RFC 768, RFC 8200 §8.1."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Final, NamedTuple

from estab.wire import ip
from estab.wire.checksum import pseudo_header, sum_parts
from estab.wire.packet import PROTO_UDP, Buffer, Checksum, Packet, ParseError

UDP_HEADER: Final = 8
_UDP: Final = Struct("!HHHH")


class Datagram(NamedTuple):
    """What a UDP packet carries."""

    source_port: int
    destination_port: int
    payload: bytes | memoryview
    """A view of the packet's memory where it lies there in one piece."""


def parse(packet: Packet) -> Datagram:
    """Read the datagram in a packet that ``ip.parse`` has seen. Raises ``ParseError``.

    Bytes after the length of the UDP header are cut off. No checksum (0) is allowed in IPv4 only."""
    head = packet.head
    start = packet.transport
    if len(head) < start + UDP_HEADER:
        raise ParseError("udp-truncated")
    source_port, destination_port, length, checksum = _UDP.unpack_from(head, start)
    if length < UDP_HEADER or length > packet.length - start:
        raise ParseError("udp-length")
    data = memoryview(b"".join((head[start:], *packet.body)) if packet.body else head[start:])[:length]
    if packet.checksum == Checksum.RAW:
        if checksum:
            if sum_parts((data,), pseudo_header(packet.src, packet.dst, PROTO_UDP, length)) != 0xFFFF:
                raise ParseError("udp-checksum")
        elif len(packet.src) == 16:
            raise ParseError("udp-checksum")
    return Datagram(source_port, destination_port, data[UDP_HEADER:])


def build(
    src: bytes,
    dst: bytes,
    source_port: int,
    destination_port: int,
    payload: Buffer,
    *,
    ttl: int = 64,
    dscp: int = 0,
    ecn: int = 0,
    flow_label: int = 0,
    identification: int = 0,
    partial: bool = False,
) -> Packet:
    """The packet for a datagram. Raises ``ValueError`` when it is too long for IP.

    ``partial``: the checksum field gets the pseudo-header's sum, for a link that completes it."""
    length = UDP_HEADER + len(payload)
    if length > 0xFFFF:
        raise ValueError(f"a UDP payload of {len(payload)} bytes is too long")
    checksum = pseudo_header(src, dst, PROTO_UDP, length)
    if not partial:
        total = checksum + source_port + destination_port + length
        checksum = 0xFFFF ^ sum_parts((payload,), total) or 0xFFFF  # RFC 768: 0 on the wire says that there is none
    packet = ip.build(
        _UDP.pack(source_port, destination_port, length, checksum),
        (payload,) if payload else (),
        src,
        dst,
        PROTO_UDP,
        ttl=ttl,
        dscp=dscp,
        ecn=ecn,
        flow_label=flow_label,
        identification=identification,
    )
    if partial:
        packet.checksum = Checksum.PARTIAL
    return packet


def join(packets: Sequence[Packet], size: int) -> Packet:
    """One super-packet for datagrams between the same ports, ``size`` bytes of payload each but for the last.

    Its checksum is left to the link that cuts it."""
    first = packets[0]
    source_port, destination_port, _, _ = _UDP.unpack_from(first.head, first.transport)
    behind = first.transport + UDP_HEADER
    payload = tuple(view for packet in packets for view in (packet.head[behind:], *packet.body) if view)
    length = UDP_HEADER + sum(map(len, payload))
    joined = ip.build(
        _UDP.pack(source_port, destination_port, length, pseudo_header(first.src, first.dst, PROTO_UDP, length)),
        payload,
        first.src,
        first.dst,
        PROTO_UDP,
        ttl=first.ttl,
        dscp=first.dscp,
        ecn=first.ecn,
        flow_label=first.flow_label,
    )
    joined.checksum = Checksum.PARTIAL
    joined.segment_size = size
    joined.segments = len(packets)
    return joined
