"""Read buffers that return to their pool when nobody looks at them any more."""

from __future__ import annotations

from collections import deque
from typing import Final

SCAN: Final = 4
"""How many lent buffers ``take`` tries before it makes a new one: a few that are held long must not cost a walk."""


class BufferPool:
    """Buffers of one size, of which at most ``limit`` are remembered.

    There is no call to give a buffer back. A ``bytearray`` that exports a live view refuses to change its length
    with BufferError, so a lent buffer is free exactly when it can be resized. Past the limit the buffer lent longest
    ago is forgotten and left to its views: memory is bounded by the limit plus what the users of the packets hold.
    """

    __slots__ = ("_lent", "_size")

    def __init__(self, size: int, limit: int) -> None:
        self._size = size
        self._lent: deque[bytearray] = deque(maxlen=limit)

    def take(self) -> bytearray:
        """A buffer that nothing else refers to; its content is left over from its last use."""
        lent = self._lent
        for _ in range(min(SCAN, len(lent))):
            buffer = lent.popleft()
            try:
                # Shorter first: the allocation stays, and neither step moves the bytes.
                buffer.pop()
                buffer.append(0)
            except BufferError:
                lent.append(buffer)
            else:
                return buffer
        return bytearray(self._size)

    def lend(self, buffer: bytearray) -> None:
        """Remember a buffer that views have been made of."""
        self._lent.append(buffer)
