"""What links over a socket that keeps the bounds of messages have in common: everything but reading."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Final

from estab.wire.link import NO_OFFLOAD, Offload
from estab.wire.packet import Packet

LARGEST_MESSAGE: Final = 65535


class MessageLink:
    """One packet a message over a connected socket, which the link takes over.

    ``send_errors`` counts packets that the kernel refused; they are lost as if on the wire.
    """

    __slots__ = ("_buffer", "_socket", "mtu", "on_ready", "send_errors")

    def __init__(self, connected: socket.socket, mtu: int) -> None:
        connected.setblocking(False)
        self._socket = connected
        self.mtu = mtu
        self.on_ready: Callable[[], None] | None = None
        self.send_errors = 0
        self._buffer = memoryview(bytearray(LARGEST_MESSAGE))

    @property
    def offload(self) -> Offload:
        return NO_OFFLOAD

    def send(self, packets: Sequence[Packet], now: int) -> int:
        """One message each, until the socket's buffer is full. Raises ``OSError`` (EBADF) on a closed link."""
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
