"""Segments that travel in UDP datagrams: which connections are carried, between which ports.

The stack knows nothing of it: what comes in is unwrapped before it gets there, and what goes out counts as wrapped.
"""

from __future__ import annotations

from typing import Final

from estab.packetdrill.live import Live
from estab.sockets import Socket
from estab.stack.stack import Stack
from estab.tcp.connection import make_key

UDP_HEADER: Final = 8
"""Bytes that a segment has less room for."""
_PORT: Final = 9899
"""IANA's for SCTP, which TCP borrows where the script does not say another."""

Ports = tuple[int, int]


class Tunnels:
    """The tunnels of one host."""

    def __init__(self) -> None:
        self.local_port: int = _PORT
        self.wanted: dict[Socket, int] = {}
        """Sockets that shall connect through one, and the peer's port."""
        self._known: dict[bytes, Ports] = {}
        """Our port and the peer's, by the four-tuple of what is carried."""

    def heard(self, local: tuple[bytes, int], remote: tuple[bytes, int], datagram: Ports) -> None:
        """A segment has come in a datagram between these ports, the peer's first: so will the answers go."""
        self._known[make_key(local, remote)] = datagram[1], datagram[0]

    def carry(self, live: Live, stack: Stack) -> Live:
        """What was sent, with the ports of the datagram if it goes in one."""
        key = make_key((live.src, live.ports[0]), (live.dst, live.ports[1]))
        ports = self._known.get(key)
        if ports is None and self.wanted and key in stack.connections:
            remote = self.wanted.get(stack.connections[key].owner)
            if remote:
                self._known[key] = ports = self.local_port, remote
        return live if ports is None else live._replace(udp=ports)
