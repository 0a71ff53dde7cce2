"""A link that wraps a link and writes what passes to a pcapng file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from typing import BinaryIO

from estab.links.pcapng import PcapngWriter
from estab.wire.link import Link, Offload
from estab.wire.packet import Checksum, Packet, ParseError
from estab.wire.segmentation import complete_checksum


class PcapngTap:
    """Every packet that passes either way is in the file when the call returns: "in" is what the link received.

    A super-packet is written as the one large packet that it is, with its checksum completed in the copy. A file
    that can no longer be written stops the tap, not the link: ``error`` then holds the ``OSError``.
    """

    __slots__ = ("_file", "_interface", "_link", "_owned", "_writer", "error")

    def __init__(self, link: Link, file: str | PathLike[str] | BinaryIO, name: str = "", *, origin: int = 0) -> None:
        """file: a path, written anew and closed with the link, or a binary file, which stays open.

        origin: the time of ``now == 0``, in ns from 1970. Raises ``OSError`` when the file cannot be opened."""
        self._link = link
        self._owned = isinstance(file, (str, PathLike))
        # Closed with the link, not at the end of a block.
        self._file: BinaryIO = open(file, "wb") if isinstance(file, (str, PathLike)) else file  # noqa: SIM115
        self.error: OSError | None = None
        self._writer = PcapngWriter(self._file, origin)
        self._interface = self._writer.interface(name)
        self._writer.flush()

    @property
    def mtu(self) -> int:
        return self._link.mtu

    @property
    def send_errors(self) -> int:
        """Those of the link beneath, 0 where it does not count."""
        return getattr(self._link, "send_errors", 0)

    @property
    def offload(self) -> Offload:
        return self._link.offload

    @property
    def on_ready(self) -> Callable[[], None] | None:
        return self._link.on_ready

    @on_ready.setter
    def on_ready(self, callback: Callable[[], None] | None) -> None:
        self._link.on_ready = callback

    def receive(self, now: int, room: int) -> list[Packet]:
        """As the wrapped link."""
        packets = self._link.receive(now, room)
        if packets:
            self._record(packets, now, "in")
        return packets

    def send(self, packets: Sequence[Packet], now: int) -> int:
        """As the wrapped link; only what it took is written."""
        taken = self._link.send(packets, now)
        if taken:
            self._record(packets[:taken], now, "out")
        return taken

    def next_deadline(self) -> int | None:
        return self._link.next_deadline()

    def fileno(self) -> int:
        return self._link.fileno()

    def close(self) -> None:
        """Close the wrapped link, and the file if it was opened here."""
        self._link.close()
        if self._owned:
            self._file.close()

    def _record(self, packets: Sequence[Packet], now: int, direction: str) -> None:
        if self.error is not None:
            return
        try:
            for packet in packets:
                self._writer.packet(_wire_bytes(packet), now, direction, self._interface)
            self._writer.flush()
        except OSError as error:
            self.error = error


def _wire_bytes(packet: Packet) -> bytes:
    """The packet with a complete checksum; what cannot be parsed is shown as it is."""
    if packet.checksum == Checksum.RAW:
        return packet.tobytes()
    # The field of a verified packet may be wrong: it is computed anew like that of a partial one.
    copy = Packet(packet.head, packet.body, Checksum.PARTIAL, packet.segment_size, packet.segments)
    try:
        return complete_checksum(copy).tobytes()
    except ParseError:
        return packet.tobytes()
