"""What an offloading link would have done: cut super-packets into wire packets, complete partial checksums.

And what goes before it: dividing what is more than it takes at once."""

from __future__ import annotations

from struct import Struct
from typing import Final

from estab.wire import ip
from estab.wire.checksum import ones_sum, pseudo_header, sum_parts
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
from estab.wire.tcp import CHECKSUM_OFFSET, CWR, FIN, PSH, TCP_HEADER, URG, Segment

_PARTIAL: Final = int(Checksum.PARTIAL)
_CHECKSUM_AT: Final = {PROTO_TCP: CHECKSUM_OFFSET, PROTO_UDP: 6, PROTO_ICMPV6: 2}
_SHORT: Final = Struct("!H")
_SHORTS: Final = Struct("!HH")
_LONG: Final = Struct("!I")
_IPV4: Final = Struct("!2sHH4sH")
_TCP: Final = Struct("!4sI4sH2sHH")
_SEQ: Final = 4
_ACK: Final = 8
_FLAGS: Final = 12
_WINDOW: Final = 14
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
    cut = _cut(body, size)
    if packet.protocol == PROTO_UDP:
        return _split_datagrams(packet, head, cut)
    return _split_segments(packet, head, cut, length, cwr_once)


def divide(segment: Segment, most: int) -> list[Segment]:
    """Super-segments of at most ``most`` payload bytes that are together what this one is; payload is shared.

    CWR stays on the first (RFC 3168 §6.1.2), FIN and PSH on the last."""
    size = segment.segment_size
    most = max(most // size, 1) * size
    pieces = []
    offset = 0
    for views in _cut(segment.payload, most):
        flags = _kept(segment.flags, segment.urgent, offset, offset + most < segment.length, True)
        piece = Segment(
            segment.seq + offset,
            segment.ack,
            flags,
            segment.window,
            views,
            segment.options,
            segment.urgent - offset if flags & URG else 0,
            segment.source_port,
            segment.destination_port,
        )
        piece.ecn = segment.ecn
        if piece.length > size:
            piece.segment_size = size
            piece.segments = -(-piece.length // size)
        pieces.append(piece)
        offset += most
    return pieces


def _kept(flags: int, urgent: int, offset: int, more: bool, cwr_once: bool) -> int:
    """The flags of the piece that begins at ``offset``."""
    if offset and cwr_once:
        flags &= ~CWR
    if more:
        flags &= ~(FIN | PSH)
    if flags & URG and urgent <= offset:  # the urgent data ended in an earlier piece
        flags &= ~URG
    return flags


def _split_segments(
    packet: Packet, head: bytearray, cut: list[tuple[Buffer, ...]], length: int, cwr_once: bool
) -> list[Packet]:
    """``cut``: what each piece carries, ``length`` bytes in all."""
    start, size = packet.transport, packet.segment_size
    seq: int = _LONG.unpack_from(head, start + _SEQ)[0]
    flags: int = _SHORT.unpack_from(head, start + _FLAGS)[0]
    urgent: int = _SHORT.unpack_from(head, start + _URGENT)[0]
    identification: int = _SHORT.unpack_from(head, 4)[0]
    ports, ack = bytes(head[start : start + _SEQ]), bytes(head[start + _ACK : start + _FLAGS])
    window, options = bytes(head[start + _WINDOW : start + CHECKSUM_OFFSET]), bytes(head[start + TCP_HEADER :])
    common = _transport_sum(packet, ports + ack + window + options)
    network = _Network(packet, head)
    pieces = []
    offset = 0
    for views in cut:
        more = offset + size < length
        kept = _kept(flags, urgent, offset, more, cwr_once)
        pointer = urgent - offset if kept & URG else 0
        number = (seq + offset) & MASK32
        end = len(head) + (size if more else length - offset)
        total = common + number + kept + pointer + end - start + _sum(views)
        checksum = 0xFFFF - (total % 65535 or 0xFFFF)
        transport: bytes = _TCP.pack(ports, number, ack, kept, window, checksum, pointer)
        pieces.append(_like(packet, network.header(end, identification) + transport + options, views, end))
        offset += size
        identification = (identification + 1) & 0xFFFF
    return pieces


def _split_datagrams(packet: Packet, head: bytearray, cut: list[tuple[Buffer, ...]]) -> list[Packet]:
    start = packet.transport
    identification: int = _SHORT.unpack_from(head, 4)[0]
    ports = bytes(head[start : start + _UDP_LENGTH])
    common = _transport_sum(packet, ports)
    network = _Network(packet, head)
    pieces = []
    for views in cut:
        end = len(head)
        for view in views:
            end += len(view)
        length = end - start
        total = common + length + length + _sum(views)  # it is in the pseudo-header too
        # RFC 768: a zero on the wire means that there is none.
        transport: bytes = ports + _SHORTS.pack(length, 0xFFFF - total % 65535)
        pieces.append(_like(packet, network.header(end, identification) + transport, views, end))
        identification = (identification + 1) & 0xFFFF
    return pieces


class _Network:
    """The IP headers of the pieces, which differ in length, identification and checksum."""

    __slots__ = ("after", "before", "between", "sum", "v4")

    def __init__(self, packet: Packet, head: bytearray) -> None:
        self.v4: bool = len(packet.src) == 4
        self.before: bytes = bytes(head[:2] if self.v4 else head[:4])
        self.between: bytes = bytes(head[6:10])
        """Of IPv4: from the identification to the checksum."""
        self.after: bytes = bytes(head[12 if self.v4 else 6 : packet.transport])
        self.sum: int = int.from_bytes(self.before + self.between + self.after, "big") % 65535

    def header(self, end: int, identification: int) -> bytes:
        """Of a packet of ``end`` bytes."""
        if not self.v4:
            return self.before + _SHORT.pack(end - ip.IPV6_HEADER) + self.after
        checksum = 0xFFFF - ((self.sum + end + identification) % 65535 or 0xFFFF)
        first: bytes = _IPV4.pack(self.before, end, identification, self.between, checksum)
        return first + self.after


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


def _cut(parts: tuple[Buffer, ...], size: int) -> list[tuple[Buffer, ...]]:
    """The concatenation of ``parts`` in pieces of ``size`` bytes, the last may be shorter."""
    pieces: list[tuple[Buffer, ...]] = []
    views: list[Buffer] = []
    missing = size
    for part in parts:
        view = memoryview(part)
        length = len(view)
        position = 0
        while length - position >= missing:
            piece = view[position : position + missing]
            position += missing
            if views:
                views.append(piece)
                pieces.append(tuple(views))
                views = []
                missing = size
            else:
                pieces.append((piece,))
        if position < length:
            views.append(view[position:])
            missing -= length - position
    if views:
        pieces.append(tuple(views))
    return pieces


def _transport_sum(packet: Packet, header: bytes) -> int:
    """Of the pseudo-header but its length, and of what the transport headers of all pieces have in common."""
    total = pseudo_header(packet.src, packet.dst, packet.protocol, 0)
    return (total + int.from_bytes(header, "big")) % 65535


def _sum(views: tuple[Buffer, ...]) -> int:
    return ones_sum(views[0]) if len(views) == 1 else sum_parts(views)


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
