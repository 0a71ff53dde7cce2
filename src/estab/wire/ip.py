"""IPv4 and IPv6 headers: RFC 791, RFC 8200, RFC 3168 §5 (ECN).

``parse`` reads the network header of a packet into the packet itself; ``header`` makes one.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from estab.wire.checksum import ones_sum
from estab.wire.packet import ECN_CE, PROTO_ICMPV6, PROTO_TCP, PROTO_UDP, Buffer, Checksum, Fragment, Packet, ParseError

IPV4_HEADER: Final = 20
IPV6_HEADER: Final = 40
FRAGMENT_HEADER: Final = 8
MAX_EXTENSION_HEADERS: Final = 8
MAX_EXTENSION_OPTIONS: Final = 32
"""Options in one extension header, padding included: a limit on work, RFC 8504 §5.3."""

NO_NEXT_HEADER: Final = 59
EXTENSION_HOP_BY_HOP: Final = 0
EXTENSION_ROUTING: Final = 43
EXTENSION_FRAGMENT: Final = 44
EXTENSION_DESTINATION: Final = 60

_IPV4: Final = Struct("!BBHHHBBH4s4s")
_IPV6: Final = Struct("!IHBB16s16s")
_FRAGMENT: Final = Struct("!BxHI")
_RAW: Final = int(Checksum.RAW)
_EXTENSIONS: Final = frozenset((EXTENSION_HOP_BY_HOP, EXTENSION_ROUTING, EXTENSION_FRAGMENT, EXTENSION_DESTINATION))
_UPPER: Final = frozenset((PROTO_TCP, PROTO_UDP, PROTO_ICMPV6, NO_NEXT_HEADER))


def parse(packet: Packet) -> None:
    """Fill the packet's IP fields from its bytes and cut off link padding.

    IPv6 stops at a fragment header: ``protocol`` and ``transport`` then are what follows it. Raises ``ParseError``."""
    head = packet.head
    if len(head) < IPV4_HEADER:
        raise ParseError("ip-truncated")
    version = head[0] >> 4
    if version == 4:
        _parse_v4(packet, head)
    elif version == 6:
        _parse_v6(packet, head)
    else:
        raise ParseError("ip-version")
    if packet.ecn == ECN_CE:
        packet.ce = packet.segments


def _parse_v4(packet: Packet, head: Buffer) -> None:
    # The type says how the compiled form unpacks it.
    fields: tuple[int, int, int, int, int, int, int, int, bytes, bytes] = _IPV4.unpack_from(head)
    first, tos, length, identification, place, ttl, protocol, _, src, dst = fields
    header_length = (first & 15) * 4
    if header_length < IPV4_HEADER or header_length > len(head):
        raise ParseError("ip-header-length")
    size = packet.size() if packet.body else len(head)
    if not length and packet.segment_size:
        length = size  # see Offload.longest: whoever handed it in knows better
    if length < header_length or length > size:
        raise ParseError("ip-length")
    if packet.checksum == _RAW and ones_sum(head, 0, header_length) % 65535:
        raise ParseError("ip-checksum")
    if length < size:
        _trim(packet, length)
    packet.src = src
    packet.dst = dst
    packet.protocol = protocol
    packet.ttl = ttl
    packet.dscp = tos >> 2
    packet.ecn = tos & 3
    packet.flow_label = 0
    packet.transport = header_length
    packet.length = length
    packet.fragment = Fragment(identification, (place & 0x1FFF) * 8, bool(place & 0x2000)) if place & 0x3FFF else None


def _parse_v6(packet: Packet, head: Buffer) -> None:
    if len(head) < IPV6_HEADER:
        raise ParseError("ip-truncated")
    fields: tuple[int, int, int, int, bytes, bytes] = _IPV6.unpack_from(head)
    first, length, protocol, ttl, src, dst = fields
    length += IPV6_HEADER
    size = packet.size() if packet.body else len(head)
    if length == IPV6_HEADER and packet.segment_size:
        length = size
    if length > size:
        raise ParseError("ip-length")
    if length < size:
        _trim(packet, length)
        head = packet.head
    packet.src = src
    packet.dst = dst
    packet.ttl = ttl
    packet.dscp = first >> 22 & 63
    packet.ecn = first >> 20 & 3
    packet.flow_label = first & 0xFFFFF
    packet.length = length
    packet.fragment = None
    packet.transport = IPV6_HEADER
    if protocol not in _UPPER:
        protocol, packet.transport, _, packet.fragment = walk_extensions(head, protocol)
    packet.protocol = protocol


def _trim(packet: Packet, length: int) -> None:
    """Leave ``length`` bytes in the packet: what follows them is the link's padding."""
    head = packet.head
    packet.head = memoryview(head)[:length]
    left = max(length - len(head), 0)
    body = []
    for part in packet.body:
        kept = min(len(part), left)
        if kept:
            body.append(memoryview(part)[:kept])
        left -= kept
    packet.body = tuple(body)


def walk_extensions(head: Buffer, next_header: int) -> tuple[int, int, int, Fragment | None]:
    """Follow the IPv6 extension headers (RFC 8200 §4) from the fixed header on.

    Returns the protocol after them, where that begins, where the field is that names it (for reassembly, which
    takes the fragment header out: the field before that header), and the fragment if it is one; an atomic fragment
    (RFC 6946) is none."""
    position = IPV6_HEADER
    field = 6
    for _ in range(MAX_EXTENSION_HEADERS + 1):
        if next_header in _UPPER:
            return next_header, position, field, None
        if next_header not in _EXTENSIONS or (next_header == EXTENSION_HOP_BY_HOP and position != IPV6_HEADER):
            raise ParseError("ipv6-next-header")
        if position + 8 > len(head):
            raise ParseError("ipv6-extension-length")
        size = 8
        if next_header == EXTENSION_FRAGMENT:
            following, place, identification = _FRAGMENT.unpack_from(head, position)
            if place & 0xFFF9:
                fragment = Fragment(identification, place & 0xFFF8, bool(place & 1))
                return following, position + FRAGMENT_HEADER, field, fragment
        else:
            size = _check_extension(head, next_header, position)
        field = position
        next_header = head[position]
        position += size
    raise ParseError("ipv6-extension-count")


def _check_extension(head: Buffer, kind: int, position: int) -> int:
    """The size of an extension header that may be skipped."""
    size = (head[position + 1] + 1) * 8
    if position + size > len(head):
        raise ParseError("ipv6-extension-length")
    if kind == EXTENSION_ROUTING:
        if head[position + 3]:  # segments left: this host is not the destination, and it does not route
            raise ParseError("ipv6-routing")
    else:
        _check_options(head, position + 2, position + size)
    return size


def _check_options(head: Buffer, position: int, end: int) -> None:
    """Skip the options that RFC 8200 §4.2 lets a host skip: the two highest bits of the kind are 00."""
    for _ in range(MAX_EXTENSION_OPTIONS):
        if position >= end:
            return
        kind = head[position]
        if kind == 0:
            position += 1
            continue
        if position + 2 > end or position + 2 + head[position + 1] > end:
            raise ParseError("ipv6-option-length")
        if kind & 0xC0:
            raise ParseError("ipv6-option")
        position += 2 + head[position + 1]
    if position < end:
        raise ParseError("ipv6-option-count")


def header(
    src: bytes,
    dst: bytes,
    protocol: int,
    payload_length: int,
    *,
    ttl: int = 64,
    dscp: int = 0,
    ecn: int = 0,
    flow_label: int = 0,
    identification: int = 0,
    dont_fragment: bool = True,
) -> bytes:
    """An IP header, its version by the length of the addresses; IPv4 with its checksum.

    Raises ``ValueError`` when the packet would be longer than its length field can say."""
    tos = dscp << 2 | ecn
    if len(src) == 16:
        if payload_length > 0xFFFF:
            raise ValueError(f"an IPv6 payload of {payload_length} bytes is too long")
        return _IPV6.pack(0x60000000 | tos << 20 | flow_label, payload_length, protocol, ttl, src, dst)
    if payload_length > 0xFFFF - IPV4_HEADER:
        raise ValueError(f"an IPv4 payload of {payload_length} bytes is too long")
    place = 0x4000 * dont_fragment
    return _pack_v4((0x45, tos, IPV4_HEADER + payload_length, identification & 0xFFFF, place, ttl, protocol), src, dst)


def _pack_v4(fields: tuple[int, int, int, int, int, int, int], src: bytes, dst: bytes) -> bytes:
    """The header of these fields, down to the protocol, with its checksum."""
    first, tos, length, identification, place, ttl, protocol = fields
    total = (first << 8) + tos + length + identification + place + (ttl << 8) + protocol
    total += int.from_bytes(src, "big") + int.from_bytes(dst, "big")
    return _IPV4.pack(*fields, 0xFFFF - (total % 65535 or 65535), src, dst)


def build(
    transport: bytes,
    body: tuple[Buffer, ...],
    src: bytes,
    dst: bytes,
    protocol: int,
    *,
    ttl: int = 64,
    dscp: int = 0,
    ecn: int = 0,
    flow_label: int = 0,
    identification: int = 0,
) -> Packet:
    """The packet of a finished transport header and the views after it. Raises ``ValueError`` when it is too long."""
    size = len(transport) + sum(map(len, body))
    first = header(
        src, dst, protocol, size, ttl=ttl, dscp=dscp, ecn=ecn, flow_label=flow_label, identification=identification
    )
    packet = Packet(first + transport, body)
    packet.src = src
    packet.dst = dst
    packet.protocol = protocol
    packet.ttl = ttl
    packet.dscp = dscp
    packet.ecn = ecn
    packet.flow_label = flow_label if len(src) == 16 else 0
    packet.transport = len(first)
    packet.length = len(first) + size
    return packet


def fragment_packet(packet: Packet, mtu: int, identification: int) -> list[Packet]:
    """Cut a packet from ``build`` (no IP options, no extension headers) into fragments of at most ``mtu`` bytes.

    A packet that fits comes back as it is. Raises ``ValueError`` when the checksum is partial, when it was to be
    completed over the whole, or when the MTU leaves no room for eight bytes of payload."""
    if packet.length <= mtu:
        return [packet]
    if packet.checksum == Checksum.PARTIAL:
        raise ValueError("a packet with a partial checksum cannot be fragmented")
    v6 = len(packet.src) == 16
    data = memoryview(packet.tobytes())[packet.transport :]
    room = (mtu - (IPV6_HEADER + FRAGMENT_HEADER if v6 else IPV4_HEADER)) & ~7
    if room < 8:
        raise ValueError(f"an MTU of {mtu} leaves no room for a fragment")
    make = _fragment_v6 if v6 else _fragment_v4
    fragments = []
    for offset in range(0, len(data), room):
        piece = data[offset : offset + room]
        fragment = Packet(make(packet, identification, offset, len(piece), offset + room < len(data)), (piece,))
        parse(fragment)
        fragment.scope_id = packet.scope_id
        fragments.append(fragment)
    return fragments


def _fragment_v4(packet: Packet, identification: int, offset: int, size: int, more: bool) -> bytes:
    tos = packet.dscp << 2 | packet.ecn
    place = offset >> 3 | 0x2000 * more
    fields = (0x45, tos, IPV4_HEADER + size, identification & 0xFFFF, place, packet.ttl, packet.protocol)
    return _pack_v4(fields, packet.src, packet.dst)


def _fragment_v6(packet: Packet, identification: int, offset: int, size: int, more: bool) -> bytes:
    return header(
        packet.src,
        packet.dst,
        EXTENSION_FRAGMENT,
        FRAGMENT_HEADER + size,
        ttl=packet.ttl,
        dscp=packet.dscp,
        ecn=packet.ecn,
        flow_label=packet.flow_label,
    ) + _FRAGMENT.pack(packet.protocol, offset | more, identification & 0xFFFFFFFF)
