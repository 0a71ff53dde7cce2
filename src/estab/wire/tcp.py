"""TCP segments (RFC 9293 §3.1): the hottest file of this room, so each function makes as few calls as it can."""

from __future__ import annotations

from struct import Struct
from typing import Final

from estab.wire.checksum import ones_sum, sum_parts
from estab.wire.options import NO_OPTIONS, Options, emit_options, format_options, parse_options
from estab.wire.packet import PROTO_TCP, SMALL, Buffer, Checksum, Packet, ParseError
from estab.wire.sequence import MASK32

FIN: Final = 0x001
SYN: Final = 0x002
RST: Final = 0x004
PSH: Final = 0x008
ACK: Final = 0x010
URG: Final = 0x020
ECE: Final = 0x040
CWR: Final = 0x080
AE: Final = 0x100

TCP_HEADER: Final = 20
CHECKSUM_OFFSET: Final = 16
"""Where the checksum is in the TCP header."""

_TCP: Final = Struct("!HHIIHHHH")
_IPV4_TCP: Final = Struct("!BBHHHBBH4s4sHHIIHHHH")
_IPV6_TCP: Final = Struct("!IHBB16s16sHHIIHHHH")
_RAW: Final = int(Checksum.RAW)
_PARTIAL: Final = int(Checksum.PARTIAL)
_FLAG_LETTERS: Final = ((SYN, "S"), (FIN, "F"), (RST, "R"), (PSH, "P"), (URG, "U"), (ECE, "E"), (CWR, "W"), (AE, "e"))


class Segment:
    """One TCP segment, or one super-segment that stands for ``segments`` of ``segment_size`` payload bytes each.

    From ``parse``, ``seq`` and ``ack`` are 32-bit numbers; ``build`` takes integers of any size and cuts them."""

    __slots__ = (
        "ack",
        "ce",
        "destination_port",
        "ecn",
        "flags",
        "length",
        "options",
        "payload",
        "segment_size",
        "segments",
        "seq",
        "source_port",
        "urgent",
        "window",
    )

    def __init__(  # noqa: PLR0917  (called with positions: keywords cost time here)
        self,
        seq: int,
        ack: int,
        flags: int,
        window: int,
        payload: tuple[Buffer, ...] = (),
        options: Options = NO_OPTIONS,
        urgent: int = 0,
        source_port: int = 0,
        destination_port: int = 0,
    ) -> None:
        self.seq: int = seq
        self.ack: int = ack
        self.flags: int = flags
        self.window: int = window
        """The field as it is on the wire: 0 to 65535, not scaled."""
        self.payload: tuple[Buffer, ...] = payload
        self.options: Options = options
        self.urgent: int = urgent
        self.source_port: int = source_port
        self.destination_port: int = destination_port
        length = 0
        for part in payload:
            length += len(part)
        self.length: int = length
        """Bytes of payload."""
        self.segments: int = 1
        self.segment_size: int = 0
        self.ecn: int = 0
        """The ECN codepoint of the IP header it came in."""
        self.ce: int = 0
        """How many of ``segments`` carried the codepoint CE."""

    @property
    def span(self) -> int:
        """Sequence numbers it occupies: payload, SYN and FIN (SEG.LEN of RFC 9293 §3.4)."""
        flags = self.flags
        return self.length + (flags & FIN) + (flags >> 1 & 1)

    def __repr__(self) -> str:
        text = f"{self.seq}:{self.seq + self.length}({self.length})"
        if self.flags & ACK:
            text += f" ack {self.ack}"
        text += f" win {self.window}"
        if self.flags & URG:
            text += f" urg {self.urgent}"
        text += f" [{format_flags(self.flags)}]"
        options = format_options(self.options)
        return f"{text} <{options}>" if options else text


def format_flags(flags: int) -> str:
    """The flags as tcpdump writes them: ``"S."`` is SYN and ACK; ``"none"`` when there are none."""
    letters = "".join([letter for bit, letter in _FLAG_LETTERS if flags & bit])
    return (letters + "." if flags & ACK else letters) or "none"


def parse(packet: Packet) -> Segment:
    """Read the segment in a packet that ``ip.parse`` has seen; a large packet's payload shares its memory, and lies in
    ``body`` from then on.

    A checksum in the state ``RAW`` is verified (RFC 9293 MUST-3). Raises ``ParseError``."""
    head = packet.head
    start = packet.transport
    if len(head) < start + TCP_HEADER:
        raise ParseError("tcp-truncated")
    # The type says how the compiled form unpacks it.
    fields: tuple[int, int, int, int, int, int, int, int] = _TCP.unpack_from(head, start)
    source_port, destination_port, seq, ack, offset_flags, window, _, urgent = fields
    data = start + (offset_flags >> 12) * 4
    if data < start + TCP_HEADER or data > len(head):
        raise ParseError("tcp-header-length")
    body = packet.body
    if packet.checksum == _RAW:
        total = ones_sum(packet.src + packet.dst) + PROTO_TCP + packet.length - start
        total += ones_sum(head, start)
        if body:
            # After an odd number of bytes the sum of the rest is swapped (RFC 1071 §2 B).
            total += sum_parts(body) << (8 if len(head) - start & 1 else 0)
        if total % 65535:
            raise ParseError("tcp-checksum")
    if data < len(head):
        payload = _payload(head, data)
        body = (payload, *body) if body else (payload,)
        if type(head) is not bytes:
            # What is asked of the headers from here on costs less of bytes.
            packet.head = head = bytes(head[:data])
            packet.body = body
    options = parse_options(head[start + TCP_HEADER : data]) if data > start + TCP_HEADER else NO_OPTIONS
    flags = offset_flags & 0x1FF
    segment = Segment(seq, ack, flags, window, body, options, urgent, source_port, destination_port)
    segment.segments = packet.segments
    segment.segment_size = packet.segment_size
    segment.ecn = packet.ecn
    segment.ce = packet.ce
    return segment


def _payload(head: Buffer, start: int) -> Buffer:
    """What follows the headers: a view, or a copy where that takes less time, and lets go of the packet."""
    if type(head) is bytes and len(head) <= SMALL:
        return head[start:]
    return memoryview(head)[start:]


def build(
    segment: Segment,
    src: bytes,
    dst: bytes,
    *,
    ttl: int = 64,
    dscp: int = 0,
    ecn: int = 0,
    flow_label: int = 0,
    identification: int = 0,
    partial: bool = False,
    order: tuple[str, ...] | None = None,
) -> Packet:
    """The packet for a segment: IP and TCP header as one ``bytes``, the payload views as they are.

    IPv4 has "don't fragment" set. ``partial``: the checksum field gets the pseudo-header's sum, for a link that
    completes it. With ``segment_size > 0`` and more payload than that it is a super-packet. ``order``: see
    ``emit_options``. Raises ``ValueError`` when options or packet are too long."""
    options = b"" if segment.options is NO_OPTIONS and order is None else emit_options(segment.options, order)
    header_length = TCP_HEADER + len(options)
    length = segment.length
    tcp_length = header_length + length
    seq = segment.seq & MASK32
    ack = segment.ack & MASK32
    offset_flags = header_length << 10 | segment.flags
    addresses = ones_sum(src + dst)
    checksum = (addresses + PROTO_TCP + tcp_length) % 65535 or 65535
    if not partial:
        checksum = _complete(segment, checksum + seq + ack + offset_flags, options)
    source, destination, window, urgent = segment.source_port, segment.destination_port, segment.window, segment.urgent
    tos = dscp << 2 | ecn
    if len(src) == 4:
        total = _length_field(segment, tcp_length + 20)
        identification &= 0xFFFF
        flow_label = 0
        ip_sum = 0x4500 + tos + total + identification + 0x4000 + (ttl << 8 | PROTO_TCP) + addresses
        ip_sum = 65535 - (ip_sum % 65535 or 65535)
        head = _IPV4_TCP.pack(
            0x45, tos, total, identification, 0x4000, ttl, PROTO_TCP, ip_sum, src, dst,
            source, destination, seq, ack, offset_flags, window, checksum, urgent,
        )  # fmt: skip
    else:
        total = _length_field(segment, tcp_length)
        head = _IPV6_TCP.pack(
            0x60000000 | tos << 20 | flow_label, total, PROTO_TCP, ttl, src, dst,
            source, destination, seq, ack, offset_flags, window, checksum, urgent,
        )  # fmt: skip
    packet = Packet(head + options, segment.payload, _PARTIAL if partial else _RAW)
    size = segment.segment_size
    if 0 < size < length:
        packet.segment_size = size
        packet.segments = -(-length // size)
    packet.src = src
    packet.dst = dst
    packet.protocol = PROTO_TCP
    packet.ttl = ttl
    packet.dscp = dscp
    packet.ecn = ecn
    packet.flow_label = flow_label
    packet.transport = len(head) - TCP_HEADER
    packet.length = len(head) + len(options) + length
    return packet


def _length_field(segment: Segment, length: int) -> int:
    """What the IP header says about the length: see ``Offload.longest``. Raises ``ValueError``."""
    if length <= 0xFFFF:
        return length
    if not 0 < segment.segment_size < segment.length:
        raise ValueError(f"an IP packet of {length} bytes is too long")
    return 0


def _complete(segment: Segment, total: int, options: bytes) -> int:
    """The checksum of the whole, where ``total`` is the sum of what does not stand in the segment itself."""
    total += segment.source_port + segment.destination_port + segment.window + segment.urgent
    if options:
        total += ones_sum(options)
    if segment.length:
        total += sum_parts(segment.payload)
    return 65535 - (total % 65535 or 65535)
