"""A cable between two processes of one machine: a pair of Unix sockets that keep packets apart (unix(7))."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Final

from estab.wire.link import NO_OFFLOAD, Offload
from estab.wire.packet import Packet

LARGEST_PACKET: Final = 65535
BUFFER: Final = 4 << 20
"""Bytes that wait for one end, as far as the machine allows."""


def seqpacket_pair(mtu: int = 1500) -> tuple[SeqpacketLink, SeqpacketLink]:
    """Two linked ends; a process that is forked takes its end along. mtu: bytes of IP packet."""
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return SeqpacketLink(left, mtu), SeqpacketLink(right, mtu)


class SeqpacketLink:
    """One end. What the other end does not read fills the buffer; a full one takes no more.

    ``send_errors`` counts packets that are too large for the socket; they are lost as if on the wire."""

    __slots__ = ("_buffer", "_socket", "mtu", "on_ready", "send_errors")

    def __init__(self, connected: socket.socket, mtu: int) -> None:
        """Take over a connected socket that keeps the bounds of messages."""
        connected.setblocking(False)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        self._socket = connected
        self.mtu = mtu
        self.on_ready: Callable[[], None] | None = None
        self.send_errors = 0
        self._buffer = memoryview(bytearray(LARGEST_PACKET))

    @property
    def offload(self) -> Offload:
        return NO_OFFLOAD

    def receive(self, now: int, room: int) -> list[Packet]:
        """What has come. Raises ``BrokenPipeError`` when the other end is gone, ``OSError`` (EBADF) when this is."""
        packets: list[Packet] = []
        for _ in range(room):
            try:
                size = self._socket.recv_into(self._buffer)
            except BlockingIOError:
                break
            if not size:
                if packets:
                    break
                raise BrokenPipeError("the other end is closed")
            packets.append(Packet(bytes(self._buffer[:size])))
        return packets

    def send(self, packets: Sequence[Packet], now: int) -> int:
        """As many as there is room for. A closed end swallows all: ``receive`` tells.

        Raises ``OSError`` (EBADF) on a closed link."""
        for taken, packet in enumerate(packets):
            try:
                self._socket.send(packet.tobytes() if packet.body else packet.head)
            except BlockingIOError:
                return taken
            except OSError:
                if self._socket.fileno() < 0:
                    raise
                self.send_errors += 1
        return len(packets)

    def next_deadline(self) -> int | None:
        """None: nothing is held back."""
        return None

    def fileno(self) -> int:
        """The socket's descriptor, -1 when the link is closed."""
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()
