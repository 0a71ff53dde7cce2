"""One device for several processes, a queue for each (IFF_MULTI_QUEUE, Documentation/networking/tuntap.rst §3.3).

The kernel sends a flow to the queue on which it last saw one of its packets written, and forgets that when the flow is
silent; so any queue may see any packet. What is another's is handed to it through a socket.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterable, Sequence
from struct import Struct
from typing import Final

from estab.links.steering import Owner
from estab.links.tun import TunLink
from estab.wire.fragments import Reassembler
from estab.wire.link import Offload
from estab.wire.packet import Packet, ParseError

_LARGEST: Final = 65_535
_BUFFER: Final = 4 << 20
"""Bytes that wait for one process, as far as the machine allows."""
_RETRY: Final = 1_000_000
"""ns after which a device that was full is tried again."""
_HEADER: Final = Struct("=BxHI")
"""State of the checksum, segment size, segments."""


class Queues:
    """All queues of a device and the ways between their processes, before these exist."""

    def __init__(self, devices: Sequence[TunLink]) -> None:
        """Take over ``devices``, each another queue of one interface."""
        self._devices: list[TunLink] = list(devices)
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in devices]
        self._inboxes: list[socket.socket] = [inbox for inbox, _ in pairs]
        self._outboxes: list[socket.socket] = [outbox for _, outbox in pairs]

    @classmethod
    def open(cls, count: int, name: str, addresses: Iterable[str]) -> Queues:
        """``count`` queues of the device ``name``, which is made, with the kernel's ``addresses``, if there is none.

        Raises ``TunError``, as when an existing device has a single queue; ``ValueError`` for a bad name or address."""
        exists = any(name == each for _, each in socket.if_nameindex())
        devices = [TunLink.attach(name) if exists else TunLink.create(name, addresses, multi_queue=True)]
        try:
            while len(devices) < count:
                devices.append(TunLink.attach(devices[0].name))
        except BaseException:
            for device in devices:
                device.close()
            raise
        return cls(devices)

    def __len__(self) -> int:
        return len(self._devices)

    def take(self, index: int, owner: Owner) -> QueueLink:
        """The link of one process, in that process: everything that belongs to the others is closed here."""
        for number, (device, inbox) in enumerate(zip(self._devices, self._inboxes, strict=True)):
            if number != index:
                device.close()
                inbox.close()
        return QueueLink(index, self._devices[index], self._inboxes[index], self._outboxes, owner)

    def close(self) -> None:
        """Let go of all queues, in a process that uses none."""
        for device in self._devices:
            device.close()
        for each in (*self._inboxes, *self._outboxes):
            each.close()


class QueueLink:
    """One queue as a link. ``handed_over`` counts packets that came here and were another's; ``lost``, those of them
    that it had no room for."""

    __slots__ = (
        "_buffer",
        "_device",
        "_fragments",
        "_inbox",
        "_index",
        "_outboxes",
        "_owner",
        "_ready",
        "_retry_at",
        "handed_over",
        "lost",
        "on_ready",
    )

    def __init__(
        self, index: int, device: TunLink, inbox: socket.socket, outboxes: Sequence[socket.socket], owner: Owner
    ) -> None:
        """inbox: what the others hand over arrives here. outboxes: how to reach each of them, by number."""
        self._index = index
        self._device = device
        self._inbox = inbox
        self._outboxes = outboxes
        self._owner = owner
        self._fragments = Reassembler()
        self._buffer = memoryview(bytearray(_HEADER.size + _LARGEST))
        self._retry_at: int | None = None
        self.on_ready: Callable[[], None] | None = None
        self.handed_over: int = 0
        self.lost: int = 0
        inbox.setblocking(False)
        for outbox in outboxes:
            outbox.setblocking(False)
            outbox.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        self._ready = select.epoll()
        self._ready.register(device.fileno(), select.EPOLLIN)
        self._ready.register(inbox.fileno(), select.EPOLLIN)

    @property
    def mtu(self) -> int:
        return self._device.mtu

    @property
    def offload(self) -> Offload:
        return self._device.offload

    @property
    def send_errors(self) -> int:
        return self._device.send_errors

    def receive(self, now: int, room: int) -> list[Packet]:
        """What is ours, from the device and from the other processes. Raises ``OSError`` when the device is gone."""
        self._retry_at = None
        self._fragments.expire(now)
        arrived = self._device.receive(now, room)
        arrived += self._handed(room - len(arrived))
        return [whole for packet in arrived if (whole := self._ours(packet, now)) is not None]

    def send(self, packets: Sequence[Packet], now: int) -> int:
        """Hand packets to the kernel, which learns from them where their flows are at home."""
        taken = self._device.send(packets, now)
        if taken < len(packets):
            self._retry_at = now + _RETRY
        return taken

    def next_deadline(self) -> int | None:
        """When a device that was full is worth another try; fragments that are given up need no call."""
        return self._retry_at

    def fileno(self) -> int:
        """Polls readable when the device or another process has something; -1 when the link is closed."""
        return -1 if self._ready.closed else self._ready.fileno()

    def close(self) -> None:
        """Let go of the queue, and of the ways to the others."""
        if not self._ready.closed:
            self._ready.close()
            self._device.close()
            self._inbox.close()
            for outbox in self._outboxes:
                outbox.close()

    def _ours(self, packet: Packet, now: int) -> Packet | None:
        """The packet, or what it completes, if it is ours; what is another's goes there."""
        owner = self._owner(packet)
        if owner == self._index and packet.fragment is not None:
            # Only the whole tells whose it is.
            try:
                whole = self._fragments.add(packet, now)
            except ParseError:
                return None
            if whole is None:
                return None
            packet, owner = whole, self._owner(whole)
        if owner is None or owner == self._index:
            return packet
        self._hand_over(packet, owner)
        return None

    def _hand_over(self, packet: Packet, owner: int) -> None:
        header = _HEADER.pack(packet.checksum, packet.segment_size, packet.segments)
        self.handed_over += 1
        try:
            self._outboxes[owner].sendmsg((header, packet.head, *packet.body))
        except OSError:
            self.lost += 1

    def _handed(self, room: int) -> list[Packet]:
        packets: list[Packet] = []
        for _ in range(room):
            try:
                size = self._inbox.recv_into(self._buffer)
            except BlockingIOError:
                break
            checksum, segment_size, segments = _HEADER.unpack_from(self._buffer)
            packets.append(Packet(bytes(self._buffer[_HEADER.size : size]), (), checksum, segment_size, segments))
        return packets
