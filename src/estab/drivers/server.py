"""An asyncio server on a listening socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from estab.drivers.transport import StreamTransport
from estab.sockets.stream import StreamSocket
from estab.stack.listener import Decision, Syn

if TYPE_CHECKING:
    from estab.drivers.host import Host

ProtocolFactory = Callable[[], asyncio.BaseProtocol]
Decide = Callable[[Syn], Decision]


class Server(asyncio.AbstractServer):
    """Made by ``Host.create_server`` and ``Host.start_server``; behaves as asyncio's own of Python 3.12."""

    def __init__(
        self, host: Host, socket: StreamSocket, factory: ProtocolFactory, backlog: int, decide: Decide | None
    ) -> None:
        self._host = host
        self._socket: StreamSocket = socket
        self._factory = factory
        self._backlog = backlog
        self._decide = decide
        self._active: set[StreamTransport] = set()
        self._closed: bool = False
        self._finished: asyncio.Event = asyncio.Event()
        self._forever: asyncio.Future[None] | None = None

    @property
    def sockets(self) -> tuple[StreamSocket, ...]:
        """The listening socket; its ``getsockname`` tells the port. Empty once the server is closed."""
        return () if self._closed else (self._socket,)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._host.loop

    def is_serving(self) -> bool:
        return self._socket.listening

    async def start_serving(self) -> None:
        """Begin to accept, if that was put off."""
        self.listen()

    def listen(self) -> None:
        """What ``start_serving`` does. Raises ``OSError(EADDRINUSE)``."""
        if self._closed:
            raise RuntimeError(f"server {self!r} is closed")
        if not self._socket.listening:
            decide = None if self._decide is None else partial(self._ask, self._decide)
            self._socket.listen(self._backlog, decide)
            self._socket.notify = self._accept

    async def serve_forever(self) -> None:
        """Accept until the task is cancelled or the server closed."""
        if self._forever is not None:
            raise RuntimeError(f"server {self!r} is already being awaited on serve_forever()")
        self.listen()
        self._forever = self._host.loop.create_future()
        try:
            await self._forever
        except asyncio.CancelledError:
            self.close()
            await self.wait_closed()
            raise
        finally:
            self._forever = None

    def close(self) -> None:
        """Accept nothing more; what was accepted goes on."""
        if self._closed:
            return
        self._closed = True
        self._socket.close(self._host.now())
        self._host.forget_server(self)
        if self._forever is not None and not self._forever.done():
            self._forever.cancel()
        self._finish()

    def close_clients(self) -> None:
        """Close every connection of this server."""
        for transport in list(self._active):
            transport.close()

    def abort_clients(self) -> None:
        """Reset every connection of this server."""
        for transport in list(self._active):
            transport.abort()

    async def wait_closed(self) -> None:
        """Until the server is closed and its last connection has ended."""
        await self._finished.wait()

    def _ask(self, decide: Decide, syn: Syn) -> Decision:
        """What the hook says. One that fails refuses, and costs nobody else anything."""
        try:
            return decide(syn)
        except Exception as error:
            self._host.report(error, "Error in the hook that decides about connections", None, None)
            return Decision.REFUSE

    def _accept(self) -> None:
        while not self._closed:
            try:
                socket = self._socket.accept()
            except BlockingIOError:
                return
            try:
                protocol = self._factory()
            except Exception as error:
                self._host.report(error, "Error on transport creation for incoming connection", None, None)
                self._host.abort(socket)
                continue
            transport = self._host.add_transport(socket, protocol, self._detach)
            self._active.add(transport)
            transport.begin()

    def _detach(self, transport: StreamTransport) -> None:
        self._active.discard(transport)
        self._finish()

    def _finish(self) -> None:
        if self._closed and not self._active:
            self._finished.set()
