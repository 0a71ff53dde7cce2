"""Captures in the pcapng format (draft-ietf-opsawg-pcapng), written block by block: a crash leaves a readable file."""

from __future__ import annotations

from struct import Struct
from typing import BinaryIO, Final

from estab.wire.packet import Buffer

SECTION_HEADER: Final = 0x0A0D0D0A
INTERFACE_DESCRIPTION: Final = 1
ENHANCED_PACKET: Final = 6
BYTE_ORDER_MAGIC: Final = 0x1A2B3C4D
LINKTYPE_RAW: Final = 101
"""Packets begin with their IPv4 or IPv6 header."""

OPT_COMMENT: Final = 1
IF_NAME: Final = 2
IF_TSRESOL: Final = 9
EPB_FLAGS: Final = 2
NANOSECONDS: Final = b"\x09"
DIRECTION_FLAGS: Final = {"in": b"\x01\0\0\0", "out": b"\x02\0\0\0"}
LONGEST_OPTION: Final = 0xFFFF

_BLOCK: Final = Struct("<II")
_U32: Final = Struct("<I")
_SECTION: Final = Struct("<IHHq")
_INTERFACE: Final = Struct("<HHI")
_PACKET: Final = Struct("<IIIII")
_OPTION: Final = Struct("<HH")


class PcapngWriter:
    """Writes one section of little-endian blocks to a binary file, which stays the caller's to close.

    Times are nanoseconds: ``origin`` is what ``now == 0`` means, counted from 1970-01-01 UTC.
    """

    __slots__ = ("_file", "_interfaces", "_origin")

    def __init__(self, file: BinaryIO, origin: int = 0) -> None:
        self._file = file
        self._origin = origin
        self._interfaces = 0
        self._write(SECTION_HEADER, _SECTION.pack(BYTE_ORDER_MAGIC, 1, 0, -1))

    def interface(self, name: str = "") -> int:
        """Describe one more interface; returns its number, from 0 on."""
        options = _option(IF_NAME, name.encode()) if name else b""
        options += _option(IF_TSRESOL, NANOSECONDS) + _option(0, b"")
        self._write(INTERFACE_DESCRIPTION, _INTERFACE.pack(LINKTYPE_RAW, 0, 0) + options)
        self._interfaces += 1
        return self._interfaces - 1

    def packet(self, data: Buffer, now: int, direction: str, interface: int = 0, comment: str | None = None) -> None:
        """Write one IP packet. direction: ``"in"``, ``"out"``, or ``""`` where neither is meant.

        Raises ``ValueError`` for an interface that was not described or a time before 1970."""
        if interface >= self._interfaces:
            raise ValueError(f"interface {interface} was not described: call interface() first")
        time = self._origin + now
        if not 0 <= time < 1 << 64:
            raise ValueError(f"{time} ns is no time that pcapng can hold")
        options = _option(EPB_FLAGS, DIRECTION_FLAGS[direction]) if direction else b""
        if comment:
            options += _option(OPT_COMMENT, comment.encode()[:LONGEST_OPTION])
        if options:
            options += _option(0, b"")
        size = len(data)
        head = _PACKET.pack(interface, time >> 32, time & 0xFFFFFFFF, size, size)
        self._write(ENHANCED_PACKET, b"".join((head, data, bytes(-size % 4), options)))

    def flush(self) -> None:
        """Hand to the system what the file object still holds."""
        self._file.flush()

    def _write(self, kind: int, body: bytes) -> None:
        """One block in one write: a reader never sees a length without its block, and a crash loses the last only."""
        length = 12 + len(body)
        self._file.write(b"".join((_BLOCK.pack(kind, length), body, _U32.pack(length))))


def _option(code: int, value: bytes) -> bytes:
    return _OPTION.pack(code, len(value)) + value + bytes(-len(value) % 4)
