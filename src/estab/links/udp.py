"""IP packets as the payload of UDP datagrams between two fixed endpoints: the smallest tunnel there is."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Final

from estab.wire.link import NO_OFFLOAD, Offload
from estab.wire.packet import Packet

LARGEST_DATAGRAM: Final = 65535

Endpoint = tuple[str, int]


class UdpLink:
    """A tunnel over a real datagram socket. It encrypts nothing and believes whoever can forge the peer's address.

    ``send_errors`` counts packets that the kernel refused; they are lost as if on the wire.
    """

    __slots__ = ("_buffer", "_socket", "mtu", "on_ready", "send_errors")

    def __init__(self, bind: Endpoint, peer: Endpoint, mtu: int = 1400) -> None:
        """bind, peer: numeric address and port, of one family. mtu: bytes of IP packet, the outer headers not counted.

        Raises ``OSError`` when the address cannot be bound or is not numeric."""
        family, _, _, _, target = socket.getaddrinfo(*peer, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)[0]
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.bind(bind)
            # Connected, so that the kernel drops what others send.
            self._socket.connect(target)
        except BaseException:
            self._socket.close()
            raise
        self.mtu = mtu
        self.on_ready: Callable[[], None] | None = None
        self.send_errors = 0
        self._buffer = memoryview(bytearray(LARGEST_DATAGRAM))

    @property
    def offload(self) -> Offload:
        return NO_OFFLOAD

    @property
    def address(self) -> Endpoint:
        """The numeric address and port that the socket is bound to."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    def receive(self, now: int, room: int) -> list[Packet]:
        """Datagrams until none is left. Raises ``OSError`` (EBADF) on a closed link."""
        packets: list[Packet] = []
        for _ in range(room):
            try:
                size = self._socket.recv_into(self._buffer)
            except BlockingIOError:
                break
            except ConnectionRefusedError:
                # An ICMP error for something sent earlier: the peer is not there yet, or not now.
                continue
            if size:
                packets.append(Packet(bytes(self._buffer[:size])))
        return packets

    def send(self, packets: Sequence[Packet], now: int) -> int:
        """One datagram each, until the socket's buffer is full. Raises ``OSError`` (EBADF) on a closed link."""
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
        """The socket's descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()
