"""A line of limited speed with a queue before it."""

from __future__ import annotations

from random import Random
from typing import Final

from estab.faults.packets import wire_size
from estab.faults.timed import Timed
from estab.wire.packet import Packet

BIT_NANOSECONDS: Final = 8 * 1_000_000_000
"""From bytes and bits per second to nanoseconds."""


class RateLimit(Timed):
    """Packets leave one after the other at ``bits_per_second``; what finds the queue full is dropped (tail drop).

    queue: bytes that may wait, what is still to go of the packet on the line included. An idle line takes a packet of
    any size. Nothing ticks: the state is the time when the line falls idle."""

    __slots__ = ("_idle_at", "_queue", "_rate")

    def __init__(self, bits_per_second: int, queue: int) -> None:
        """Raises ``ValueError`` unless both are positive integers."""
        for value in (bits_per_second, queue):
            if not isinstance(value, int) or value <= 0:
                raise ValueError(f"{value!r} is no positive integer: bits per second and bytes are expected")
        self._rate = bits_per_second
        self._queue = queue
        self._idle_at = 0

    def when(self, packet: Packet, now: int, rng: Random) -> int | None:
        return self.leave(wire_size(packet), now)

    def leave(self, size: int, now: int) -> int | None:
        """When a packet of ``size`` bytes that comes now has left the line; None: it found the queue full."""
        start = self._idle_at
        if start <= now:
            start = now
        elif self.backlog(now) + size > self._queue:
            return None
        # Rounded up: the line is never faster than it was said to be.
        self._idle_at = at = start - (-size * BIT_NANOSECONDS // self._rate)
        return at

    def backlog(self, now: int) -> int:
        """Bytes that wait or are on the line."""
        return (self._idle_at - now) * self._rate // BIT_NANOSECONDS if self._idle_at > now else 0

    def snapshot(self, now: int) -> int:
        """For how many nanoseconds the line is still busy."""
        return max(self._idle_at - now, 0)

    def restore(self, value: int, now: int) -> None:
        self._idle_at = now + value
