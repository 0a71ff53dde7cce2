"""A host's way into the network: one link for its stack, any number of cables behind it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from estab.stack.addresses import Addresses
from estab.wire.link import NO_OFFLOAD, Link, Offload
from estab.wire.packet import Packet

_DEFAULT_MTU: Final = 1500
_INBOX: Final = 1024

Tap = Callable[[Packet, int, str], None]
"""``tap(packet, now, direction)``, direction ``"in"`` or ``"out"``."""


class Port:
    """Sends a packet into the cable at whose end its destination is; without one, into the first.

    A host that is not connected sends into the void, as a machine without a cable does.
    """

    __slots__ = ("_cables", "_inbox", "_ready", "on_ready", "taps")

    def __init__(self) -> None:
        self._cables: list[tuple[Link, Addresses]] = []
        self._inbox: deque[Packet] = deque()
        self._ready: bool = False
        self.on_ready: Callable[[], None] | None = None
        self.taps: list[Tap] = []

    def plug(self, link: Link, peer: Addresses) -> None:
        """Add a cable that leads to whoever has these addresses."""
        link.on_ready = self._wake
        self._cables.append((link, peer))

    def inject(self, packet: Packet) -> None:
        """Let a packet arrive that nobody in the network sent. Raises ``BufferError`` when too many wait already."""
        if len(self._inbox) >= _INBOX:
            raise BufferError(f"{_INBOX} injected packets wait already: let the network run")
        self._inbox.append(packet)
        self._wake()

    @property
    def ready(self) -> bool:
        """``receive`` may have something now."""
        return self._ready

    @property
    def mtu(self) -> int:
        """That of the narrowest cable."""
        return min((link.mtu for link, _ in self._cables), default=_DEFAULT_MTU)

    @property
    def offload(self) -> Offload:
        return NO_OFFLOAD

    def receive(self, now: int, room: int) -> list[Packet]:
        """What was injected, then what came through the cables."""
        inbox = self._inbox
        packets = [inbox.popleft() for _ in range(min(room, len(inbox)))] if inbox else []
        for link, _ in self._cables:
            if len(packets) < room:
                packets += link.receive(now, room - len(packets))
        self._ready = len(packets) >= room
        for tap in self.taps:
            for packet in packets:
                tap(packet, now, "in")
        return packets

    def send(self, packets: Sequence[Packet], now: int) -> int:
        """As many as the cables take."""
        cables = self._cables
        taken = cables[0][0].send(packets, now) if len(cables) == 1 else self._distribute(packets, now)
        for tap in self.taps:
            for packet in packets[:taken]:
                tap(packet, now, "out")
        return taken

    def next_deadline(self) -> int | None:
        earliest = None
        for link, _ in self._cables:
            at = link.next_deadline()
            if at is not None and (earliest is None or at < earliest):
                earliest = at
        return earliest

    def fileno(self) -> int:
        """-1: ``on_ready`` tells."""
        return -1

    def close(self) -> None:
        """Pull all cables."""
        for link, _ in self._cables:
            link.close()
        self._cables.clear()
        self._inbox.clear()

    def _distribute(self, packets: Sequence[Packet], now: int) -> int:
        taken = 0
        for packet in packets:
            link = self._link_to(packet.dst)
            if link is not None and not link.send((packet,), now):
                break
            taken += 1
        return taken

    def _link_to(self, destination: bytes) -> Link | None:
        for link, peer in self._cables:
            if peer.accepts(destination):
                return link
        return self._cables[0][0] if self._cables else None

    def _wake(self) -> None:
        self._ready = True
        if self.on_ready is not None:
            self.on_ready()
