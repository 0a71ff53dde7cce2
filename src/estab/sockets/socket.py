"""What stream and datagram sockets have in common."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any, ClassVar, Final

from estab.sockets.errors import failure
from estab.sockets.options import Option
from estab.sockets.poll import Poll
from estab.sockets.table import SocketTable
from estab.wire.address import UNSPECIFIED_V4, UNSPECIFIED_V6, format_address, parse_prefix, parse_scoped

Endpoint = tuple[str, int]
"""Address in text and port."""

_UNSPECIFIED: Final = {4: UNSPECIFIED_V4, 6: UNSPECIFIED_V6}


class Socket:
    """A socket that never waits. What would have to wait raises ``BlockingIOError``.

    ``notify``, if set, is called when ``poll`` may give something new; whoever takes the stack's events calls it by
    ``event.owner.notify``. Every call after ``close`` raises ``OSError(EBADF)``.
    """

    KIND: ClassVar[str]
    __slots__ = ("bound_address", "bound_length", "bound_port", "closed", "family", "notify", "reuse", "table")

    def __init__(self, table: SocketTable, family: int) -> None:
        """family: 4 or 6. Raises ``OSError(EAFNOSUPPORT)`` for another."""
        if family not in _UNSPECIFIED:
            raise failure(errno.EAFNOSUPPORT)
        self.table: SocketTable = table
        self.family: int = family
        self.bound_address: bytes = _UNSPECIFIED[family]
        self.bound_length: int = 0
        """Bits of the address that count: fewer than all when bound to a whole prefix, 0 for any."""
        self.bound_port: int = 0
        self.reuse: bool = False
        self.closed: bool = False
        self.notify: Callable[[], None] | None = None

    @property
    def listening(self) -> bool:
        return False

    def bind(self, address: str, port: int) -> None:
        """Take a local address (``""``: any; ``"10.0.0.0/8"``: a prefix) and port (0: a free one).

        Raises ``OSError``: ``EINVAL`` bound already or of another family, ``EADDRINUSE``, ``EADDRNOTAVAIL``."""
        self._check_open()
        unspecified = _UNSPECIFIED[self.family]
        packed, length = self._parse_prefix(address) if address else (unspecified, 0)
        if self.bound_port or not 0 <= port < 65536:
            raise failure(errno.EINVAL)
        self.bound_port = self.table.bind(self, packed, port)
        self.bound_address = packed
        self.bound_length = 0 if packed == unspecified else length

    def getsockname(self) -> Endpoint:
        """The local address and port; unspecified and 0 before there are any."""
        self._check_open()
        return format_address(self.bound_address), self.bound_port

    def getpeername(self) -> Endpoint:
        """Raises ``OSError(ENOTCONN)`` where there is no peer."""
        raise NotImplementedError

    def setsockopt(self, option: Option, value: Any, now: int) -> None:
        """Raises ``OSError``: ``ENOPROTOOPT`` not settable here, ``EINVAL`` a value that makes no sense."""
        raise NotImplementedError

    def getsockopt(self, option: Option) -> Any:
        """Raises ``OSError(ENOPROTOOPT)``."""
        raise NotImplementedError

    def poll(self) -> Poll:
        """What can be done now."""
        raise NotImplementedError

    def close(self, now: int) -> None:
        """The descriptor is gone; what the peer is owed goes on in the background. May be called twice."""
        raise NotImplementedError

    def _check_open(self) -> None:
        if self.closed:
            raise failure(errno.EBADF)

    def _release(self) -> None:
        """The end of ``close``."""
        self.closed = True
        self.notify = None
        if self.bound_port:
            self.table.unbind(self, self.bound_port)

    def _autobind(self) -> None:
        if not self.bound_port:
            self.bind("", 0)

    def _parse(self, address: str) -> bytes:
        """The packed address. Raises ``ValueError`` for what is none, ``OSError(EINVAL)`` for the other family's."""
        packed, _ = parse_scoped(address)
        if len(packed) != len(_UNSPECIFIED[self.family]):
            raise failure(errno.EINVAL, f"{address} is not an IPv{self.family} address")
        return packed

    def _parse_prefix(self, address: str) -> tuple[bytes, int]:
        """Like ``_parse``, with the length of the prefix."""
        host, slash, _ = address.partition("/")
        packed = self._parse(host)
        return packed, parse_prefix(address).length if slash else 8 * len(packed)

    def _specific_address(self) -> str | None:
        """The bound address or prefix, None for any."""
        if not self.bound_length:
            return None
        text = format_address(self.bound_address)
        return text if self.bound_length == 8 * len(self.bound_address) else f"{text}/{self.bound_length}"
