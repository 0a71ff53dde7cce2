"""What waits to be acknowledged and what waits to be read: byte streams held as chunks, without copying."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable
from typing import Any, ClassVar, Final

from estab.tcp.snapshot import Origin, Slots, Snapshot
from estab.wire.copying import joined
from estab.wire.packet import Buffer

_SMALL: Final = 2048
"""Chunks below this are joined: a byte at a time must not cost an object a byte."""
_TOGETHER: Final = 1 << 16
"""So many bytes of small chunks are read at once."""

NOTHING: Final[list[Any]] = []
"""Shared by all who hold nothing, and never changed in place: an empty list each would be a sixth of an idle
connection's memory."""


class SendQueue(Snapshot):
    """The bytes from the first unacknowledged one to the last written one. Positions are sequence numbers."""

    __slots__ = ("chunks", "end", "start", "starts")
    SENT: ClassVar[Slots] = ("start",)
    DERIVED: ClassVar[Slots] = ("chunks", "starts", "end")

    def __init__(self, start: int) -> None:
        self.start: int = start
        """First byte held: SND.UNA as soon as the SYN is acknowledged."""
        self.end: int = start
        """Where the next written byte goes; the place of FIN once nothing more can be written."""
        self.chunks: list[bytes] = NOTHING
        self.starts: list[int] = NOTHING

    def snapshot(self, origin: Origin) -> Hashable:
        data = b"".join(self.chunks)
        return (self.start - origin.iss, data[self.start - self.starts[0] :] if data else b"")

    def restore(self, value: Any, origin: Origin) -> None:
        self.__init__(value[0] + origin.iss)  # type: ignore[misc]
        if value[1]:
            self.write(value[1])

    def __len__(self) -> int:
        return self.end - self.start

    def write(self, data: bytes) -> None:
        """Keep ``data`` by reference; a small piece is joined with a small one before it."""
        if not self.chunks:
            self.chunks = [data]
            self.starts = [self.end]
        elif len(self.chunks[-1]) + len(data) <= _SMALL:
            self.chunks[-1] += data
        else:
            self.chunks.append(data)
            self.starts.append(self.end)
        self.end += len(data)

    def acknowledge(self, position: int) -> int:
        """Let go of everything before ``position``; how many bytes that were."""
        position = min(position, self.end)
        if position <= self.start:
            return 0
        gone = position - self.start
        self.start = position
        if position == self.end:
            self.chunks = self.starts = NOTHING
            return gone
        keep = bisect_right(self.starts, position) - 1
        if keep > 0:
            del self.chunks[:keep], self.starts[:keep]
        return gone

    def view(self, start: int, length: int) -> tuple[Buffer, ...]:
        """``length`` bytes from position ``start`` as views of what was written."""
        index = bisect_right(self.starts, start) - 1
        chunk = self.chunks[index]
        offset = start - self.starts[index]
        if offset == 0 and len(chunk) == length:
            return (chunk,)
        views: list[Buffer] = []
        while length > 0:
            chunk = self.chunks[index]
            view = memoryview(chunk)[offset : offset + length]
            views.append(view)
            length -= len(view)
            offset = 0
            index += 1
        if len(views) > 2 and sum(map(len, views)) < len(views) * _SMALL:
            return (b"".join(views),)
        return tuple(views)


class ReceiveQueue(Snapshot):
    """The bytes that are in order and wait for the application."""

    __slots__ = ("chunks", "pinned", "size")
    DERIVED: ClassVar[Slots] = ("chunks", "pinned", "size")

    def __init__(self) -> None:
        self.chunks: list[Buffer] = NOTHING
        self.size: int = 0
        self.pinned: int = 0
        """Bytes of memory that the chunks keep alive: all of a buffer of which a part is still to be read."""

    def snapshot(self, origin: Origin) -> Hashable:
        return tuple((bytes(chunk), pinned(chunk)) for chunk in self.chunks)

    def restore(self, value: Any, origin: Origin) -> None:
        self.chunks = [memoryview(data + bytes(size - len(data)))[: len(data)] for data, size in value] or NOTHING
        self.size = sum(len(data) for data, _ in value)
        self.pinned = sum(size for _, size in value)

    def append(self, chunk: Buffer) -> None:
        self.size += len(chunk)
        if not self.chunks:
            self.chunks = [chunk]
        elif len(self.chunks[-1]) + len(chunk) <= _SMALL:
            self.pinned -= pinned(self.chunks[-1])
            self.chunks[-1] = chunk = bytes(self.chunks[-1]) + chunk
        else:
            self.chunks.append(chunk)
        self.pinned += pinned(chunk)

    def read(self, limit: int) -> bytes:
        """At most ``limit`` bytes from the front: the one copy on the way in."""
        if not self.chunks:
            return b""
        first = self.chunks[0]
        if len(first) == limit or (len(self.chunks) == 1 and len(first) < limit):
            self._drop_first()
            return _owned(first)
        return joined(self._take(limit))

    def peek(self, limit: int) -> bytes:
        """What ``read`` would give, left where it is."""
        pieces: list[Buffer] = []
        for chunk in self.chunks:
            if limit <= 0:
                break
            pieces.append(chunk[:limit])
            limit -= len(chunk)
        return b"".join(pieces)

    def byte_at(self, offset: int) -> int:
        """The byte ``offset`` places behind the front."""
        for chunk in self.chunks:
            if offset < len(chunk):
                return chunk[offset]
            offset -= len(chunk)
        raise IndexError(offset)

    def read_chunk(self) -> bytes:
        """The first chunk, or small ones together, for readers that take any size; empty when there is none."""
        if not self.chunks:
            return b""
        if len(self.chunks) > 1 and len(self.chunks[0]) < _SMALL:
            return joined(self._take(_TOGETHER))
        return _owned(self._drop_first())

    def clear(self) -> None:
        self.chunks = NOTHING
        self.size = self.pinned = 0

    def _drop_first(self) -> Buffer:
        first = self.chunks[0]
        self.size -= len(first)
        self.pinned -= pinned(first)
        if len(self.chunks) == 1:
            self.chunks = NOTHING
        else:
            del self.chunks[0]
        return first

    def _take(self, limit: int) -> list[Buffer]:
        pieces: list[Buffer] = []
        while limit > 0 and self.chunks:
            chunk = self.chunks[0]
            if len(chunk) > limit:
                self.chunks[0] = memoryview(chunk)[limit:]
                self.size -= limit
                pieces.append(chunk[:limit])
                break
            pieces.append(self._drop_first())
            limit -= len(chunk)
        return pieces


def _owned(chunk: Buffer) -> bytes:
    """What the application gets: the one copy, unless the chunk is nobody else's already."""
    return chunk if type(chunk) is bytes else joined([chunk])


def pinned(chunk: Buffer) -> int:
    """Bytes of memory behind a chunk."""
    return len(chunk.obj) if type(chunk) is memoryview else len(chunk)  # type: ignore[arg-type]


def own(view: Buffer) -> Buffer:
    """The view itself, or a copy where it would pin more than twice its size in memory."""
    if type(view) is memoryview and 2 * len(view) < len(view.obj):  # type: ignore[arg-type]
        return bytes(view)
    return view
