"""Datagrams in and out of a port, without waiting (RFC 768)."""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from estab.wire.address import format_address, parse_address

_LONGEST: Final = {4: 65_535 - 20 - 8, 16: 65_535 - 8}
"""Payload bytes by length of address: the total length of IPv4 counts its own header, that of IPv6 does not."""


class UdpPort:
    """One bound port. Made by ``Stack.udp``."""

    __slots__ = ("_leave", "_send", "address", "closed", "evented", "limit", "owner", "port", "queue")

    def __init__(
        self,
        address: bytes | None,
        port: int,
        limit: int,
        send: Callable[[UdpPort, bytes, tuple[bytes, int], int], None],
        leave: Callable[[UdpPort], None],
    ) -> None:
        self.address: bytes | None = address
        self.port: int = port
        self.limit: int = limit
        """Datagrams that wait; what comes beyond is dropped (``UdpRcvbufErrors``)."""
        self.queue: deque[tuple[bytes, tuple[bytes, int]]] = deque()
        self.closed: bool = False
        self.evented: bool = False
        self.owner: Any = None
        self._send = send
        self._leave = leave

    @property
    def readable(self) -> int:
        """Datagrams that wait."""
        return len(self.queue)

    def send_to(self, data: bytes, remote: tuple[str | bytes, int], now: int) -> None:
        """Queue one datagram. Raises ``OSError``: ``EMSGSIZE``, ``ENETUNREACH`` (no source), ``ENOBUFS`` (full)."""
        if self.closed:
            raise OSError(errno.EBADF, "port is closed")
        address, port = remote
        packed = parse_address(address) if isinstance(address, str) else address
        if not 0 < port < 65536:
            raise ValueError(f"port {port} is not in 1 to 65535")
        if len(data) > _LONGEST[len(packed)]:
            raise OSError(errno.EMSGSIZE, f"a datagram of {len(data)} bytes is too long")
        self._send(self, bytes(data), (packed, port), now)

    def receive_from(self) -> tuple[bytes, tuple[str, int]] | None:
        """The oldest datagram and who sent it, or None."""
        if not self.queue:
            return None
        data, (address, port) = self.queue.popleft()
        return data, (format_address(address), port)

    def close(self) -> None:
        """Free the port; what waits is thrown away."""
        if not self.closed:
            self.closed = True
            self.queue.clear()
            self._leave(self)
