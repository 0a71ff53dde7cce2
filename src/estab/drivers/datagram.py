"""An asyncio transport on one UDP port."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from estab.drivers.names import socket_address
from estab.sockets.datagram import DatagramSocket

if TYPE_CHECKING:
    from estab.drivers.host import Host


class DatagramTransport(asyncio.DatagramTransport):
    """Datagrams go out at once or not at all: there is no buffer above the stack's, so writing is never paused."""

    def __init__(self, host: Host, socket: DatagramSocket, protocol: asyncio.DatagramProtocol) -> None:
        super().__init__()
        self._host = host
        self._socket = socket
        self._protocol = protocol
        self._closing: bool = False

    def begin(self) -> None:
        """``connection_made``, and whatever has come already."""
        self._socket.notify = self._look
        self._protocol.connection_made(self)
        self._look()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "sockname" and not self._closing:
            return socket_address(*self._socket.getsockname())
        if name == "peername" and not self._closing:
            try:
                return socket_address(*self._socket.getpeername())
            except OSError:
                return default
        return self._socket if name == "estab.socket" else default

    def is_closing(self) -> bool:
        return self._closing

    def sendto(self, data: bytes | bytearray | memoryview, addr: Any = None) -> None:
        """addr: a pair as ``("10.0.0.1", 53)``, None for the connected peer. Errors go to ``error_received``."""
        if self._closing or not isinstance(data, bytes | bytearray | memoryview):
            if self._closing:
                return
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        remote = None if addr is None else (self._host.resolve(addr[0])[0], addr[1])
        try:
            self._socket.sendto(data, remote, self._host.now())
        except OSError as error:
            self._protocol.error_received(error)
        self._host.poke()

    def close(self) -> None:
        self._lose(None)

    def abort(self) -> None:
        self._lose(None)

    def lose_link(self, error: OSError) -> None:
        """The link is gone."""
        self._lose(error)

    def _look(self) -> None:
        while not self._closing:
            try:
                data, (address, port) = self._socket.recvfrom()
            except BlockingIOError:
                return
            try:
                self._protocol.datagram_received(data, socket_address(address, port))
            except Exception as error:
                self._host.report(error, "protocol.datagram_received() failed", self, self._protocol)
                self._lose(error)

    def _lose(self, error: Exception | None) -> None:
        if self._closing:
            return
        self._closing = True
        self._socket.close(self._host.now())
        self._host.forget_datagrams(self)
        self._host.loop.call_soon(self._protocol.connection_lost, error)
