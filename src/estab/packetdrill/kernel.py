"""The system calls of scripts, on our own sockets."""

from __future__ import annotations

import errno
from collections.abc import Callable, Generator
from typing import Final

from estab.packetdrill.constants import SYMBOLS
from estab.packetdrill.error_queue import same_messages
from estab.packetdrill.files import (
    CallMismatchError,
    File,
    Pipe,
    RegularFile,
    Result,
    SocketFile,
    Waiting,
    integer,
    total_length,
)
from estab.packetdrill.polling import Epoll, epoll_control, epoll_wait, poll
from estab.packetdrill.sockopts import INQ, get_option, set_option
from estab.packetdrill.sockopts_bsd import TUNNELLED
from estab.packetdrill.tcp_info import info_fields
from estab.packetdrill.values import Argument, Fields, UnsupportedError, pointed_at
from estab.packetdrill.world import EPOCH, World
from estab.sockets import DatagramSocket, Shutdown, StreamSocket
from estab.tcp.timers import NEVER
from estab.wire.address import format_address

_NONBLOCK: Final = SYMBOLS["O_NONBLOCK"]
_MOST_AT_ONCE: Final = 1 << 24
"""Bytes that are made to be written; more than any send buffer of a profile takes."""
_NONBLOCK_BSD: Final = 4
_RDWR: Final = SYMBOLS["O_RDWR"]
_OOB: Final = SYMBOLS["MSG_OOB"]
_PEEK: Final = SYMBOLS["MSG_PEEK"]
_DONTWAIT: Final = SYMBOLS["MSG_DONTWAIT"]
_WAITALL: Final = SYMBOLS["MSG_WAITALL"]
_MORE: Final = SYMBOLS["MSG_MORE"]
_FASTOPEN: Final = SYMBOLS["MSG_FASTOPEN"]
_ERRQUEUE: Final = SYMBOLS["MSG_ERRQUEUE"]
_ZEROCOPY: Final = SYMBOLS["MSG_ZEROCOPY"]
_FAMILIES: Final = {SYMBOLS["AF_INET"]: 4, SYMBOLS["AF_INET6"]: 6}


class Kernel:
    """Descriptors, and one method for each system call. An ``OSError`` is what the call failed with.

    A method returns a number, a new file, or a generator that waits."""

    def __init__(self, world: World) -> None:
        self.world: World = world
        self.files: dict[int, File] = {}
        world.on_flush = self._look
        self.known: set[int] = set()
        """Every number that ever was a descriptor."""

    def call(self, name: str, arguments: list[Argument]) -> Result:
        """Begin a call. Raises ``OSError``, ``UnsupportedError``, ``CallMismatchError``."""
        method = _CALLS.get(name)
        if method is None:
            raise UnsupportedError(f"the system call {name}")
        try:
            return method(self, *arguments)
        except TypeError as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is None:
                raise UnsupportedError(f"{name} with {len(arguments)} arguments") from None
            raise

    def register(self, number: int, file: File) -> None:
        """The script calls the new descriptor ``number``. Raises ``CallMismatchError``."""
        if number in self.files:
            raise CallMismatchError(f"descriptor {number} is in use")
        self.files[number] = file
        self.known.add(number)

    def _look(self) -> None:
        """Does a socket have something to tell in its error queue?"""
        for file in self.files.values():
            if isinstance(file, SocketFile) and file.errors.watched and file.stream.connection is not None:
                v6 = self.world.settings.ip_version != "ipv4"
                if file.errors.look(file.stream.connection, self.world.now - EPOCH, v6):
                    file.notify()

    def close_all(self) -> None:
        for number in list(self.files):
            self.files.pop(number).close(self.world.now)
        self.world.flush()

    # ------------------------------------------------------------------ descriptors

    def file(self, number: Argument) -> File:
        """Raises ``OSError(EBADF)``, and ``EFAULT``-like misuse as ``UnsupportedError``."""
        found = self.files.get(integer(number, "a descriptor"))
        if found is None:
            raise OSError(errno.EBADF, "bad file descriptor")
        return found

    def socket_file(self, number: Argument) -> SocketFile:
        found = self.file(number)
        if not isinstance(found, SocketFile):
            raise OSError(errno.ENOTSOCK, "not a socket")
        return found

    def _wait(self, file: File, flags: int, attempt: Callable[[], int | File], timeout: int) -> Waiting:
        """Try until it works; a descriptor that must not wait fails with what it would have waited for."""
        until = NEVER if timeout == NEVER else self.world.now + timeout
        while True:
            try:
                return attempt()
            except BlockingIOError:
                if file.nonblocking or flags & _DONTWAIT or self.world.now >= until:
                    raise
            yield until

    # ------------------------------------------------------------------ opening and closing

    def socket(self, domain: Argument, kind: Argument, protocol: Argument) -> File:
        settings = self.world.settings
        default = SYMBOLS["AF_INET" if settings.ip_version == "ipv4" else "AF_INET6"]
        family = default if domain is ... else integer(domain, "a domain")
        if family not in _FAMILIES:
            raise OSError(errno.EAFNOSUPPORT, "address family not supported")
        number = integer(kind, "a type")
        version = 4 if settings.ip_version == "ipv4-mapped-ipv6" else _FAMILIES[family]
        if number & 0xF == SYMBOLS["SOCK_STREAM"] and integer(protocol, "a protocol") in (0, SYMBOLS["IPPROTO_TCP"]):
            made: StreamSocket | DatagramSocket = StreamSocket(self.world.table, version)
        elif number & 0xF == SYMBOLS["SOCK_DGRAM"]:
            made = DatagramSocket(self.world.table, version)
        else:
            raise UnsupportedError(f"a socket of type {number} and protocol {protocol!r}")
        file = SocketFile(made, family, number & 0xF)
        file.nonblocking = bool(number & _NONBLOCK)
        return file

    def bind(self, number: Argument, address: Argument, _length: Argument) -> int:
        host, port = self._address(address, "", self.world.settings.bind_port)
        self.socket_file(number).socket.bind(host, port)
        return 0

    def listen(self, number: Argument, backlog: Argument) -> int:
        self.socket_file(number).stream.listen(max(integer(backlog, "a backlog") + 1, 1))
        return 0

    def accept(self, number: Argument, _address: Argument, _length: Argument, flags: Argument = 0) -> Waiting:
        file = self.socket_file(number)

        def attempt() -> File:
            made = SocketFile(file.stream.accept(), file.family, file.kind)
            made.nonblocking = bool(integer(flags, "flags") & _NONBLOCK)
            made.inherit(file)
            return made

        return self._wait(file, 0, attempt, file.receive_timeout)

    def connect(self, number: Argument, address: Argument, _length: Argument) -> Result:
        file = self.socket_file(number)
        settings = self.world.settings
        host, port = self._address(address, format_address(settings.remote), settings.connect_port)
        if isinstance(address, Fields) and address.get("sa_family") == SYMBOLS["AF_UNSPEC"]:
            file.stream.disconnect(self.world.now)
            return 0
        if isinstance(file.socket, DatagramSocket):
            file.socket.connect(host, port, self.world.now)
            return 0
        connection = file.stream.connection
        if self.world.config.bsd_calls and connection is not None and not connection.opening:
            # The outcome of the first call is told by other means.
            raise OSError(errno.ECONNREFUSED if connection.error else errno.EISCONN, "connected, or was once")
        return self._connect(file, host, port)

    def _connect(self, file: SocketFile, host: str, port: int) -> Waiting:
        """A socket that may wait goes on until the handshake has succeeded or failed."""
        until = NEVER if file.send_timeout == NEVER else self.world.now + file.send_timeout
        while True:
            try:
                file.socket.connect(host, port, self.world.now)
                return 0
            except BlockingIOError as error:
                if file.nonblocking or self.world.now >= until:
                    raise
                if error.errno not in (errno.EINPROGRESS, errno.EALREADY):
                    raise
            yield until

    def close(self, number: Argument) -> Result:
        file = self.file(number)
        del self.files[integer(number, "a descriptor")]
        return self._linger(file) if isinstance(file, SocketFile) and file.kind == 1 else self._close_at_once(file)

    def _close_at_once(self, file: File) -> int:
        file.close(self.world.now)
        return 0

    def _linger(self, file: SocketFile) -> Waiting:
        """SO_LINGER: the call returns when all is acknowledged, or after the time given."""
        socket = file.stream
        connection, time = socket.connection, socket.linger_time
        file.close(self.world.now)
        if connection is None or not time or file.nonblocking:
            return 0
        until = self.world.now + time
        while not connection.all_acked and self.world.now < until:
            yield until
        return 0

    def shutdown(self, number: Argument, how: Argument) -> int:
        value = integer(how, "a direction")
        if value not in tuple(Shutdown):
            raise OSError(errno.EINVAL, "invalid argument")
        self.socket_file(number).stream.shutdown(Shutdown(value), self.world.now)
        return 0

    def open(self, _path: Argument, *_rest: Argument) -> File:
        return RegularFile()

    def pipe(self, ends: Argument) -> int:
        if not isinstance(ends, list) or len(ends) != 2:
            raise UnsupportedError("a pipe without two descriptors")
        pipe = Pipe()
        for end in ends:
            self.register(integer(end, "a descriptor"), pipe)
        return 0

    # ------------------------------------------------------------------ data

    def write(self, number: Argument, _buffer: Argument, count: Argument) -> Result:
        return self._write(number, _count(count), 0)

    def writev(self, number: Argument, vectors: Argument, _count: Argument) -> Result:
        return self._write(number, total_length(vectors), 0)

    def send(self, number: Argument, _buffer: Argument, count: Argument, flags: Argument) -> Result:
        return self._write(number, _count(count), integer(flags, "flags"))

    def sendto(self, number: Argument, *rest: Argument) -> Result:
        _, count, flags, *address = rest
        if integer(flags, "flags") & _FASTOPEN:
            return self._open_fast(number, _count(count), address[0] if address else ...)
        return self._write(number, _count(count), integer(flags, "flags"))

    def _open_fast(self, number: Argument, count: int, address: Argument) -> Waiting:
        """MSG_FASTOPEN: connect and write in one; where there is no cookie it connects first."""
        file = self.socket_file(number)
        settings = self.world.settings
        host, port = self._address(address, format_address(settings.remote), settings.connect_port)
        try:
            return file.stream.sendto(bytes(min(count, _MOST_AT_ONCE)), host, port, self.world.now)
        except BlockingIOError:
            if file.nonblocking:
                raise
        yield from self._connect(file, host, port)
        written = yield from self._write_stream(file, count, 0)
        return written

    def sendmsg(self, number: Argument, message: Argument, flags: Argument) -> Result:
        given = _message(message)
        if isinstance(given.get("msg_control"), list) and given["msg_control"]:
            raise UnsupportedError("control messages to send")
        if integer(flags, "flags") & _FASTOPEN:
            count = total_length(given.get("msg_iov", []))
            return self._open_fast(number, count, next((given[name] for name in given if name == "msg_name"), ...))
        return self._write(number, total_length(given.get("msg_iov", [])), integer(flags, "flags"))

    def _write(self, number: Argument, count: int, flags: int) -> Result:
        file = self.file(number)
        if isinstance(file, Pipe):
            file.held += count
            return count
        if not isinstance(file, SocketFile):
            raise UnsupportedError("writing to what is no socket")
        if flags & (_FASTOPEN | _ERRQUEUE):
            raise UnsupportedError(f"the flags {flags:#x} of this call")
        if isinstance(file.socket, DatagramSocket):
            return file.socket.send(bytes(min(count, _MOST_AT_ONCE)), self.world.now)
        return self._write_stream(file, count, flags)

    def _write_stream(self, file: SocketFile, count: int, flags: int) -> Waiting:
        """All of it, where the descriptor may wait; what was written already, where that fails half-way."""
        socket = file.stream
        until = NEVER if file.send_timeout == NEVER else self.world.now + file.send_timeout
        done = 0
        while True:
            try:
                left = bytes(min(count - done, _MOST_AT_ONCE))
                taken = socket.send(left, self.world.now, oob=bool(flags & _OOB), more=bool(flags & _MORE))
                done += taken
                if socket.connection is not None and count:
                    self._lend(file, flags, done >= count)
                if done >= count:
                    return done
                if taken == len(left):
                    continue
            except BlockingIOError:
                if not done and (file.nonblocking or flags & _DONTWAIT or self.world.now >= until):
                    raise
            except OSError:
                if not done:
                    raise
                return done
            if file.nonblocking or flags & _DONTWAIT or self.world.now >= until:
                return done
            yield until

    @staticmethod
    def _lend(file: SocketFile, flags: int, whole: bool) -> None:
        connection = file.stream.connection
        if whole and connection is not None and (file.errors.flags or flags & _ZEROCOPY):
            file.errors.written(connection, bool(flags & _ZEROCOPY))

    def read(self, number: Argument, _buffer: Argument, count: Argument) -> Result:
        return self._read(number, _count(count), 0)

    def readv(self, number: Argument, vectors: Argument, _count: Argument) -> Result:
        return self._read(number, total_length(vectors), 0)

    def recv(self, number: Argument, _buffer: Argument, count: Argument, flags: Argument) -> Result:
        return self._read(number, _count(count), integer(flags, "flags"))

    def recvfrom(self, number: Argument, *rest: Argument) -> Result:
        _, count, flags, *_ = rest
        return self._read(number, _count(count), integer(flags, "flags"))

    def recvmsg(self, number: Argument, message: Argument, flags: Argument) -> Result:
        given = _message(message)
        if integer(flags, "flags") & _ERRQUEUE:
            return self._told(self.socket_file(number), given)
        made = self._read(number, total_length(given.get("msg_iov", [])), integer(flags, "flags"))
        return self._with_control(self.socket_file(number), given, made)

    def _with_control(self, file: SocketFile, message: Fields, made: Result) -> Waiting:
        """The control messages that came with the data are compared."""
        count = (yield from made) if isinstance(made, Generator) else made
        seen: list[Argument] = []
        if file.remembered.get(INQ):
            seen.append(Fields(cmsg_level=INQ[0], cmsg_type=INQ[1], cmsg_data=self._inquire(file)))
        expected = message.get("msg_control", [])
        if expected is not ... and expected != seen:
            raise CallMismatchError(f"msg_control: expected {expected!r}, seen {seen!r}")
        return count

    def _told(self, file: SocketFile, message: Fields) -> int:
        """From the error queue, which has control messages only."""
        seen = file.errors.take()
        if not same_messages(message.get("msg_control", ...), seen, self.world.settings.tolerance):
            raise CallMismatchError(f"msg_control: expected {message.get('msg_control')!r}, seen {seen!r}")
        return 0

    def _inquire(self, file: SocketFile) -> int:
        """TCP_INQ: what is left to read, the end of file counts as one."""
        left = file.stream.readable
        return left or int(bool(file.poll() & SYMBOLS["POLLRDHUP"]))

    def _read(self, number: Argument, count: int, flags: int) -> Result:
        file = self.file(number)
        if isinstance(file, Pipe):
            taken = min(count, file.held)
            file.held -= taken
            return taken
        if not isinstance(file, SocketFile):
            return count
        if flags & _ERRQUEUE:
            raise UnsupportedError("the error queue by other calls than recvmsg")
        if isinstance(file.socket, DatagramSocket):
            datagram = file.socket
            return self._wait(file, flags, lambda: min(len(datagram.recv()), count), file.receive_timeout)
        if flags & _WAITALL and not flags & _PEEK:
            return self._read_all(file, count, flags)
        return self._wait(file, flags, lambda: self._receive_enough(file, count, flags), file.receive_timeout)

    def _receive_enough(self, file: SocketFile, count: int, flags: int) -> int:
        """Whoever may wait waits for as much as SO_RCVLOWAT says."""
        socket = file.stream
        connection = socket.connection
        waits = not (file.nonblocking or flags & (_DONTWAIT | _OOB))
        if waits and connection is not None and 0 < socket.readable < count and not file.poll() & SYMBOLS["POLLIN"]:
            raise BlockingIOError(errno.EAGAIN, "resource temporarily unavailable")
        return self._receive(file, count, flags)

    def _receive(self, file: SocketFile, count: int, flags: int) -> int:
        return len(file.stream.recv(count, self.world.now, peek=bool(flags & _PEEK), oob=bool(flags & _OOB)))

    def _read_all(self, file: SocketFile, count: int, flags: int) -> Waiting:
        done = 0
        until = NEVER if file.receive_timeout == NEVER else self.world.now + file.receive_timeout
        while done < count:
            try:
                taken = self._receive(file, count - done, flags)
                done += taken
                if not taken:
                    break
            except BlockingIOError:
                if file.nonblocking or flags & _DONTWAIT or self.world.now >= until:
                    if not done:
                        raise
                    break
                yield until
        return done

    def sendfile(self, out: Argument, _source: Argument, _offset: Argument, count: Argument) -> Result:
        return self._write(out, _count(count), 0)

    def splice(self, *arguments: Argument) -> Result:
        source, _, sink, _, count, _ = arguments
        size = _count(count)
        taker, giver = self.file(sink), self.file(source)
        if isinstance(giver, Pipe) and isinstance(taker, SocketFile):
            giver.held -= min(size, giver.held)
            return self._write(sink, size, 0)
        if isinstance(taker, Pipe) and isinstance(giver, SocketFile):
            return self._splice_in(giver, taker, size)
        raise UnsupportedError("splice between these")

    def _splice_in(self, giver: SocketFile, taker: Pipe, size: int) -> Waiting:
        taken = yield from self._wait(giver, 0, lambda: self._receive(giver, size, 0), giver.receive_timeout)
        assert isinstance(taken, int)
        taker.held += taken
        return taken

    # ------------------------------------------------------------------ control

    def fcntl(self, number: Argument, command: Argument, argument: Argument = 0) -> int:
        file = self.file(number)
        if command == SYMBOLS["F_GETFL"]:
            return _RDWR | (self._nonblock if file.nonblocking else 0)
        if command == SYMBOLS["F_SETFL"]:
            file.nonblocking = bool(integer(argument, "flags") & (_NONBLOCK | self._nonblock))
            return 0
        if command in (SYMBOLS["F_GETFD"], SYMBOLS["F_SETFD"]):
            return 0
        raise UnsupportedError(f"fcntl {command!r}")

    @property
    def _nonblock(self) -> int:
        """The bit, as numbers in scripts have it."""
        return _NONBLOCK_BSD if self.world.config.bsd_calls else _NONBLOCK

    def ioctl(self, number: Argument, request: Argument, result: Argument) -> int:
        file = self.socket_file(number)
        if request == SYMBOLS["FIONBIO"]:
            file.nonblocking = bool(_only(result))
            return 0
        socket = file.stream
        if request == SYMBOLS["FIONREAD"]:
            seen = socket.readable
        elif request == SYMBOLS["FIONSPACE"]:
            seen = 0 if socket.connection is None else socket.connection.room
        elif request in (SYMBOLS["SIOCOUTQ"], SYMBOLS["FIONWRITE"]):
            seen = socket.unacknowledged
        elif request == SYMBOLS["SIOCOUTQNSD"]:
            seen = socket.unsent
        elif request == SYMBOLS["SIOCATMARK"]:
            seen = int(socket.at_mark())
        else:
            raise UnsupportedError(f"ioctl {request!r}")
        if result is not ... and _only(result) != seen:
            raise CallMismatchError(f"expected [{_only(result)}], seen [{seen}]")
        return 0

    def setsockopt(self, number: Argument, level: Argument, option: Argument, value: Argument, length: Argument) -> int:
        place = integer(level, "a level"), integer(option, "an option")
        file = self.socket_file(number)
        set_option(file, place, value, self.world.now)
        if place == TUNNELLED:
            self.world.tunnels.wanted[file.socket] = file.remembered[place]
        return 0

    def getsockopt(self, number: Argument, level: Argument, option: Argument, value: Argument, length: Argument) -> int:
        place = integer(level, "a level"), integer(option, "an option")
        file = self.socket_file(number)
        info = place == (SYMBOLS["SOL_TCP"], SYMBOLS["TCP_INFO"])
        seen = Fields(info_fields(file.stream, self.world)) if info else get_option(file, place)
        if value is not ... and not _agree(pointed_at(value), seen):
            raise CallMismatchError(f"expected {pointed_at(value)!r}, seen {seen!r}")
        return 0

    def poll(self, entries: Argument, _count: Argument, timeout: Argument) -> Waiting:
        return poll(self.files, self.world, entries, integer(timeout, "a timeout"))

    def epoll_create(self, _size: Argument) -> File:
        return Epoll()

    def epoll_ctl(self, number: Argument, operation: Argument, target: Argument, event: Argument = ...) -> int:
        epoll = self.file(number)
        if not isinstance(epoll, Epoll):
            raise OSError(errno.EINVAL, "invalid argument")
        watched = integer(target, "a descriptor")
        epoll_control(epoll, integer(operation, "an operation"), watched, self.file(target), event)
        return 0

    def epoll_wait(self, number: Argument, events: Argument, most: Argument, timeout: Argument) -> Waiting:
        epoll = self.file(number)
        if not isinstance(epoll, Epoll):
            raise OSError(errno.EINVAL, "invalid argument")
        return epoll_wait(epoll, self.world, events, integer(most, "a count"), integer(timeout, "a timeout"))

    # ------------------------------------------------------------------ addresses

    def getsockname(self, number: Argument, address: Argument, _length: Argument) -> int:
        return self._named(address, self.socket_file(number).socket.getsockname())

    def getpeername(self, number: Argument, address: Argument, _length: Argument) -> int:
        return self._named(address, self.socket_file(number).socket.getpeername())

    def _named(self, expected: Argument, seen: tuple[str, int]) -> int:
        """Where the script says an address, it is compared."""
        if isinstance(expected, Fields) and self._address(expected, *seen) != seen:
            raise CallMismatchError(f"expected {self._address(expected, *seen)}, seen {seen}")
        return 0

    def _address(self, given: Argument, host: str, port: int) -> tuple[str, int]:
        """What ``...`` or a ``sockaddr`` stands for."""
        if not isinstance(given, Fields):
            return host, port
        packed = given.get("sin_addr", given.get("sin6_addr", b""))
        number = given.get("sin_port", given.get("sin6_port", port))
        text = format_address(packed) if isinstance(packed, bytes) and packed else ""
        if text in ("0.0.0.0", "::"):
            text = ""
        return text, port if number is ... else integer(number, "a port")


def _count(value: Argument) -> int:
    """So many bytes. Raises ``OSError(EINVAL)`` for less than none."""
    count = integer(value, "a count")
    if count < 0:
        raise OSError(errno.EINVAL, "invalid argument")
    return count


def _message(message: Argument) -> Fields:
    if not isinstance(message, Fields):
        raise UnsupportedError("a message that is no structure")
    return message


def _only(value: Argument) -> int:
    """Of ``[n]``."""
    return integer(pointed_at(value), "a value")


def _agree(expected: Argument, seen: Argument) -> bool:
    """Of structures what the script names is compared."""
    if not (isinstance(expected, Fields) and isinstance(seen, Fields)):
        return expected == seen
    named = {name: value for name, value in expected.items() if name in seen and value is not ...}
    return all(seen[name] == value for name, value in named.items())


_NAMES: Final = """socket bind listen accept connect close shutdown open pipe write writev send sendto sendmsg read
    readv recv recvfrom recvmsg sendfile splice
    getsockname getpeername fcntl ioctl setsockopt getsockopt poll epoll_create epoll_ctl epoll_wait"""
_CALLS: Final[dict[str, Callable[..., Result]]] = {
    **{name: getattr(Kernel, name) for name in _NAMES.split()},
    "accept4": Kernel.accept,
    "epoll_create1": Kernel.epoll_create,
}
