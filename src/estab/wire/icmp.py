"""ICMP for both families as one kind of value: RFC 792, RFC 1191 §4, RFC 4443."""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

from estab.wire import ip
from estab.wire.address import is_broadcast, is_multicast, is_unspecified
from estab.wire.checksum import checksum, pseudo_header, sum_parts
from estab.wire.packet import PROTO_ICMP, PROTO_ICMPV6, PROTO_TCP, PROTO_UDP, Checksum, Packet, ParseError

ICMP_HEADER: Final = 8
MAX_ERROR_V4: Final = 576
"""Bytes of IP packet: RFC 1812 §4.3.2.3."""
MAX_ERROR_V6: Final = 1280
"""RFC 4443 §2.4 (c)."""
V4_FRAGMENTATION_NEEDED: Final = 4
"""The code of destination unreachable that is ``TOO_BIG`` here."""
V4_PORT_UNREACHABLE: Final = 3
V6_PORT_UNREACHABLE: Final = 4

_ICMP: Final = Struct("!BBHI")
_PORTS_SEQ: Final = Struct("!HHI")
_PORTS: Final = Struct("!HH")


class IcmpKind(IntEnum):
    """What a message is about, in either family."""

    ECHO_REQUEST = 0
    ECHO_REPLY = 1
    UNREACHABLE = 2
    TOO_BIG = 3
    """IPv6 packet too big, IPv4 fragmentation needed."""
    TIME_EXCEEDED = 4
    PARAMETER_PROBLEM = 5
    SOURCE_QUENCH = 6
    OTHER = 7


_TYPES_V4: Final = {
    IcmpKind.ECHO_REQUEST: 8,
    IcmpKind.ECHO_REPLY: 0,
    IcmpKind.UNREACHABLE: 3,
    IcmpKind.TOO_BIG: 3,
    IcmpKind.TIME_EXCEEDED: 11,
    IcmpKind.PARAMETER_PROBLEM: 12,
}
_TYPES_V6: Final = {
    IcmpKind.ECHO_REQUEST: 128,
    IcmpKind.ECHO_REPLY: 129,
    IcmpKind.UNREACHABLE: 1,
    IcmpKind.TOO_BIG: 2,
    IcmpKind.TIME_EXCEEDED: 3,
    IcmpKind.PARAMETER_PROBLEM: 4,
}
_KINDS_V4: Final = {
    8: IcmpKind.ECHO_REQUEST,
    0: IcmpKind.ECHO_REPLY,
    3: IcmpKind.UNREACHABLE,
    4: IcmpKind.SOURCE_QUENCH,
    11: IcmpKind.TIME_EXCEEDED,
    12: IcmpKind.PARAMETER_PROBLEM,
}
_KINDS_V6: Final = {number: kind for kind, number in _TYPES_V6.items()}
_QUERIES_V4: Final = frozenset((0, 8, 13, 14, 17, 18))
_ECHO: Final = frozenset((IcmpKind.ECHO_REQUEST, IcmpKind.ECHO_REPLY))
_ERRORS: Final = frozenset((2, 3, 4, 5, 6))


class Quote(NamedTuple):
    """What the packet quoted in an error says about itself: for its sender, so ``src`` was us."""

    src: bytes
    dst: bytes
    protocol: int
    source_port: int
    """0 when the quote is too short to tell, or the protocol has none; likewise the destination's."""
    destination_port: int
    seq: int | None
    """The 32-bit sequence number, of TCP only."""


class Icmp(NamedTuple):
    """One ICMP message."""

    kind: IcmpKind
    code: int
    """As on the wire: its meaning depends on kind and family."""
    identifier: int = 0
    sequence: int = 0
    mtu: int = 0
    """``TOO_BIG``: the next hop's, in bytes; 0 from a router older than RFC 1191."""
    payload: bytes = b""
    """What an echo carries."""
    quote: Quote | None = None


def parse(packet: Packet) -> Icmp:
    """Read the message in a packet that ``ip.parse`` has seen. Raises ``ParseError``."""
    v6 = len(packet.src) == 16
    if packet.protocol != (PROTO_ICMPV6 if v6 else PROTO_ICMP):
        raise ParseError("icmp-family")
    data = b"".join((packet.head[packet.transport :], *packet.body))
    if len(data) < ICMP_HEADER:
        raise ParseError("icmp-truncated")
    if packet.checksum == Checksum.RAW:
        total = pseudo_header(packet.src, packet.dst, PROTO_ICMPV6, len(data)) if v6 else 0
        if sum_parts((data,), total) != 0xFFFF:
            raise ParseError("icmp-checksum")
    number, code, _, rest = _ICMP.unpack_from(data)
    kind = (_KINDS_V6 if v6 else _KINDS_V4).get(number, IcmpKind.OTHER)
    if kind in _ECHO:
        return Icmp(kind, code, rest >> 16, rest & 0xFFFF, payload=data[ICMP_HEADER:])
    if kind not in _ERRORS:
        return Icmp(kind, code)
    mtu = 0
    if v6 and kind == IcmpKind.TOO_BIG:
        mtu = rest
    elif kind == IcmpKind.UNREACHABLE and code == V4_FRAGMENTATION_NEEDED and not v6:
        kind = IcmpKind.TOO_BIG
        mtu = rest & 0xFFFF
    quote = parse_quote(data[ICMP_HEADER:])
    if quote is not None and len(quote.src) != len(packet.src):
        quote = None
    return Icmp(kind, code, mtu=mtu, quote=quote)


def parse_quote(data: bytes) -> Quote | None:
    """Read the beginning of a quoted packet, wherever it was cut off; ``None`` when not even its addresses are there.

    Nothing about it is verified: a router has changed it, and anybody may have made it up (RFC 5927 §4.1)."""
    offset = 0
    if len(data) >= ip.IPV4_HEADER and data[0] >> 4 == 4:
        src, dst, protocol = data[12:16], data[16:20], data[9]
        transport = (data[0] & 15) * 4
        offset = int.from_bytes(data[6:8], "big") & 0x1FFF
        if transport < ip.IPV4_HEADER:
            return None
    elif len(data) >= ip.IPV6_HEADER and data[0] >> 4 == 6:
        src, dst = data[8:24], data[24:40]
        try:
            protocol, transport, _, fragment = ip.walk_extensions(data, data[6])
        except ParseError:
            return None
        offset = fragment.offset if fragment else 0
    else:
        return None
    seq = None
    source_port = destination_port = 0
    if not offset and protocol in (PROTO_TCP, PROTO_UDP) and len(data) >= transport + 4:
        source_port, destination_port = _PORTS.unpack_from(data, transport)
        if protocol == PROTO_TCP and len(data) >= transport + 8:
            seq = _PORTS_SEQ.unpack_from(data, transport)[2]
    return Quote(src, dst, protocol, source_port, destination_port, seq)


def error_allowed(packet: Packet) -> bool:
    """Whether an error may be sent about this packet at all: RFC 1122 §3.2.2, RFC 4443 §2.4 (e).

    Not about an ICMP error, a later fragment, or a packet to or from an address that names no single host."""
    if packet.fragment is not None and packet.fragment.offset:
        return False
    for address in (packet.src, packet.dst):
        if is_unspecified(address) or is_multicast(address) or is_broadcast(address):
            return False
    if packet.protocol not in (PROTO_ICMP, PROTO_ICMPV6):
        return True
    if len(packet.head) <= packet.transport:
        return False
    number = packet.head[packet.transport]
    return number in _QUERIES_V4 if packet.protocol == PROTO_ICMP else number >= 128


def build_echo(message: Icmp, src: bytes, dst: bytes, *, ttl: int = 64) -> Packet:
    """The packet for an echo request or reply."""
    rest = message.identifier << 16 | message.sequence
    return _build((message.kind, 0, rest), message.payload, src, dst, ttl)


def build_echo_reply(request: Icmp, src: bytes, dst: bytes, *, ttl: int = 64) -> Packet:
    """The answer to an echo request: its data comes back unchanged (RFC 792, RFC 4443 §4.2)."""
    return build_echo(request._replace(kind=IcmpKind.ECHO_REPLY), src, dst, ttl=ttl)


def build_error(  # noqa: PLR0917
    kind: IcmpKind,
    code: int,
    mtu: int,
    offending: Packet,
    src: bytes,
    dst: bytes,
    *,
    pointer: int = 0,
    ttl: int = 64,
) -> Packet:
    """An error that quotes as much of the offending packet as its family allows; ask ``error_allowed`` first.

    ``mtu`` counts for ``TOO_BIG``, whose code is set here, ``pointer`` (bytes) for ``PARAMETER_PROBLEM``."""
    v6 = len(src) == 16
    rest = 0
    if kind == IcmpKind.TOO_BIG:
        code = 0 if v6 else V4_FRAGMENTATION_NEEDED
        rest = mtu if v6 else min(mtu, 0xFFFF)
    elif kind == IcmpKind.PARAMETER_PROBLEM:
        rest = pointer if v6 else pointer << 24
    room = (MAX_ERROR_V6 - ip.IPV6_HEADER if v6 else MAX_ERROR_V4 - ip.IPV4_HEADER) - ICMP_HEADER
    return _build((kind, code, rest), _beginning(offending, room), src, dst, ttl)


def _beginning(packet: Packet, size: int) -> bytes:
    """The first ``size`` bytes of a packet, without a copy of the rest."""
    taken = bytes(packet.head[:size])
    for part in packet.body:
        if len(taken) >= size:
            break
        taken += part[: size - len(taken)]
    return taken


def _build(fields: tuple[IcmpKind, int, int], payload: bytes, src: bytes, dst: bytes, ttl: int) -> Packet:
    kind, code, rest = fields
    v6 = len(src) == 16
    number = (_TYPES_V6 if v6 else _TYPES_V4)[kind]
    protocol = PROTO_ICMPV6 if v6 else PROTO_ICMP
    total = pseudo_header(src, dst, protocol, ICMP_HEADER + len(payload)) if v6 else 0
    value = checksum((_ICMP.pack(number, code, 0, rest), payload), total)
    return ip.build(_ICMP.pack(number, code, value, rest), (payload,) if payload else (), src, dst, protocol, ttl=ttl)
