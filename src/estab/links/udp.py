"""IP packets as the payload of UDP datagrams between two fixed endpoints: the smallest tunnel there is."""

from __future__ import annotations

import socket

from estab.links.messages import MessageLink
from estab.wire.packet import Packet

Endpoint = tuple[str, int]


class UdpLink(MessageLink):
    """A tunnel over a real datagram socket. It encrypts nothing and believes whoever can forge the peer's address."""

    __slots__ = ()

    def __init__(self, bind: Endpoint, peer: Endpoint, mtu: int = 1400) -> None:
        """bind, peer: numeric address and port, of one family. mtu: bytes of IP packet, the outer headers not counted.

        Raises ``OSError`` when the address cannot be bound or is not numeric."""
        family, _, _, _, target = socket.getaddrinfo(*peer, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)[0]
        bound = socket.socket(family, socket.SOCK_DGRAM)
        try:
            bound.bind(bind)
            # Connected, so that the kernel drops what others send.
            bound.connect(target)
        except BaseException:
            bound.close()
            raise
        super().__init__(bound, mtu)

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
