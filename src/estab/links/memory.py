"""Two ends of a pipe in one process: what one sends, the other receives."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence

from estab.wire.link import MEMORY_OFFLOAD, Offload
from estab.wire.packet import Packet


def memory_pair(mtu: int = 1500, offload: Offload = MEMORY_OFFLOAD, limit: int = 1024) -> tuple[MemoryLink, MemoryLink]:
    """The two ends of a new pipe.

    mtu: bytes of the largest IP packet. limit: packets that wait for one end; a full queue takes no more.
    With offload, super-packets and partial checksums pass as they are: the other end gets the very same buffers.
    """
    left, right = MemoryLink(mtu, offload, limit), MemoryLink(mtu, offload, limit)
    left._peer, right._peer = right, left
    return left, right


class MemoryLink:
    """One end of a pipe in memory, made by ``memory_pair``.

    ``on_ready`` is called when packets have come, when there is room again after ``send`` was cut short, and when
    the other end was closed. ``mtu`` may be assigned while the link is in use.
    """

    __slots__ = ("_closed", "_cut_short", "_limit", "_peer", "_queue", "mtu", "offload", "on_ready")

    def __init__(self, mtu: int, offload: Offload, limit: int) -> None:
        self.mtu = mtu
        self.offload = offload
        self.on_ready: Callable[[], None] | None = None
        self._queue: list[Packet] = []
        self._limit = limit
        self._peer = self
        self._closed = False
        self._cut_short = False

    def receive(self, now: int, room: int) -> list[Packet]:
        """What has come, oldest first; what the other end sent before it was closed still arrives.

        Raises ``BrokenPipeError`` when nothing is left and the other end is closed, ``OSError`` when this is."""
        self._check_open()
        queue = self._queue
        if not queue:
            if self._peer._closed:
                raise BrokenPipeError(errno.EPIPE, "the other end of the memory link is closed")
            return []
        packets = queue if len(queue) <= room else queue[:room]
        self._queue = queue[room:]
        sender = self._peer
        if sender._cut_short and packets:
            sender._cut_short = False
            sender._wake()
        return packets

    def send(self, packets: Sequence[Packet], now: int) -> int:
        """As many as the other end has room for. A closed end swallows all: ``receive`` tells that it is closed.

        Raises ``OSError`` (EBADF) on a closed link."""
        self._check_open()
        peer = self._peer
        if peer._closed:
            return len(packets)
        taken = self._limit - len(peer._queue)
        self._cut_short = taken < len(packets)
        if not self._cut_short:
            taken = len(packets)
        peer._queue.extend(packets[:taken] if self._cut_short else packets)
        if taken:
            peer._wake()
        return taken

    def next_deadline(self) -> int | None:
        """None: nothing is held back."""
        return None

    def fileno(self) -> int:
        """-1: ``on_ready`` tells."""
        return -1

    def close(self) -> None:
        """Close this end. What waits for it is lost; what it sent still arrives."""
        if not self._closed:
            self._closed = True
            self._queue.clear()
            self._peer._wake()

    def _wake(self) -> None:
        if self.on_ready is not None and not self._closed:
            self.on_ready()

    def _check_open(self) -> None:
        if self._closed:
            raise OSError(errno.EBADF, "the memory link is closed")
