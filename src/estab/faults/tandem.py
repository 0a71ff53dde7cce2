"""A queue and the way behind it as one fault."""

from __future__ import annotations

from collections.abc import Hashable
from random import Random
from typing import Any

from estab.faults.changing import ChangingRate
from estab.faults.delay import Delay
from estab.faults.rate import RateLimit
from estab.faults.timed import Timed
from estab.wire.packet import Packet


class Tandem(Timed):
    """Asks ``delay`` at once when a packet will arrive that ``limit`` lets go later: it is held once, not twice.

    That is the same as one after the other, because a line lets packets go in the order in which they came."""

    __slots__ = ("_delay", "_limit")

    def __init__(self, limit: RateLimit | ChangingRate, delay: Delay) -> None:
        self._limit = limit
        self._delay = delay

    def when(self, packet: Packet, now: int, rng: Random) -> int | None:
        at = self._limit.when(packet, now, rng)
        return None if at is None else self._delay.arrive(at, rng)

    def snapshot(self, now: int) -> Hashable:
        """The state of both."""
        return self._limit.snapshot(now), self._delay.snapshot(now)

    def restore(self, value: Any, now: int) -> None:
        limit, delay = value
        self._limit.restore(limit, now)
        self._delay.restore(delay, now)
