"""Datagram sockets: bind, connect, send to, receive from (RFC 768)."""

from __future__ import annotations

import errno
from typing import Any, Final

from estab.sockets.errors import failure
from estab.sockets.options import Option, flag
from estab.sockets.poll import Poll
from estab.sockets.socket import Endpoint, Socket
from estab.sockets.table import SocketTable
from estab.stack.udp import UdpPort
from estab.wire.address import format_address

LARGEST: Final = {4: 65_535 - 28, 6: 65_535 - 8}
"""Payload bytes of the largest datagram, by family."""


class DatagramSocket(Socket):
    """A UDP port. ``connect`` fixes the peer: others are then not heard."""

    KIND = "datagram"
    __slots__ = ("_peer", "port")

    def __init__(self, table: SocketTable, family: int) -> None:
        super().__init__(table, family)
        self.port: UdpPort | None = None
        self._peer: tuple[bytes, int] | None = None

    def bind(self, address: str, port: int) -> None:
        if "/" in address:
            raise failure(errno.EADDRNOTAVAIL, f"a datagram socket cannot be bound to the prefix {address}")
        super().bind(address, port)
        try:
            self.port = self.table.stack.udp(self.bound_port, address=self._specific_address())
        except OSError:
            self.table.unbind(self, self.bound_port)
            self.bound_port = 0
            raise
        self.port.owner = self

    def connect(self, address: str, port: int, now: int) -> None:
        """Fix the peer; again: another one."""
        self._check_open()
        packed = self._parse(address)
        if not 0 < port < 65536:
            raise failure(errno.EINVAL)
        self._autobind()
        self._peer = (packed, port)

    def sendto(self, data: bytes | bytearray | memoryview, remote: Endpoint | None, now: int) -> int:
        """One datagram to ``remote``, or to the connected peer where it is None; its size.

        Raises ``OSError``: ``EDESTADDRREQ`` no peer, ``EMSGSIZE`` too long, ``ENOBUFS`` too many wait."""
        self._check_open()
        if remote is not None:
            target = (self._parse(remote[0]), remote[1])
        elif self._peer is not None:
            target = self._peer
        else:
            raise failure(errno.EDESTADDRREQ)
        if len(data) > LARGEST[self.family]:
            raise OSError(errno.EMSGSIZE, "message too long")
        if not 0 < target[1] < 65536:
            raise failure(errno.EINVAL)
        self._autobind()
        assert self.port is not None
        self.port.send_to(bytes(data), target, now)
        return len(data)

    def send(self, data: bytes | bytearray | memoryview, now: int) -> int:
        """To the connected peer."""
        return self.sendto(data, None, now)

    def recvfrom(self) -> tuple[bytes, Endpoint]:
        """The oldest datagram, whole, and who sent it. Raises ``BlockingIOError``."""
        self._check_open()
        while self.port is not None:
            received = self.port.receive_from()
            if received is None:
                break
            if self._is_heard(received[1]):
                return received
        raise failure(errno.EAGAIN)

    def recv(self) -> bytes:
        """The oldest datagram. Raises ``BlockingIOError``."""
        return self.recvfrom()[0]

    def getpeername(self) -> Endpoint:
        self._check_open()
        if self._peer is None:
            raise failure(errno.ENOTCONN)
        return format_address(self._peer[0]), self._peer[1]

    def setsockopt(self, option: Option, value: Any, now: int) -> None:
        self._check_open()
        if option is not Option.REUSEADDR:
            raise failure(errno.ENOPROTOOPT)
        self.reuse = flag(value)

    def getsockopt(self, option: Option) -> Any:
        self._check_open()
        if option is Option.REUSEADDR:
            return self.reuse
        if option is Option.ERROR:
            return 0
        raise failure(errno.ENOPROTOOPT)

    def poll(self) -> Poll:
        """``OUT`` always; ``IN`` may turn out to be a datagram of another family or peer."""
        self._check_open()
        return Poll.OUT | Poll.IN if self.port is not None and self.port.readable else Poll.OUT

    def close(self, now: int) -> None:
        if self.closed:
            return
        if self.port is not None:
            self.port.close()
        self._release()

    def _is_heard(self, sender: Endpoint) -> bool:
        """A port bound to any address hears both families; a socket only its own."""
        packed = self._parse_sender(sender[0])
        return packed is not None and (self._peer is None or self._peer == (packed, sender[1]))

    def _parse_sender(self, address: str) -> bytes | None:
        try:
            return self._parse(address)
        except OSError:
            return None
