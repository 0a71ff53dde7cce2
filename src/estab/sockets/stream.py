"""Stream sockets: the calls of the sockets interface on connections and listeners, with Linux's errors."""

from __future__ import annotations

import errno
from collections.abc import Callable
from enum import IntEnum
from typing import Any

from estab.sockets.errors import failure
from estab.sockets.info import info_of
from estab.sockets.options import FIGURES, Option, flag, linger, some_or_none
from estab.sockets.poll import Poll
from estab.sockets.socket import Endpoint, Socket
from estab.sockets.table import SocketTable
from estab.stack.listener import Decision, Listener, Syn
from estab.tcp.config import Config
from estab.tcp.connection import Connection
from estab.tcp.states import SENDING, State
from estab.wire.address import format_address


class Shutdown(IntEnum):
    """Which direction ends."""

    RD = 0
    WR = 1
    RDWR = 2


class StreamSocket(Socket):
    """One end of a TCP connection, or a listener.

    ``connection`` and ``listener`` are the stack's; a driver's data path may use them directly.
    """

    KIND = "stream"
    __slots__ = ("_config", "_connecting", "_corked", "_error_told", "_fast", "_inline", "_linger", "_lost",
                 "_low_water", "_only_v6", "_put_off", "_read_shut", "connection", "listener")  # fmt: skip

    def __init__(self, table: SocketTable, family: int, config: Config | None = None) -> None:
        """config: what its connections begin with; None: the stack's."""
        super().__init__(table, family)
        self.connection: Connection | None = None
        self.listener: Listener | None = None
        self._config: Config = config or table.stack.config
        self._connecting: bool = False
        """``connect`` has not yet told how it went."""
        self._error_told: bool = False
        self._corked: bool = False
        self._inline: bool = False
        self._linger: int | None = None
        self._only_v6: bool = False
        self._fast: bool = False
        """FASTOPEN_CONNECT."""
        self._put_off: Endpoint | None = None
        """Where the first ``send`` will connect to."""
        self._low_water: int = 1
        self._lost: OSError | None = None
        """What ``disconnect`` did to an opening, to be told once."""
        self._read_shut: bool = False
        """Shut down for reading, and what comes all the same can be read, as in Linux."""

    @property
    def listening(self) -> bool:
        return self.listener is not None

    @property
    def config(self) -> Config:
        """What its connections begin with."""
        return self._config

    def configure(self, **changes: Any) -> None:
        """Other figures for what its connections begin with, beyond those that are options."""
        self._config = self._config.but(**changes)
        if self.listener is not None:
            self.listener.config = self._config

    # ------------------------------------------------------------------ opening

    def bind(self, address: str, port: int) -> None:
        """See ``Socket.bind``; ``EINVAL`` for a connection, too, as it has its address."""
        self._check_open()
        if self.connection is not None:
            raise failure(errno.EINVAL)
        super().bind(address, port)

    def connect(self, address: str, port: int, now: int, *, data: bytes | None = None) -> None:
        """Begin to connect: raises ``BlockingIOError(EINPROGRESS)``; ``poll`` tells ``OUT`` when it is decided.

        Called again: ``EALREADY``, or how it ended: nothing or the error. Then ``EISCONN``. data: what is sent first,
        by fast open if that can be: see ``Stack.open``. With ``FASTOPEN_CONNECT`` it may return at once."""
        self._check_open()
        if self.listener is not None or self._put_off is not None:
            raise failure(errno.EOPNOTSUPP if self.listener is not None and self._config.bsd_calls else errno.EISCONN)
        if self.connection is not None:
            self._conclude(self.connection)
            return
        self._parse(address)
        if self.bound_length and self.bound_length < 8 * len(self.bound_address):
            raise failure(errno.EADDRNOTAVAIL)
        if self._fast and data is None:
            data = b""
            if self._has_cookie(address, port, now):
                self._put_off = address, port
                return
        self._open(address, port, now, data)
        raise failure(errno.EINPROGRESS)

    def sendto(self, data: bytes, address: str, port: int, now: int) -> int:
        """Connect and send at once (MSG_FASTOPEN): how many bytes were taken, of which the SYN carries what it can.

        Without a cookie nothing is taken: it asks for one and raises ``BlockingIOError(EINPROGRESS)`` like ``connect``.
        Raises ``OSError(EISCONN)`` for a socket that has been used."""
        self._check_open()
        if self.listener is not None or self.connection is not None or self._put_off is not None:
            raise failure(errno.EISCONN)
        self._parse(address)
        if not self._has_cookie(address, port, now):
            self.connect(address, port, now, data=b"")
        return self._open(address, port, now, bytes(data))

    def _has_cookie(self, address: str, port: int, now: int) -> bool:
        local = (self.bound_address, self.bound_port)
        return self.table.stack.has_cookie((address, port), now, local=local)

    def _open(self, address: str, port: int, now: int, data: bytes | None) -> int:
        """How many bytes of ``data`` wait to be sent."""
        config = self._config
        taken = data and data[: config.send_buffer_start if config.send_buffer is None else config.send_buffer]
        local = (self.bound_address, self.bound_port)
        self._adopt(self.table.stack.open((address, port), now, local=local, config=config, data=taken))
        self._connecting = True
        return len(taken or b"")

    def disconnect(self, now: int) -> None:
        """Connect to nobody (AF_UNSPEC): the connection is reset, and the socket as good as new, its options apart."""
        self._check_open()
        self._stop_listening(now)
        c = self.connection
        if c is None:
            return
        opening = c.state is State.SYN_SENT
        c.abort(now)
        c.owner = None
        self.connection = None
        self._connecting = self._read_shut = False
        self._lost = ConnectionResetError(errno.ECONNRESET, "connection reset by peer") if opening else None

    def listen(self, backlog: int = 128, decide: Callable[[Syn], Decision] | None = None) -> None:
        """Accept connections from now on; unbound sockets get a free port. Again: another backlog.

        An IPv6 socket bound to any address listens for both families, unless ``V6ONLY``. decide: asked about each
        SYN. Raises ``OSError(EADDRINUSE)``."""
        self._check_open()
        if self.connection is not None:
            raise failure(errno.EINVAL)
        backlog = max(backlog, 1)
        if self.listener is not None:
            self.listener.backlog = backlog
            return
        self._autobind()
        self.listener = self.table.stack.listen(
            self.bound_port,
            address=self._specific_address(),
            family=None if self.family == 6 and not self.bound_length and not self._only_v6 else self.family,
            backlog=backlog,
            decide=decide,
            config=self._config,
        )
        self.listener.owner = self

    def accept(self) -> StreamSocket:
        """The connection that has waited longest, with this socket's options."""
        self._check_open()
        if self.listener is None:
            raise failure(errno.EINVAL)
        connection = self.table.stack.accept(self.listener)
        if connection is None:
            raise failure(errno.EAGAIN)
        return self.child(connection)

    def child(self, connection: Connection) -> StreamSocket:
        """The socket of a connection that the stack's ``accept`` gave for this one's listener."""
        accepted = StreamSocket(self.table, 4 if len(connection.local_address) == 4 else 6, self._config)
        accepted._corked, accepted._inline, accepted._linger = self._corked, self._inline, self._linger
        accepted.reuse = self.reuse
        accepted._adopt(connection)
        return accepted

    def _adopt(self, connection: Connection) -> None:
        connection.owner = self
        connection.corked = self._corked
        connection.urgent_inline = self._inline
        self.connection = connection
        self._error_told = False

    def _conclude(self, connection: Connection) -> None:
        """What a repeated ``connect`` says."""
        if connection.opening:
            raise failure(errno.EALREADY)
        if not self._connecting:
            raise failure(errno.EISCONN)
        self._connecting = False
        if connection.state is State.CLOSED:
            error = self._take_error() or failure(errno.ECONNABORTED)
            self.connection = None
            raise error

    # ------------------------------------------------------------------ data

    def send(self, data: bytes | bytearray | memoryview, now: int, *, oob: bool = False, more: bool = False) -> int:
        """Queue what there is room for; how many bytes that were.

        oob: the last byte is urgent. more: a small rest waits for the next ``send``. Raises ``BlockingIOError``,
        ``BrokenPipeError``, or once what the connection died of."""
        if self._put_off is not None:
            (address, port), self._put_off = self._put_off, None
            return self._open(address, port, now, bytes(data))
        bsd = self._config.bsd_calls
        if bsd and self.connection is not None and self.connection.error is not None:
            # What it died of is for those who read.
            raise failure(errno.EPIPE)
        c = self._opened(errno.ENOTCONN if bsd else errno.EPIPE)
        if c.error is not None or c.write_closed or c.state not in SENDING:
            raise failure(errno.EPIPE)
        if c.opening:
            raise failure(errno.ENOTCONN if bsd else errno.EAGAIN)
        c.corked = self._corked or more
        count = c.send(data, now, urgent=oob, more=more)
        c.more = c.more and not self._corked
        if not count and len(data):
            raise failure(errno.EAGAIN)
        return count

    def recv(self, size: int, now: int, *, peek: bool = False, oob: bool = False) -> bytes:
        """At most ``size`` bytes; empty at the end of the stream. Stops before urgent data.

        oob: the urgent byte, ``EINVAL`` where there is none. Raises ``BlockingIOError``, or once what the connection
        died of."""
        if self.connection is not None and not oob and self._ended(self.connection):
            return b""
        c = self._opened(errno.ENOTCONN)
        if oob:
            return self._recv_urgent(c)
        if c.error is not None:
            return b""
        data = c.receive(size, now, peek=peek)
        if data or not size or c.eof or self._read_shut:
            return data
        raise failure(errno.ENOTCONN if c.state is State.CLOSED else errno.EAGAIN)

    @staticmethod
    def _ended(c: Connection) -> bool:
        """The peer had ended its stream before the connection died: in Linux that is what reading tells."""
        return c.config.reset_of_fin and c.error is not None and c.rcv_fin is not None and c.rcv_nxt > c.rcv_fin

    def at_mark(self) -> bool:
        """The next byte to read is the urgent one (sockatmark)."""
        return self._opened(errno.ENOTCONN).at_urgent_mark

    def shutdown(self, how: Shutdown, now: int) -> None:
        """End one direction or both. A listener that is shut down for reading listens no longer."""
        self._check_open()
        if how not in tuple(Shutdown):
            raise failure(errno.EINVAL)
        if self.listener is not None:
            if how is not Shutdown.WR:
                self._stop_listening(now)
            return
        c = self.connection
        if c is None or c.state is State.CLOSED or (c.state is State.TIME_WAIT and self._config.bsd_calls):
            raise failure(errno.ENOTCONN)
        if how is not Shutdown.WR and self._config.shutdown_discards:
            c.shutdown_read(now)
        elif how is not Shutdown.WR:
            self._read_shut = True
        if how is not Shutdown.RD:
            c.shutdown(now)

    def close(self, now: int) -> None:
        """See ``Socket.close``; with ``LINGER`` 0, and when data was not read, the connection is reset."""
        if self.closed:
            return
        self._stop_listening(now)
        if self.connection is not None:
            if self._linger == 0:
                self.connection.abort(now)
            else:
                self.connection.close(now)
            self.connection.owner = None
        self._release()

    def _opened(self, code: int) -> Connection:
        """The connection, or the errno for there being none; first of all what it died of, once."""
        self._check_open()
        if self.connection is None:
            lost, self._lost = self._lost, None
            raise failure(code) if lost is None else lost
        error = self._take_error()
        if error is not None:
            raise error
        return self.connection

    def _take_error(self) -> OSError | None:
        """What the connection died of, told once."""
        if self.connection is None or self._error_told or self.connection.error is None:
            return None
        self._error_told = True
        c = self.connection
        if isinstance(c.error, ConnectionResetError) and c.rcv_fin is not None and not (
            c.write_closed or self._config.bsd_calls
        ):
            # Linux: who had said all that it had to say, in CLOSE-WAIT, breaks the pipe.
            return failure(errno.EPIPE)
        return c.error

    def _recv_urgent(self, c: Connection) -> bytes:
        byte = None if c.urgent_inline else c.receive_urgent()
        if byte is not None:
            return bytes((byte,))
        expected = c.rcv_up is not None and c.receive_position + c.receive_queue.size < c.rcv_up
        raise failure(errno.EAGAIN if expected and not c.urgent_inline else errno.EINVAL)

    def _stop_listening(self, now: int) -> None:
        if self.listener is not None:
            self.table.stack.stop_listening(self.listener, now)
            self.listener = None

    # ------------------------------------------------------------------ what is in the buffers

    @property
    def linger_time(self) -> int | None:
        """What ``LINGER`` was set to: ns, None for off."""
        return self._linger

    @property
    def readable(self) -> int:
        """Bytes that can be read (SIOCINQ). Raises ``OSError(EINVAL)`` for a listener, as Linux does."""
        self._check_open()
        if self.listener is not None:
            raise failure(errno.EINVAL)
        return 0 if self.connection is None else self.connection.readable

    @property
    def unacknowledged(self) -> int:
        """Bytes written and not acknowledged (SIOCOUTQ)."""
        c = self.connection
        return 0 if c is None or c.opening else len(c.send_queue)

    @property
    def unsent(self) -> int:
        """Bytes written and never sent (SIOCOUTQNSD)."""
        c = self.connection
        return 0 if c is None or c.opening else c.unsent

    # ------------------------------------------------------------------ names, options, poll

    def getsockname(self) -> Endpoint:
        c = self.connection
        if self.closed or c is None:
            return super().getsockname()
        return format_address(c.local_address, c.scope_id), c.local_port

    def getpeername(self) -> Endpoint:
        self._check_open()
        c = self.connection
        if c is None or c.state is State.CLOSED or c.state is State.SYN_SENT:
            raise failure(errno.ENOTCONN)
        return format_address(c.remote_address, c.scope_id), c.remote_port

    def setsockopt(self, option: Option, value: Any, now: int) -> None:
        self._check_open()
        if option in FIGURES:
            self._set_figure(option, value, now)
        elif option is Option.CORK:
            self._corked = flag(value)
            if self.connection is not None:
                self.connection.set_cork(self._corked, now)
        elif option is Option.QUICKACK:
            quick = flag(value)
            if self.connection is not None:
                self.connection.set_quick_ack(quick, now)
        elif option is Option.RCVLOWAT:
            self._low_water = some_or_none(value) or 1
        elif option is Option.OOBINLINE:
            self._inline = flag(value)
            if self.connection is not None:
                self.connection.urgent_inline = self._inline
        elif option is Option.FASTOPEN_CONNECT:
            self._fast = flag(value)
        elif option is Option.LINGER:
            self._linger = linger(value)
        elif option is Option.REUSEADDR:
            self.reuse = flag(value)
        elif option is Option.V6ONLY and self.family == 6:
            self._only_v6 = flag(value)
        else:
            raise failure(errno.ENOPROTOOPT)

    def _set_figure(self, option: Option, value: Any, now: int) -> None:
        figure = FIGURES[option]
        self._config = self._config.but(**{figure.field: figure.check(value)})
        if option is Option.USER_TIMEOUT:
            self._config = self._config.but(user_timeout_changeable=False)
        if self.listener is not None:
            self.listener.config = self._config
        if self.connection is not None:
            figure.apply(self.connection, self._config, now)

    def getsockopt(self, option: Option) -> Any:
        self._check_open()
        if option is Option.MAXSEG:
            limit = self._config.mss_limit or self._config.default_mss_v4
            return limit if self.connection is None else self.connection.mss
        if option in FIGURES:
            value = getattr(self._config, FIGURES[option].field)
            if option is Option.TOS:
                return value << 2
            return not value if option is Option.NODELAY else value
        if option is Option.ERROR:
            error = self._take_error()
            return 0 if error is None else error.errno
        if self.connection is not None and option is Option.INFO:
            return info_of(self.connection)
        if option is Option.QUICKACK:
            return self.connection is None or self.connection.quick_ack
        simple = {
            Option.CORK: self._corked,
            Option.OOBINLINE: self._inline,
            Option.LINGER: self._linger,
            Option.FASTOPEN_CONNECT: self._fast,
            Option.RCVLOWAT: self._low_water,
            Option.REUSEADDR: self.reuse,
            Option.V6ONLY: self._only_v6,
        }
        if option not in simple:
            raise failure(errno.ENOPROTOOPT)
        return simple[option]

    def poll(self) -> Poll:
        self._check_open()
        c = self.connection
        if self.listener is not None:
            return Poll.IN if self.listener.ready else Poll.NOTHING
        if c is None:
            return Poll.OUT if self._put_off is not None else Poll.OUT | Poll.HUP
        mask = Poll.NOTHING
        if c.error is not None and not self._error_told:
            mask |= Poll.ERR
        if c.opening:
            return mask
        dead = c.state is State.CLOSED or c.state is State.TIME_WAIT
        ended = dead or c.read_closed or self._read_shut or (c.rcv_fin is not None and c.rcv_nxt > c.rcv_fin)
        if c.readable >= self._low_water or ended:
            mask |= Poll.IN
        if ended:
            mask |= Poll.RDHUP
        if c.urgent_byte is not None:
            mask |= Poll.PRI
        if c.writable or c.write_closed or dead:
            mask |= Poll.OUT
        if ended and (c.write_closed or dead):
            mask |= Poll.HUP
        return mask
