"""A queue and the way behind it as one fault."""

from __future__ import annotations

from collections.abc import Hashable
from random import Random
from typing import Any

from estab.faults.changing import ChangingRate
from estab.faults.delay import Delay
from estab.faults.rate import FULL, RateLimit
from estab.faults.verdict import Deliver, Verdict
from estab.wire.packet import Packet


class Tandem:
    """Asks ``delay`` at once when a packet will arrive that ``limit`` lets go later: it is held once, not twice.

    That is the same as one after the other, because a line lets packets go in the order in which they came."""

    __slots__ = ("_delay", "_limit")

    def __init__(self, limit: RateLimit | ChangingRate, delay: Delay) -> None:
        self._limit = limit
        self._delay = delay

    def __call__(self, packet: Packet, now: int, rng: Random) -> Verdict:
        at = self._limit.leave(packet.size(), now)
        return FULL if at is None else Deliver(0, self._delay.arrive(at, rng), "")

    def snapshot(self, now: int) -> Hashable:
        """The state of both."""
        return self._limit.snapshot(now), self._delay.snapshot(now)

    def restore(self, value: Any, now: int) -> None:
        limit, delay = value
        self._limit.restore(limit, now)
        self._delay.restore(delay, now)
