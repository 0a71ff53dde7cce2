"""The sockets of one stack, and who is bound to which port."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from estab.sockets.errors import failure
from estab.stack.netstat import split_key
from estab.stack.stack import Stack
from estab.wire.address import UNSPECIFIED_V4, UNSPECIFIED_V6

if TYPE_CHECKING:
    from estab.sockets.socket import Socket

ANY = (UNSPECIFIED_V4, UNSPECIFIED_V6)


class SocketTable:
    """Knows what is bound but neither listens nor is connected: that much the stack cannot know."""

    def __init__(self, stack: Stack) -> None:
        self.stack: Stack = stack
        self.bound: dict[tuple[str, int], list[Socket]] = {}

    def bind(self, socket: Socket, address: bytes, port: int) -> int:
        """Note the socket as bound; the port, chosen here where it was 0. Raises ``OSError``.

        Without ``REUSEADDR`` this walks the stack's connections, as old ones are in the way."""
        if address not in ANY and not self.stack.addresses.accepts(address):
            raise failure(errno.EADDRNOTAVAIL)
        kind = socket.KIND
        if port == 0:
            port = self.stack.ports.pick(kind.encode(), lambda candidate: self._is_free(kind, candidate))
        elif self._conflicts(socket, address, port):
            raise failure(errno.EADDRINUSE)
        self.bound.setdefault((kind, port), []).append(socket)
        return port

    def unbind(self, socket: Socket, port: int) -> None:
        """The socket is closed; its connections keep the port busy for as long as they live."""
        place = (socket.KIND, port)
        self.bound[place].remove(socket)
        if not self.bound[place]:
            del self.bound[place]

    def _is_free(self, kind: str, port: int) -> bool:
        taken = self.stack.listeners if kind == "stream" else self.stack.udp_ports
        return (kind, port) not in self.bound and port not in taken

    def _conflicts(self, socket: Socket, address: bytes, port: int) -> bool:
        """As in Linux: two may share a port if both say REUSEADDR and neither listens, or their addresses differ."""
        for other in self.bound.get((socket.KIND, port), ()):
            if len(other.bound_address) != len(address):
                continue
            overlap = other.bound_address == address or address in ANY or other.bound_address in ANY
            if overlap and not (socket.reuse and other.reuse and not other.listening):
                return True
        if socket.KIND == "datagram" or socket.reuse:
            return False
        keys = (*self.stack.connections, *self.stack.time_wait.entries)
        return any(local[1] == port and (address in ANY or local[0] == address) for local, _ in map(split_key, keys))
