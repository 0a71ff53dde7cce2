"""What an offloading link would have done: cut super-packets into wire packets, complete partial checksums."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

from estab.wire import ip
from estab.wire.checksum import pseudo_header, sum_parts
from estab.wire.packet import (
    ECN_CE,
    PROTO_ICMPV6,
    PROTO_TCP,
    PROTO_UDP,
    Buffer,
    Checksum,
    Packet,
    ParseError,
)
from estab.wire.sequence import MASK32
from estab.wire.tcp import CHECKSUM_OFFSET, CWR, FIN, PSH, TCP_HEADER, URG

_PARTIAL: Final = int(Checksum.PARTIAL)
_CHECKSUM_AT: Final = {PROTO_TCP: CHECKSUM_OFFSET, PROTO_UDP: 6, PROTO_ICMPV6: 2}
_SHORT: Final = Struct("!H")
_LONG: Final = Struct("!I")
_SEQ: Final = 4
_FLAGS: Final = 12
_URGENT: Final = 18
_UDP_LENGTH: Final = 4


def complete_checksum(packet: Packet) -> Packet:
    """A ``PARTIAL`` packet of TCP, UDP or ICMPv6 as one whose checksum is in its bytes; any other as it is.

    The given packet stays partial; payload is shared. Raises ``ParseError`` when it is too short to have the field."""
    if packet.checksum != _PARTIAL:
        return packet
    if not packet.transport:
        ip.parse(packet)
    field = _CHECKSUM_AT.get(packet.protocol)
    if field is None:
        return packet
    head, body = _take_headers(packet)
    start = packet.transport
    total = pseudo_header(packet.src, packet.dst, packet.protocol, packet.length - start)
    _SHORT.pack_into(head, start + field, 0)
    value = 0xFFFF ^ sum_parts((head[start:], *body), total)
    if not value and packet.protocol == PROTO_UDP:
        value = 0xFFFF  # RFC 768: a zero on the wire means that there is none
    _SHORT.pack_into(head, start + field, value)
    complete = _like(packet, bytes(head), body, packet.length)
    complete.segment_size = packet.segment_size
    complete.segments = packet.segments
    complete.ce = packet.ce
    return complete


def split(packet: Packet, *, cwr_once: bool = True) -> list[Packet]:
    """The wire packets that a super-packet stands for, with complete checksums; payload is shared.

    The IPv4 identification grows by one per piece; CWR stays on the first (RFC 3168 §6.1.2) unless ``cwr_once`` is
    false, FIN and PSH on the last.
    A packet that is none comes back alone, its checksum completed. Raises ``ParseError``."""
    size = packet.segment_size
    if not size:
        return [complete_checksum(packet)]
    if not packet.transport:
        ip.parse(packet)
    if packet.protocol not in (PROTO_TCP, PROTO_UDP):
        return [complete_checksum(packet)]
    head, body = _take_headers(packet)
    length = packet.length - len(head)
    if length <= size:
        return [complete_checksum(packet)]
    if packet.protocol == PROTO_UDP:
        return _split_datagrams(packet, head, body)
    start = packet.transport
    (seq,) = _LONG.unpack_from(head, start + _SEQ)
    (flags,) = _SHORT.unpack_from(head, start + _FLAGS)
    (urgent,) = _SHORT.unpack_from(head, start + _URGENT)
    _SHORT.pack_into(head, start + CHECKSUM_OFFSET, 0)
    (identification,) = _SHORT.unpack_from(head, 4)
    pieces = []
    for index, views in enumerate(_cut(body, size)):
        offset = index * size
        kept = flags
        if offset and cwr_once:
            kept &= ~CWR
        if offset + size < length:
            kept &= ~(FIN | PSH)
        if kept & URG and urgent <= offset:  # the urgent data ended in an earlier piece
            kept &= ~URG
        _LONG.pack_into(head, start + _SEQ, (seq + offset) & MASK32)
        _SHORT.pack_into(head, start + _FLAGS, kept)
        _SHORT.pack_into(head, start + _URGENT, urgent - offset if kept & URG else 0)
        piece_length = len(head) + min(size, length - offset)
        wire = _finish(head, packet, views, piece_length, (identification + index) & 0xFFFF)
        pieces.append(_like(packet, wire, views, piece_length))
    return pieces


def _split_datagrams(packet: Packet, head: bytearray, body: tuple[Buffer, ...]) -> list[Packet]:
    start = packet.transport
    _SHORT.pack_into(head, start + _CHECKSUM_AT[PROTO_UDP], 0)
    (identification,) = _SHORT.unpack_from(head, 4)
    pieces = []
    for index, views in enumerate(_cut(body, packet.segment_size)):
        length = len(head) + sum(map(len, views))
        _SHORT.pack_into(head, start + _UDP_LENGTH, length - start)
        wire = _finish(head, packet, views, length, (identification + index) & 0xFFFF)
        pieces.append(_like(packet, wire, views, length))
    return pieces


def _take_headers(packet: Packet) -> tuple[bytearray, tuple[Buffer, ...]]:
    """A copy of the headers to write in, and the views of everything behind them."""
    head = packet.head
    start = packet.transport
    end = start + (TCP_HEADER if packet.protocol == PROTO_TCP else 8)
    if packet.protocol == PROTO_TCP and len(head) >= end:
        end = max(end, start + (head[start + _FLAGS] >> 4) * 4)
    if len(head) < end:
        raise ParseError("checksum-truncated")
    body = packet.body if len(head) == end else (memoryview(head)[end:], *packet.body)
    return bytearray(head[:end]), body


def _cut(parts: tuple[Buffer, ...], size: int) -> Iterator[tuple[Buffer, ...]]:
    """The concatenation of ``parts`` in pieces of ``size`` bytes, the last may be shorter."""
    views: list[Buffer] = []
    missing = size
    for part in parts:
        view = memoryview(part)
        position = 0
        while len(view) - position >= missing:
            views.append(view[position : position + missing])
            position += missing
            yield tuple(views)
            views = []
            missing = size
        if position < len(view):
            views.append(view[position:])
            missing -= len(view) - position
    if views:
        yield tuple(views)


def _finish(head: bytearray, packet: Packet, views: tuple[Buffer, ...], length: int, identification: int) -> bytes:
    """The headers of one piece: ``head`` has everything but lengths, identification and checksums."""
    start = packet.transport
    if len(packet.src) == 4:
        _SHORT.pack_into(head, 2, length)
        _SHORT.pack_into(head, 4, identification)
        _SHORT.pack_into(head, 10, 0)
        _SHORT.pack_into(head, 10, 0xFFFF - (int.from_bytes(head[:start], "big") % 65535 or 0xFFFF))
    else:
        _SHORT.pack_into(head, 4, length - ip.IPV6_HEADER)
    total = pseudo_header(packet.src, packet.dst, packet.protocol, length - start)
    total += int.from_bytes(head[start:], "big")
    checksum = 0xFFFF ^ sum_parts(views, total)
    if not checksum and packet.protocol == PROTO_UDP:
        checksum = 0xFFFF  # RFC 768: a zero on the wire means that there is none
    wire = bytearray(head)
    _SHORT.pack_into(wire, start + _CHECKSUM_AT[packet.protocol], checksum)
    return bytes(wire)


def _like(packet: Packet, head: bytes, body: tuple[Buffer, ...], length: int) -> Packet:
    """One wire packet with a raw checksum and the IP fields of another."""
    made = Packet(head, body)
    made.ce = 1 if packet.ecn == ECN_CE else 0
    made.src = packet.src
    made.dst = packet.dst
    made.scope_id = packet.scope_id
    made.protocol = packet.protocol
    made.ttl = packet.ttl
    made.dscp = packet.dscp
    made.ecn = packet.ecn
    made.flow_label = packet.flow_label
    made.transport = packet.transport
    made.length = length
    made.fragment = packet.fragment
    return made
