"""The virtio_net_hdr in front of every packet on an offloading TUN (virtio 1.2 §5.1.6, fields little-endian)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from estab.wire import ip, tcp, udp
from estab.wire.packet import PROTO_ICMPV6, PROTO_TCP, PROTO_UDP, Buffer, Checksum, Packet, ParseError

VNET_HEADER: Final = 10

F_NEEDS_CSUM: Final = 1
F_DATA_VALID: Final = 2
GSO_NONE: Final = 0
GSO_TCPV4: Final = 1
GSO_TCPV6: Final = 4
GSO_UDP_L4: Final = 5
GSO_ECN: Final = 0x80

CHECKSUM_FIELD: Final = {PROTO_TCP: tcp.CHECKSUM_OFFSET, PROTO_UDP: 6, PROTO_ICMPV6: 2}
"""Where the checksum is, from the start of the transport header."""

PLAIN: Final = bytes(VNET_HEADER)
"""The header of a packet that needs nothing."""

_VNET: Final = Struct("<BBHHHH")
_PARTIAL: Final = int(Checksum.PARTIAL)
_VERIFIED: Final = int(Checksum.VERIFIED)


def encode(packet: Packet) -> bytes:
    """What the kernel has to do for a packet: complete its checksum, cut it.

    Raises ``ParseError`` for a partial checksum where none can be completed."""
    if packet.checksum != _PARTIAL:
        return PLAIN
    if not packet.transport:
        ip.parse(packet)
    start = packet.transport
    if packet.segment_size:
        head = packet.head
        if packet.protocol == PROTO_UDP and len(head) >= start + udp.UDP_HEADER:
            sizes = start + udp.UDP_HEADER, packet.segment_size
            return _VNET.pack(F_NEEDS_CSUM, GSO_UDP_L4, *sizes, start, CHECKSUM_FIELD[PROTO_UDP])
        if packet.protocol != PROTO_TCP or len(head) < start + tcp.TCP_HEADER:
            raise ParseError("vnet-segment")
        kind = GSO_TCPV4 if head[0] >> 4 == 4 else GSO_TCPV6
        if head[start + 13] & tcp.CWR:
            kind |= GSO_ECN
        header_length = start + (head[start + 12] >> 4) * 4
        return _VNET.pack(F_NEEDS_CSUM, kind, header_length, packet.segment_size, start, tcp.CHECKSUM_OFFSET)
    field = CHECKSUM_FIELD.get(packet.protocol)
    if field is None:
        raise ParseError("vnet-checksum")
    return _VNET.pack(F_NEEDS_CSUM, GSO_NONE, 0, 0, start, field)


def decode(header: Buffer, packet: Packet) -> None:
    """Note on a packet from the kernel, whose bytes are all in ``head``, what the header before it says."""
    # The type says how the compiled form unpacks it.
    fields: tuple[int, int, int, int, int, int] = _VNET.unpack_from(header)
    flags, kind, _, segment_size, start, _ = fields
    if flags & F_NEEDS_CSUM:
        packet.checksum = _PARTIAL
    elif flags & F_DATA_VALID:
        packet.checksum = _VERIFIED
    if kind == GSO_NONE or not segment_size:
        return
    head = packet.head
    if not flags & F_NEEDS_CSUM:
        start = (head[0] & 15) * 4 if head[0] >> 4 == 4 else ip.IPV6_HEADER
    # hdr_len is only a hint of what is linear in the kernel's memory; the header itself is sure.
    length = udp.UDP_HEADER if kind == GSO_UDP_L4 else (head[start + 12] >> 4) * 4
    payload = len(head) - start - length
    if payload > segment_size:
        packet.segment_size = segment_size
        packet.segments = -(-payload // segment_size)
