"""What the descriptors of a script stand for."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeAlias

from estab.packetdrill.constants import SYMBOLS
from estab.packetdrill.error_queue import ErrorQueue
from estab.packetdrill.values import Argument, UnsupportedError, pointed_at
from estab.sockets import DatagramSocket, StreamSocket
from estab.tcp.timers import NEVER

Waiting: TypeAlias = Generator[int, None, "int | File"]
"""A call that may have to wait: yields until when at most (ns, ``NEVER``: for ever), and goes on when asked."""

Result: TypeAlias = "int | File | Waiting"


class CallMismatchError(Exception):
    """The call succeeded, but what it gave back is not what the script expects."""


class File:
    """Anything with a descriptor."""

    def __init__(self) -> None:
        self.nonblocking: bool = False
        self.watchers: list[Callable[[], None]] = []
        """Called when there may be something new to poll for."""

    def poll(self) -> int:
        """The bits of poll(2)."""
        return 0

    def close(self, now: int) -> None:
        """The descriptor is gone."""

    def notify(self) -> None:
        for watcher in self.watchers:
            watcher()


class SocketFile(File):
    """A socket."""

    def __init__(self, socket: StreamSocket | DatagramSocket, family: int, kind: int) -> None:
        super().__init__()
        self.socket: StreamSocket | DatagramSocket = socket
        self.family: int = family
        """As the script said; the socket itself may speak the other one (IPv4-mapped addresses)."""
        self.kind: int = kind
        self.receive_timeout: int = NEVER
        self.send_timeout: int = NEVER
        self.remembered: dict[tuple[int, int], int] = {}
        """Options that are only kept, to be asked for again."""
        self.names: dict[tuple[int, int], bytes] = {}
        """The same, of those whose values are names."""
        self.errors: ErrorQueue = ErrorQueue()
        socket.notify = self.notify

    def inherit(self, listener: SocketFile) -> None:
        """What an accepted socket has from the one that listened."""
        self.receive_timeout, self.send_timeout = listener.receive_timeout, listener.send_timeout
        self.errors.zerocopy, self.errors.flags = listener.errors.zerocopy, listener.errors.flags
        self.remembered = dict(listener.remembered)

    @property
    def stream(self) -> StreamSocket:
        if not isinstance(self.socket, StreamSocket):
            raise UnsupportedError("this call on a datagram socket")
        return self.socket

    def poll(self) -> int:
        return int(self.socket.poll()) | (SYMBOLS["POLLERR"] if self.errors.waiting else 0)

    def close(self, now: int) -> None:
        self.socket.close(now)


class RegularFile(File):
    """A file to send from; its contents are zeros, however much is read."""

    def poll(self) -> int:
        return 5


class Pipe(File):
    """Both ends of a pipe: so many bytes are in it."""

    CAPACITY = 65_536

    def __init__(self) -> None:
        super().__init__()
        self.held: int = 0


def integer(argument: Argument, what: str) -> int:
    if not isinstance(argument, int):
        raise UnsupportedError(f"{what} that is no number")
    return argument


def option_integer(value: Argument) -> int:
    """An option's value."""
    return integer(pointed_at(value), "an option's value")


def total_length(vectors: Argument) -> int:
    """Of ``[{..., 100}, {..., 200}]``."""
    if not isinstance(vectors, list):
        raise UnsupportedError("an iovec that is no list")
    return sum(_length(each) for each in vectors)


def _length(vector: Argument) -> int:
    if isinstance(vector, dict):
        last = list(vector.values())[-1] if vector else 0
        return integer(last, "a length")
    raise UnsupportedError("an iovec that is no structure")
