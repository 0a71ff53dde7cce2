"""A Linux TUN device as a link, with checksums and segmentation left to the kernel."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from estab.links import netlink, vnet
from estab.links.device import (
    IFF_MULTI_QUEUE,
    TUNSETPERSIST,
    TunError,
    check_name,
    open_device,
    refusal,
    set_offload,
)
from estab.links.pool import BufferPool
from estab.wire.address import Prefix, parse_prefix
from estab.wire.link import Offload
from estab.wire.packet import SMALL, Buffer, Packet, ParseError

LONGEST_READ: Final = vnet.VNET_HEADER + 65535
POOL_LIMIT: Final = 64
"""Read buffers that the link keeps for reuse: 4 MiB, twice the packets of one large batch."""
MOST_BUFFERS: Final = 1000
"""Buffers in one write; the kernel's limit (IOV_MAX) is 1024."""
MTU_REFRESH: Final = 100_000_000
"""While there is traffic the MTU is read again this often (ns)."""
LONGEST_PATIENCE: Final = 15
"""A read that finds nothing costs as much as a small packet. After a full-sized packet the link always reads on; after
a small one it guesses that more are behind it, and each wrong guess doubles how many small packets it then takes one
per call before it guesses again, up to this many. A right guess sets the number back to none."""
SIOCGIFMTU: Final = 0x8921

_IFREQ_MTU: Final = struct.Struct("=16si20x")


class TunLink:
    """The user's side of a TUN device: what the kernel routes into the interface is received here.

    The MTU is the interface's. It is read again at most every 100 ms of traffic, and by ``refresh_mtu``.
    ``send_errors`` counts packets that the kernel refused; they are lost as if on the wire.
    """

    __slots__ = (
        "_control",
        "_fd",
        "_mtu_due",
        "_one_by_one",
        "_patience",
        "_pool",
        "_small",
        "mtu",
        "name",
        "offload",
        "on_ready",
        "send_errors",
    )

    def __init__(self, fd: int, name: str, offload: bool) -> None:
        """Take over a descriptor of ``/dev/net/tun`` that is attached to ``name`` with ``IFF_VNET_HDR``.

        ``create`` and ``attach`` are the usual ways in. Raises ``TunError`` when it is no such descriptor."""
        self._fd = fd
        self.name = name
        self.on_ready: Callable[[], None] | None = None
        self.send_errors = 0
        self._pool = BufferPool(LONGEST_READ, POOL_LIMIT)
        self._mtu_due = -(1 << 62)
        self._patience = 0
        self._one_by_one = 0
        self._small = True
        self.offload: Offload = set_offload(fd, name, offload)
        self._control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.mtu = 1500
        self.refresh_mtu()

    @classmethod
    def create(
        cls,
        name: str = "",
        addresses: Iterable[str] = (),
        *,
        mtu: int = 1500,
        offload: bool = True,
        persist: bool = False,
        queue: int = 1000,
        multi_queue: bool = False,
    ) -> TunLink:
        """Make the device and bring it up. An existing TUN device of that name is taken over and configured.

        name: up to 15 bytes, empty for the next free ``tunN``. addresses: the kernel's side, ``"10.0.0.1/24"``; each
        brings the route to its prefix. queue: packets that wait to be received. With ``persist`` the device outlives
        the link. With ``multi_queue`` each ``attach`` adds a queue, and the kernel chooses for each flow. Raises
        ``TunError`` and, for a bad name or address, ``ValueError``."""
        prefixes = [parse_prefix(text) for text in addresses]
        fd, name = open_device(name, (IFF_MULTI_QUEUE if multi_queue else 0,))
        try:
            link = cls(fd, name, offload)
        except BaseException:
            os.close(fd)
            raise
        try:
            link._configure(prefixes, mtu, queue)
            if persist:
                fcntl.ioctl(fd, TUNSETPERSIST, 1)
        except BaseException:
            link.close()
            raise
        return link

    @classmethod
    def attach(cls, name: str, *, offload: bool = True) -> TunLink:
        """Attach to an existing device; its addresses, MTU and state stay as they are. Raises ``TunError``."""
        check_name(name)
        try:
            socket.if_nametoindex(name)
        except OSError:
            how = f"make one with: ip tuntap add dev {name} mode tun user $USER"
            raise TunError(errno.ENODEV, f"there is no interface {name}: {how}") from None
        fd, name = open_device(name, (0, IFF_MULTI_QUEUE))
        try:
            return cls(fd, name, offload)
        except BaseException:
            os.close(fd)
            raise

    def add_route(self, prefix: str) -> None:
        """Let the kernel send a whole prefix (``"10.9.0.0/16"``) into the device. Raises ``TunError``."""
        parsed = parse_prefix(prefix)
        try:
            netlink.add_route(socket.if_nametoindex(self.name), parsed)
        except OSError as error:
            raise refusal(error, f"cannot route {prefix} to {self.name}") from error

    def receive(self, now: int, room: int) -> list[Packet]:
        """What the kernel has sent, oldest first. Reads on only where more is likely: see ``LONGEST_PATIENCE``.

        Raises ``OSError`` when the device was deleted or the link is closed."""
        if now >= self._mtu_due:
            self._mtu_due = now + MTU_REFRESH
            self.refresh_mtu()
        packets: list[Packet] = []
        full = self.mtu
        guessing = False
        while len(packets) < room:
            try:
                packet = self._read_small() if self._small else self._read_large()
            except BlockingIOError:
                if guessing:
                    self._patience = min(2 * self._patience + 1, LONGEST_PATIENCE)
                    self._one_by_one = self._patience
                break
            except OSError:
                if not packets:
                    raise
                break
            if guessing:
                self._patience = 0
            packets.append(packet)
            size = len(packet.head)
            self._small = size <= SMALL
            guessing = size < full
            if guessing and self._one_by_one:
                self._one_by_one -= 1
                break
        return packets

    def _read_small(self) -> Packet:
        """A packet that is likely to be small, as the one before it was: in memory of its own."""
        data = os.read(self._fd, LONGEST_READ)
        return self._packet(data, data[vnet.VNET_HEADER :])

    def _read_large(self) -> Packet:
        """A packet that is likely to be large: it stays in a buffer of the pool, and is a view of it."""
        buffer = self._pool.take()
        # Before the read: one that finds nothing must not lose it.
        self._pool.lend(buffer)
        size = os.readv(self._fd, (buffer,))
        view = memoryview(buffer)[vnet.VNET_HEADER : size]
        return self._packet(buffer, bytes(view) if size <= SMALL else view)

    def _packet(self, header: Buffer, data: Buffer) -> Packet:
        packet = Packet(data)
        if self.offload.checksum_in:
            vnet.decode(header, packet)
        return packet

    def send(self, packets: Sequence[Packet], now: int) -> int:
        """Hand packets to the kernel, until its queue is full. Raises ``OSError`` (EBADF) on a closed link."""
        fd = self._fd
        if fd < 0:
            raise OSError(errno.EBADF, "the link is closed")
        for taken, packet in enumerate(packets):
            body: Sequence[Buffer] = packet.body
            if len(body) > MOST_BUFFERS:
                body = (b"".join(body),)
            try:
                os.writev(fd, (vnet.encode(packet), packet.head, *body))
            except BlockingIOError:
                return taken
            except (OSError, ParseError):
                self.send_errors += 1
        return len(packets)

    def refresh_mtu(self) -> int:
        """Read the interface's MTU now. A device that is gone keeps its last one: ``receive`` tells."""
        try:
            reply = fcntl.ioctl(self._control, SIOCGIFMTU, _IFREQ_MTU.pack(self.name.encode(), 0))
        except (OSError, ValueError):
            return self.mtu
        self.mtu = _IFREQ_MTU.unpack(reply)[1]
        return self.mtu

    def next_deadline(self) -> int | None:
        """None: nothing is held back."""
        return None

    def fileno(self) -> int:
        """The descriptor of the device, -1 when the link is closed."""
        return self._fd

    def close(self) -> None:
        """Let go of the device; it disappears with its last descriptor, unless it persists."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
            self._control.close()

    def _configure(self, prefixes: list[Prefix], mtu: int, queue: int) -> None:
        """Size, state and addresses of the interface. Raises ``TunError``."""
        try:
            index = socket.if_nametoindex(self.name)
            netlink.set_link(index, mtu=mtu, queue=queue)
        except OSError as error:
            raise refusal(error, f"cannot bring up {self.name} with MTU {mtu}") from error
        for prefix in prefixes:
            try:
                netlink.add_address(index, prefix)
            except OSError as error:
                raise refusal(error, f"cannot give {prefix} to {self.name}") from error
        self.refresh_mtu()
