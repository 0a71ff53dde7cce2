"""An asyncio transport on one connection."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from estab.drivers.names import socket_address
from estab.sockets.stream import StreamSocket
from estab.wire.address import format_address

if TYPE_CHECKING:
    from estab.drivers.host import Host

HIGH_WATER: Final = 65_536
"""asyncio's default: bytes above the send buffer at which the protocol is asked to pause."""

BYTES_LIKE: Final = (bytes, bytearray, memoryview)


class StreamTransport(asyncio.Transport):
    """Data, then end of file, then ``connection_lost``, each once, however the connection ends.

    What the send buffer does not take waits here, and only that counts against the water marks: the send buffer is
    what the kernel's is for asyncio's own transports. ``get_extra_info`` knows ``"peername"``, ``"sockname"``,
    ``"estab.socket"`` (a ``StreamSocket``) and ``"estab.connection"``; ``"socket"`` is None, as there is no descriptor
    that others could use.
    """

    __slots__ = (
        "_backlog",
        "_backlog_size",
        "_buffered",
        "_closing",
        "_connection",
        "_eof_told",
        "_eof_written",
        "_flush",
        "_high",
        "_host",
        "_lost",
        "_low",
        "_now",
        "_on_lost",
        "_poke",
        "_protocol",
        "_protocol_paused",
        "_reading_paused",
        "_socket",
    )

    def __init__(
        self,
        host: Host,
        socket: StreamSocket,
        protocol: asyncio.BaseProtocol,
        on_lost: Callable[[StreamTransport], None],
    ) -> None:
        """on_lost: called once the protocol's ``connection_lost`` has been."""
        assert socket.connection is not None
        super().__init__()
        self._host: Host = host
        self._now = host.engine.now
        self._poke = host.engine.poke
        self._flush = host.engine.flush
        self._socket: StreamSocket = socket
        self._connection = socket.connection
        self._on_lost: Callable[[StreamTransport], None] = on_lost
        self._backlog: deque[bytes | memoryview] = deque()
        """What the send buffer had no room for."""
        self._backlog_size: int = 0
        self._reading_paused: bool = False
        self._protocol_paused: bool = False
        self._eof_told: bool = False
        self._eof_written: bool = False
        self._closing: bool = False
        self._lost: bool = False
        self._high: int = HIGH_WATER
        self._low: int = HIGH_WATER // 4
        self.set_protocol(protocol)

    def begin(self) -> None:
        """``connection_made``, and whatever has come already."""
        self._socket.notify = self.look
        try:
            self._protocol.connection_made(self)
        except Exception as error:
            self._fail(error, "connection_made")
        self.look()

    # ------------------------------------------------------------------ what the transport knows

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        c = self._connection
        if name == "peername":
            return socket_address(format_address(c.remote_address, c.scope_id), c.remote_port)
        if name == "sockname":
            return socket_address(format_address(c.local_address, c.scope_id), c.local_port)
        return {"estab.connection": c, "estab.socket": self._socket}.get(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol: Any = protocol
        self._buffered: bool = isinstance(protocol, asyncio.BufferedProtocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def is_closing(self) -> bool:
        return self._closing

    def __repr__(self) -> str:
        peer, state = self.get_extra_info("peername"), self._connection.state.value
        return f"<{type(self).__name__} {peer[0]} port {peer[1]} {state}{' closing' if self._closing else ''}>"

    # ------------------------------------------------------------------ reading

    def is_reading(self) -> bool:
        return not self._reading_paused and not self._closing

    def pause_reading(self) -> None:
        """Nothing more is read, so the window that the peer sees closes."""
        self._reading_paused = True

    def resume_reading(self) -> None:
        if self._reading_paused and not self._closing:
            self._reading_paused = False
            self._host.loop.call_soon(self.look)

    def look(self) -> None:
        """Something may have changed: bring protocol and connection up to date."""
        if self._lost:
            return
        c = self._connection
        if self._backlog:
            self._push()
        if not self._closing:
            try:
                self._read()
            except Exception as error:
                self._fail(error, "data_received")
        if c.error is not None:
            self._lose(c.error)

    def _read(self) -> None:
        c, now = self._connection, self._now()
        while c.receive_queue.size and not self._reading_paused and c.error is None:
            data = c.receive_some(now)
            if not data:
                # What is left is the urgent byte, which is not part of the stream.
                break
            if self._buffered:
                self._fill(data)
            else:
                self._protocol.data_received(data)
            if self._closing:
                return
        # Reading may have opened the window.
        self._poke()
        if c.rcv_fin is not None and c.eof and c.error is None and not self._eof_told and not self._reading_paused:
            self._eof_told = True
            if not self._protocol.eof_received():
                self.close()

    def _fill(self, data: bytes) -> None:
        """A ``BufferedProtocol`` says where the data is to go."""
        view = memoryview(data)
        while view:
            buffer = memoryview(self._protocol.get_buffer(len(view))).cast("B")
            if not buffer:
                raise RuntimeError("get_buffer() returned an empty buffer")
            count = min(len(buffer), len(view))
            buffer[:count] = view[:count]
            self._protocol.buffer_updated(count)
            view = view[count:]

    # ------------------------------------------------------------------ writing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Never waits. After ``close`` and once the connection is lost, data is thrown away."""
        if type(data) is not bytes and not isinstance(data, BYTES_LIKE):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if self._eof_written:
            raise RuntimeError("Cannot call write() after write_eof()")
        if self._closing or not data:
            return
        if type(data) is memoryview:
            data = bytes(data)
        sent = 0
        if not self._backlog:
            c = self._connection
            # An answer goes out at once; what follows it in this iteration of the loop goes out together.
            out = self._flush if c.snd_una == c.snd_nxt else self._poke
            try:
                sent = c.send(data, self._now())
            except OSError as error:
                self._lose(error)
                return
            out()
        if sent < len(data) and not self._lost:
            self._keep(bytes(data), sent)

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """FIN follows what was written; reading goes on (half-close)."""
        if self._eof_written or self._closing:
            return
        self._eof_written = True
        if not self._backlog:
            self._connection.shutdown(self._now())
            self._poke()

    def get_write_buffer_size(self) -> int:
        """Bytes that the send buffer has not taken yet."""
        return self._backlog_size

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        if high is None:
            high = HIGH_WATER if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._high, self._low = high, low
        self._pause_if_due()

    def _keep(self, data: bytes, sent: int) -> None:
        self._backlog.append(memoryview(data)[sent:] if sent else data)
        self._backlog_size += len(data) - sent
        self._pause_if_due()

    def _push(self) -> None:
        """Give the send buffer what it has room for."""
        backlog, now = self._backlog, self._now()
        while backlog:
            data = backlog[0]
            try:
                sent = self._connection.send(data, now)
            except OSError as error:
                self._lose(error)
                return
            self._backlog_size -= sent
            if sent < len(data):
                backlog[0] = memoryview(data)[sent:]
                break
            backlog.popleft()
        self._poke()
        if self._protocol_paused and self._backlog_size <= self._low:
            self._protocol_paused = False
            self._tell(self._protocol.resume_writing)
        if backlog:
            return
        if self._closing:
            self._lose(None)
        elif self._eof_written:
            self._connection.shutdown(now)

    def _pause_if_due(self) -> None:
        if self._backlog_size > self._high and not self._protocol_paused:
            self._protocol_paused = True
            self._tell(self._protocol.pause_writing)

    def _tell(self, callback: Callable[[], object]) -> None:
        try:
            callback()
        except Exception as error:
            self._host.report(error, f"protocol.{callback.__name__}() failed", self, self._protocol)

    # ------------------------------------------------------------------ ending

    def close(self) -> None:
        """Send what was written, then FIN; nothing more is read. Data that was not read makes it a reset."""
        if self._closing:
            return
        self._closing = True
        if not self._backlog:
            self._lose(None)

    def abort(self) -> None:
        """Reset the connection; what was not sent is lost."""
        if not self._lost:
            self._lose(None, abort=True)

    def lose_link(self, error: OSError) -> None:
        """The link is gone, and with it the connection."""
        self._lose(error, abort=True)

    def _fail(self, error: Exception, where: str) -> None:
        """The protocol has failed: it is told of its own error, as by asyncio's transports."""
        self._host.report(error, f"Fatal error: protocol.{where}() call failed.", self, self._protocol)
        self._lose(error, abort=True)

    def _lose(self, error: Exception | None, *, abort: bool = False) -> None:
        """The end: the connection is closed now, the protocol learns of it in the loop's next iteration."""
        if self._lost:
            return
        self._closing = self._lost = True
        self._backlog.clear()
        self._backlog_size = 0
        self._socket.notify = None
        now = self._now()
        if abort:
            self._connection.abort(now)
        self._socket.close(now)
        self._poke()
        self._host.loop.call_soon(self._end, error)

    def _end(self, error: Exception | None) -> None:
        try:
            self._protocol.connection_lost(error)
        finally:
            self._on_lost(self)
