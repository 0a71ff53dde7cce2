"""A cable between two processes of one machine: a pair of Unix sockets that keep packets apart (unix(7))."""

from __future__ import annotations

import socket
from typing import Final

from estab.links.messages import MessageLink
from estab.wire.packet import Packet

BUFFER: Final = 4 << 20
"""Bytes that wait for one end, as far as the machine allows."""


def seqpacket_pair(mtu: int = 1500) -> tuple[SeqpacketLink, SeqpacketLink]:
    """Two linked ends; a process that is forked takes its end along. mtu: bytes of IP packet."""
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return SeqpacketLink(left, mtu), SeqpacketLink(right, mtu)


class SeqpacketLink(MessageLink):
    """One end. What the other end does not read fills the buffer; a full one takes no more.

    A closed other end swallows all that is sent: ``receive`` tells."""

    __slots__ = ()

    def __init__(self, connected: socket.socket, mtu: int) -> None:
        """Take over a connected socket that keeps the bounds of messages."""
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        super().__init__(connected, mtu)

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
