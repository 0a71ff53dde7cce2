"""Packets as they are on the wire, header by header, with the options as raw bytes in their order."""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from estab.wire import ip
from estab.wire.checksum import sum_parts
from estab.wire.packet import PROTO_ICMP, PROTO_ICMPV6, PROTO_TCP, PROTO_UDP, Packet, ParseError

_TCP: Final = Struct("!HHIIHHHH")
_UDP: Final = Struct("!HHHH")
_IPV4: Final = Struct("!BBHHHBBH4s4s")
_IPV6: Final = Struct("!IHBB16s16s")
_ICMP: Final = Struct("!BBHI")

RawOption = tuple[int, bytes]
"""Kind, and the bytes after the length octet."""


class Live(NamedTuple):
    """One packet that the stack has sent, at ``time`` (ns). Of a merged one, the headers of the last piece."""

    time: int
    src: bytes
    dst: bytes
    ecn: int
    dscp: int
    ttl: int
    flow_label: int
    ports: tuple[int, int]
    seq: int
    ack: int
    flags: int
    """Twelve bits, the reserved ones included."""
    window: int
    urgent: int
    options: tuple[RawOption, ...]
    length: int
    """Of the payload."""
    zero: bool
    """The payload consists of zeros."""
    protocol: int = PROTO_TCP
    udp: tuple[int, int] | None = None
    """Ports of the datagram that carried it."""
    whole: Packet | None = None


def decode(packet: Packet, time: int) -> Live:
    """Read a packet that a stack gave for its link. Raises ``ParseError`` when a checksum is wrong, among others."""
    read = Packet(packet.head, packet.body)
    ip.parse(read)
    head = bytes(read.head[read.transport :])
    body = b"".join(read.body)
    if read.protocol == PROTO_UDP:
        source, destination, _, _ = _UDP.unpack_from(head)
        return _bare(read, time, (source, destination), len(head) + len(body) - 8, head[8:] + body)
    if read.protocol != PROTO_TCP:
        return _bare(read, time, (0, 0), len(head) + len(body), head + body)
    _check(read, head, body)
    source, destination, seq, ack, offset_flags, window, _, urgent = _TCP.unpack_from(head)
    data = (offset_flags >> 12) * 4
    payload = head[data:] + body
    return Live(
        time,
        read.src,
        read.dst,
        read.ecn,
        read.dscp,
        read.ttl,
        read.flow_label,
        (source, destination),
        seq,
        ack,
        offset_flags & 0xFFF,
        window,
        urgent,
        split_options(head[20:data]),
        len(payload),
        not any(payload),
        whole=packet,
    )


def _bare(read: Packet, time: int, ports: tuple[int, int], length: int, payload: bytes) -> Live:
    fields = (read.src, read.dst, read.ecn, read.dscp, read.ttl, read.flow_label, ports, 0, 0, 0, 0, 0, ())
    return Live(time, *fields, length, not any(payload), read.protocol, whole=read)


def _check(read: Packet, head: bytes, body: bytes) -> None:
    total = int.from_bytes(read.src, "big") + int.from_bytes(read.dst, "big") + PROTO_TCP + len(head) + len(body)
    if (total + sum_parts((head, body))) % 65535:
        raise ParseError("tcp-checksum")


def split_options(data: bytes) -> tuple[RawOption, ...]:
    """Every option in its place, padding included. Raises ``ParseError``."""
    found: list[RawOption] = []
    place = 0
    while place < len(data):
        kind = data[place]
        if kind <= 1:
            found.append((kind, b""))
            place += 1
            continue
        length = data[place + 1] if place + 1 < len(data) else 0
        if length < 2 or place + length > len(data):
            raise ParseError("tcp-option-length")
        found.append((kind, data[place + 2 : place + length]))
        place += length
    return tuple(found)


class Header(NamedTuple):
    """What an injected packet says about itself in IP."""

    src: bytes
    dst: bytes
    tos: int = 0
    ttl: int = 255
    flow_label: int = 0


def build_tcp(header: Header, fields: tuple[int, ...], options: bytes, length: int) -> bytes:
    """The bytes of a segment with ``length`` zeros; fields: ports, seq, ack, flags, window, urgent pointer."""
    source, destination, seq, ack, flags, window, urgent = fields
    size = 20 + len(options)
    raw = _TCP.pack(source, destination, seq, ack, size << 10 | flags, window, 0, urgent) + options
    total = int.from_bytes(header.src, "big") + int.from_bytes(header.dst, "big") + PROTO_TCP + size + length
    value = _complement(total + sum_parts((raw,)))
    raw = raw[:16] + value.to_bytes(2, "big") + raw[18:]
    return network_header(header, PROTO_TCP, size + length) + raw + bytes(length)


def build_icmp(header: Header, fields: tuple[int, int, int], quoted: bytes) -> bytes:
    """The bytes of an error; fields: type, code, and the 32 bits after the checksum."""
    kind, code, rest = fields
    v6 = len(header.src) == 16
    raw = _ICMP.pack(kind, code, 0, rest) + quoted
    total = sum_parts((raw,))
    if v6:
        total += int.from_bytes(header.src, "big") + int.from_bytes(header.dst, "big") + PROTO_ICMPV6 + len(raw)
    raw = raw[:2] + _complement(total).to_bytes(2, "big") + raw[4:]
    return network_header(header, PROTO_ICMPV6 if v6 else PROTO_ICMP, len(raw)) + raw


def network_header(header: Header, protocol: int, length: int) -> bytes:
    """The IP header before ``length`` bytes."""
    if len(header.src) == 16:
        first = 0x60000000 | header.tos << 20 | header.flow_label
        return _IPV6.pack(first, length, protocol, header.ttl, header.src, header.dst)
    fields = (0x45, header.tos, 20 + length, 0, 0x4000, header.ttl, protocol)
    raw = _IPV4.pack(*fields, 0, header.src, header.dst)
    return _IPV4.pack(*fields, _complement(sum_parts((raw,))), header.src, header.dst)


def _complement(total: int) -> int:
    return 65535 - (total % 65535 or 65535)
