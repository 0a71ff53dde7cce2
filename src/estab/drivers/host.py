"""A host on an asyncio loop: what asyncio's loop offers for the kernel's network, for one stack."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from estab.drivers.datagram import DatagramTransport
from estab.drivers.engine import Engine
from estab.drivers.leaving import Leaving
from estab.drivers.names import resolve
from estab.drivers.server import Decide, ProtocolFactory, Server
from estab.drivers.transport import StreamTransport
from estab.sockets.datagram import DatagramSocket
from estab.sockets.options import Option
from estab.sockets.stream import StreamSocket
from estab.sockets.table import SocketTable
from estab.stack.netstat import NetstatRow
from estab.stack.stack import Stack, Watched

Protocol = TypeVar("Protocol", bound=asyncio.BaseProtocol)
ClientConnected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None] | None]
Address = tuple[str, int]

LIMIT = 65_536
"""asyncio's default for the buffer of a ``StreamReader``."""


class Host:
    """Made by ``attach``. Belongs to the loop that it was made on.

    Names are numeric addresses or keys of ``hosts``. Every ``timeout`` is in seconds and raises ``TimeoutError``.
    ``error`` is what the link died of, None while it lives. ``engine`` turns the pump.
    """

    def __init__(
        self,
        engine: Engine,
        loop: asyncio.AbstractEventLoop,
        *,
        hosts: Mapping[str, str] | None = None,
        decide: Decide | None = None,
    ) -> None:
        self.loop: asyncio.AbstractEventLoop = loop
        self.hosts: Mapping[str, str] = {} if hosts is None else hosts
        self.error: OSError | None = None
        self.engine: Engine = engine
        self._decide = decide
        self._table = SocketTable(engine.stack)
        self._config = engine.stack.config.but(nagle=False)
        """asyncio sets TCP_NODELAY on every connection."""
        self._streams: set[StreamTransport] = set()
        self._datagrams: set[DatagramTransport] = set()
        self._servers: set[Server] = set()
        self._opening: set[asyncio.Future[None]] = set()
        self._leaving: Leaving | None = None
        engine.start(self._on_event, self._on_lost)

    @property
    def stack(self) -> Stack:
        return self.engine.stack

    @property
    def counters(self) -> Mapping[str, int]:
        """By reason, named as ``nstat`` names them."""
        return self.engine.stack.counters

    def netstat(self) -> list[NetstatRow]:
        """Every socket of the stack, one row each."""
        return self.engine.stack.netstat()

    # ------------------------------------------------------------------ streams

    async def open_connection(
        self,
        host: str,
        port: int,
        *,
        limit: int = LIMIT,
        local_addr: Address | None = None,
        timeout: float | None = None,
        fast_open: bytes | None = None,
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """``asyncio.open_connection`` on this host; see ``create_connection``."""
        reader = asyncio.StreamReader(limit=limit, loop=self.loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=self.loop)
        transport, _ = await self.create_connection(
            lambda: protocol, host, port, local_addr=local_addr, timeout=timeout, fast_open=fast_open
        )
        return reader, asyncio.StreamWriter(transport, protocol, reader, self.loop)

    async def start_server(
        self,
        client_connected_cb: ClientConnected,
        host: str | None = None,
        port: int = 0,
        *,
        limit: int = LIMIT,
        backlog: int = 128,
        decide: Decide | None = None,
        start_serving: bool = True,
        fast_open: int = 0,
    ) -> Server:
        """``asyncio.start_server`` on this host; see ``create_server``."""

        def factory() -> asyncio.StreamReaderProtocol:
            reader = asyncio.StreamReader(limit=limit, loop=self.loop)
            return asyncio.StreamReaderProtocol(reader, client_connected_cb, loop=self.loop)

        return await self.create_server(
            factory, host, port, backlog=backlog, decide=decide, start_serving=start_serving, fast_open=fast_open
        )

    async def create_connection(
        self,
        protocol_factory: Callable[[], Protocol],
        host: str,
        port: int,
        *,
        local_addr: Address | None = None,
        timeout: float | None = None,
        fast_open: bytes | None = None,
    ) -> tuple[StreamTransport, Protocol]:
        """Connect. Cancelling it, and the timeout, abort the attempt.

        fast_open: what is sent first, with the SYN where the server has given a cookie before (RFC 7413), which saves
        a round trip. Only for requests that the server may carry out twice.

        Raises ``OSError``: ``ConnectionRefusedError``, ``TimeoutError``, ``ConnectionResetError``, and those of
        ``Stack.open``; ``socket.gaierror`` for an unknown name."""
        async with asyncio.timeout(timeout):
            socket = await self._connect(host, port, local_addr, fast_open)
        try:
            protocol = protocol_factory()
        except BaseException:
            self.abort(socket)
            raise
        transport = self.add_transport(socket, protocol, _nothing)
        transport.begin()
        return transport, protocol

    async def create_server(
        self,
        protocol_factory: ProtocolFactory,
        host: str | None = None,
        port: int = 0,
        *,
        backlog: int = 128,
        decide: Decide | None = None,
        start_serving: bool = True,
        fast_open: int = 0,
    ) -> Server:
        """Listen on an address, on a prefix (``"10.0.0.0/8"``), or on everything, both families (None).

        port: 0 for any free one. decide: asked about each SYN; the host's if None. fast_open: connections that may be
        in use although their handshake goes on, 0 for none; what they bring first may come twice (RFC 7413 §6.1).
        Raises ``OSError``: ``EADDRINUSE``, ``EADDRNOTAVAIL``."""
        self._check_alive()
        name, slash, length = (host or "").partition("/")
        address, family = self.resolve(name) if name else ("", 6)
        socket = StreamSocket(self._table, family, self._config)
        socket.setsockopt(Option.REUSEADDR, True, self.now())
        socket.setsockopt(Option.FASTOPEN, fast_open, self.now())
        socket.bind(address + slash + length, port)
        server = Server(self, socket, protocol_factory, backlog, decide or self._decide)
        self._servers.add(server)
        if start_serving:
            try:
                server.listen()
            except BaseException:
                server.close()
                raise
        return server

    async def _connect(self, host: str, port: int, local_addr: Address | None, data: bytes | None) -> StreamSocket:
        self._check_alive()
        address, family = self.resolve(host)
        socket = StreamSocket(self._table, family, self._config)
        decided: asyncio.Future[None] = self.loop.create_future()
        self._opening.add(decided)
        try:
            if local_addr is not None:
                socket.bind(self.resolve(local_addr[0])[0], local_addr[1])
            socket.notify = lambda: _tell(socket, decided)
            self._begin_to_connect(socket, address, port, data)
            await decided
            socket.connect(address, port, self.now())
        except BaseException:
            self.abort(socket)
            raise
        finally:
            self._opening.discard(decided)
        return socket

    def _begin_to_connect(self, socket: StreamSocket, address: str, port: int, data: bytes | None) -> None:
        try:
            socket.connect(address, port, self.now(), data=data)
        except BlockingIOError:
            self.poke()

    # ------------------------------------------------------------------ datagrams

    async def create_datagram_endpoint(
        self,
        protocol_factory: Callable[[], asyncio.DatagramProtocol],
        local_addr: Address | None = None,
        remote_addr: Address | None = None,
    ) -> tuple[DatagramTransport, asyncio.DatagramProtocol]:
        """Bind a UDP port (0, or no ``local_addr``: a free one), and fix its peer if ``remote_addr`` is given.

        Raises ``OSError``: ``EADDRINUSE``, ``EADDRNOTAVAIL``."""
        self._check_alive()
        named = remote_addr or local_addr
        family = 4 if named is None else self.resolve(named[0])[1]
        socket = DatagramSocket(self._table, family)
        try:
            socket.bind(*(("", 0) if local_addr is None else (self.resolve(local_addr[0])[0], local_addr[1])))
            if remote_addr is not None:
                socket.connect(self.resolve(remote_addr[0])[0], remote_addr[1], self.now())
            protocol = protocol_factory()
        except BaseException:
            socket.close(self.now())
            raise
        transport = DatagramTransport(self, socket, protocol)
        self._datagrams.add(transport)
        transport.begin()
        return transport, protocol

    # ------------------------------------------------------------------ leaving

    def close(self) -> None:
        """Close servers and connections; what they have to send is still sent. Nothing new is begun."""
        if self._leaving is not None:
            return
        self._leaving = Leaving(self.stack)
        for server in list(self._servers):
            server.close()
        for stream in list(self._streams):
            stream.close()
        for datagrams in list(self._datagrams):
            datagrams.close()
        for opening in self._opening:
            opening.cancel()
        self._leaving.watch()

    def abort_streams(self) -> None:
        """Reset what the user has not closed, or not yet sent."""
        for stream in list(self._streams):
            stream.abort()

    def abort_all(self) -> None:
        """Reset every connection that has not sent everything."""
        self.abort_streams()
        for connection in list(self.stack.connections.values()):
            if not connection.fin_acked:
                connection.abort(self.now())
        self.poke()

    async def wait_closed(self) -> None:
        """After ``close``: until every connection is over or in TIME-WAIT, or the link is gone."""
        if self._leaving is not None and self.error is None:
            await self._leaving.wait()

    # ------------------------------------------------------------------ for the rest of this room

    def now(self) -> int:
        return self.engine.now()

    def poke(self) -> None:
        self.engine.poke()

    def resolve(self, name: str) -> tuple[str, int]:
        """(address, family). Raises ``socket.gaierror``."""
        return resolve(name, self.hosts)

    def add_transport(
        self, socket: StreamSocket, protocol: asyncio.BaseProtocol, on_lost: Callable[[StreamTransport], None]
    ) -> StreamTransport:
        def lost(transport: StreamTransport) -> None:
            self._streams.discard(transport)
            on_lost(transport)

        transport = StreamTransport(self, socket, protocol, lost)
        self._streams.add(transport)
        return transport

    def abort(self, socket: StreamSocket) -> None:
        """Give up a socket that no transport has."""
        if socket.connection is not None:
            socket.connection.abort(self.now())
        socket.close(self.now())
        self.poke()

    def forget_server(self, server: Server) -> None:
        self._servers.discard(server)
        self.poke()

    def forget_datagrams(self, transport: DatagramTransport) -> None:
        self._datagrams.discard(transport)

    def report(
        self, error: BaseException, message: str, transport: asyncio.BaseTransport | None, protocol: Any
    ) -> None:
        """An error in the user's code, to the loop's exception handler."""
        context = {"message": message, "exception": error, "transport": transport, "protocol": protocol}
        self.loop.call_exception_handler({key: value for key, value in context.items() if value is not None})

    def _check_alive(self) -> None:
        if self.error is not None:
            raise self.error
        if self._leaving is not None:
            raise RuntimeError("the host is closed")

    def _on_event(self, watched: Watched) -> None:
        owner = watched.owner
        if owner is not None and owner.notify is not None:
            owner.notify()
        if self._leaving is not None:
            self._leaving.look(watched)

    def _on_lost(self, error: OSError) -> None:
        self.error = error
        for server in list(self._servers):
            server.close()
        for stream in list(self._streams):
            stream.lose_link(error)
        for datagrams in list(self._datagrams):
            datagrams.lose_link(error)
        for opening in self._opening:
            if not opening.done():
                opening.set_exception(error)
        if self._leaving is not None:
            self._leaving.end()


def _tell(socket: StreamSocket, decided: asyncio.Future[None]) -> None:
    """``poll`` says nothing as long as the connection is opening."""
    if socket.poll() and not decided.done():
        decided.set_result(None)


def _nothing(_: StreamTransport) -> None:
    """No server waits for it."""
