"""A host's way into the network: one link for its stack, any number of cables behind it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from estab.faults.link import FaultyLink
from estab.stack.addresses import Addresses
from estab.wire.link import NO_OFFLOAD, Offload
from estab.wire.packet import Packet

_DEFAULT_MTU: Final = 1500
_INBOX: Final = 1024

Tap = Callable[[Packet, int, str], None]
"""``tap(packet, now, direction)``, direction ``"in"`` or ``"out"``."""


class Port:
    """Sends a packet into the cable at whose end its destination is; without one, into the first.

    A host that is not connected sends into the void, as a machine without a cable does.
    """

    __slots__ = ("_asked", "_cables", "_deadline", "_inbox", "mtu", "offload", "on_ready", "ready", "taps")

    def __init__(self, offload: Offload = NO_OFFLOAD) -> None:
        self.offload: Offload = offload
        self._cables: list[tuple[FaultyLink, Addresses]] = []
        self._inbox: deque[Packet] = deque()
        self._deadline: int | None = None
        self._asked: bool = True
        """``_deadline`` is what the cables say: only a call through here changes that."""
        self.ready: bool = False
        """``receive`` may have something now."""
        self.mtu: int = _DEFAULT_MTU
        """That of the narrowest cable."""
        self.on_ready: Callable[[], None] | None = None
        self.taps: list[Tap] = []

    def plug(self, link: FaultyLink, peer: Addresses) -> None:
        """Add a cable that leads to whoever has these addresses."""
        link.on_ready = self._wake
        self.mtu = min(self.mtu, link.mtu) if self._cables else link.mtu
        self._cables.append((link, peer))
        self._asked = False

    def inject(self, packet: Packet) -> None:
        """Let a packet arrive that nobody in the network sent. Raises ``BufferError`` when too many wait already."""
        if len(self._inbox) >= _INBOX:
            raise BufferError(f"{_INBOX} injected packets wait already: let the network run")
        self._inbox.append(packet)
        self._wake()

    def carry(self, now: int) -> bool:
        """Let what is due go on its way; True: there is something to receive."""
        self._asked = False
        for link, _ in self._cables:
            if link.carry(now):
                self.ready = True
        return self.ready

    def receive(self, now: int, room: int) -> list[Packet]:
        """What was injected, then what came through the cables."""
        self._asked = False
        inbox = self._inbox
        packets = [inbox.popleft() for _ in range(min(room, len(inbox)))] if inbox else []
        for link, _ in self._cables:
            if len(packets) < room:
                packets += link.receive(now, room - len(packets))
        self.ready = len(packets) >= room
        for tap in self.taps:
            for packet in packets:
                tap(packet, now, "in")
        return packets

    def send(self, packets: Sequence[Packet], now: int) -> int:
        """As many as the cables take."""
        self._asked = False
        cables = self._cables
        taken = cables[0][0].send(packets, now) if len(cables) == 1 else self._distribute(packets, now)
        for tap in self.taps:
            for packet in packets[:taken]:
                tap(packet, now, "out")
        return taken

    def next_deadline(self) -> int | None:
        if not self._asked:
            self._deadline = earliest([link.next_deadline() for link, _ in self._cables])
            self._asked = True
        return self._deadline

    def fileno(self) -> int:
        """-1: ``on_ready`` tells."""
        return -1

    def close(self) -> None:
        """Pull all cables."""
        for link, _ in self._cables:
            link.close()
        self._cables.clear()
        self._inbox.clear()
        self.mtu = _DEFAULT_MTU
        self._asked = False

    def _distribute(self, packets: Sequence[Packet], now: int) -> int:
        taken = 0
        for packet in packets:
            link = self._link_to(packet.dst)
            if link is not None and not link.send((packet,), now):
                break
            taken += 1
        return taken

    def _link_to(self, destination: bytes) -> FaultyLink | None:
        for link, peer in self._cables:
            if peer.accepts(destination):
                return link
        return self._cables[0][0] if self._cables else None

    def _wake(self) -> None:
        self.ready = True
        if self.on_ready is not None:
            self.on_ready()


def earliest(times: list[int | None]) -> int | None:
    """The least of those that are times; None: none is."""
    least = None
    for at in times:
        if at is not None and (least is None or at < least):
            least = at
    return least
