"""What links and stacks hand to each other: one IP packet, or one super-packet that stands for many."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, TypeAlias

Buffer: TypeAlias = bytes | bytearray | memoryview

SMALL: Final = 2048
"""Up to so many bytes a copy costs less than a view, and does not pin the memory around it."""


class ParseError(ValueError):
    """Bytes from the network that are not what they claim to be.

    ``reason`` is a short stable token (``"ip-header-length"``, ``"tcp-checksum"`` …): counters are named by it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Checksum(IntEnum):
    """The state of the transport checksum of a packet."""

    RAW = 0
    """The field is in the bytes as they came or go; a receiver has to verify it."""
    VERIFIED = 1
    """Somebody trusted (a link with offload) vouches for it; the field itself may be wrong or partial."""
    PARTIAL = 2
    """The field holds the folded pseudo-header sum; whoever puts the packet on a wire completes it."""


class Packet:
    """One IP packet as a list of buffers, with what an offloading link knows about it.

    The wire bytes are ``head`` followed by every view in ``body``. ``head`` begins with the IP header and holds
    all headers down to the end of the transport header; in a packet fresh from a link it may hold everything.

    A super-packet (``segment_size > 0``) carries a TCP payload larger than one wire packet allows, or the payloads of
    many UDP datagrams: it stands for ``segments`` packets of ``segment_size`` payload bytes each (the last may be
    shorter).

    The IP fields below ``ce`` are meaningful in packets that a stack made, and after ``wire.ip.parse``.
    """

    __slots__ = (
        "body",
        "ce",
        "checksum",
        "dscp",
        "dst",
        "ecn",
        "flow_label",
        "fragment",
        "head",
        "length",
        "protocol",
        "scope_id",
        "segment_size",
        "segments",
        "src",
        "transport",
        "ttl",
    )

    def __init__(
        self,
        head: Buffer,
        body: tuple[Buffer, ...] = (),
        checksum: int = 0,
        segment_size: int = 0,
        segments: int = 1,
    ) -> None:
        self.head: Buffer = head
        self.body: tuple[Buffer, ...] = body
        self.checksum: int = checksum
        self.segment_size: int = segment_size
        self.segments: int = segments
        self.ce: int = 0
        """How many of ``segments`` carried the ECN codepoint CE."""
        self.src: bytes = b""
        """Packed source address: 4 or 16 bytes."""
        self.dst: bytes = b""
        self.scope_id: int = 0
        """Zone of a link-local IPv6 address, 0 otherwise."""
        self.protocol: int = 0
        self.ttl: int = 0
        """Time to live, or hop limit."""
        self.dscp: int = 0
        self.ecn: int = 0
        self.flow_label: int = 0
        self.transport: int = 0
        """Where the transport header begins in ``head``."""
        self.length: int = 0
        """Total length of the IP packet in bytes, link padding excluded."""
        self.fragment: Fragment | None = None

    def size(self) -> int:
        """Bytes on the wire, were it sent as one packet."""
        size = len(self.head)
        for part in self.body:
            size += len(part)
        return size

    def ports(self) -> bytes:
        """Source and destination port as they stand in the transport header."""
        head, start = self.head, self.transport
        return head[start : start + 4] if type(head) is bytes else bytes(head[start : start + 4])

    def tobytes(self) -> bytes:
        """A copy of the whole packet as it stands (a partial checksum stays partial)."""
        return b"".join((self.head, *self.body))


class Fragment:
    """Where a fragment belongs: RFC 791 §3.1, RFC 8200 §4.5. Offsets in bytes."""

    __slots__ = ("identification", "more", "offset")

    def __init__(self, identification: int, offset: int, more: bool) -> None:
        self.identification = identification
        self.offset = offset
        self.more = more


PROTO_ICMP: Final = 1
PROTO_TCP: Final = 6
PROTO_UDP: Final = 17
PROTO_ICMPV6: Final = 58

ECN_NOT_ECT: Final = 0
ECN_ECT1: Final = 1
ECN_ECT0: Final = 2
ECN_CE: Final = 3
