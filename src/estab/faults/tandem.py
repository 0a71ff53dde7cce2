"""A queue and the way behind it as one fault."""

from __future__ import annotations

from collections.abc import Hashable
from random import Random
from typing import Any

from estab.faults.changing import Changing, ChangingRate
from estab.faults.delay import Delay
from estab.faults.rate import RateLimit
from estab.faults.verdict import Deliver, Verdict
from estab.wire.packet import Packet


class Tandem:
    """Asks ``delay`` at once how long a packet will take that ``limit`` lets go later: it is held once, not twice.

    That is the same as one after the other, because a line lets packets go in the order in which they came."""

    __slots__ = ("_delay", "_limit")

    def __init__(self, limit: RateLimit | ChangingRate, delay: Delay | Changing) -> None:
        """delay: if it is ``Changing``, of ``Delay`` only."""
        self._limit = limit
        self._delay = delay

    def __call__(self, packet: Packet, now: int, rng: Random) -> Verdict:
        verdict = self._limit(packet, now, rng)
        if type(verdict) is not Deliver or verdict.at is None:
            return verdict
        following = self._delay(packet, verdict.at, rng)
        return following if type(following) is Deliver else verdict

    def snapshot(self, now: int) -> Hashable:
        """The state of both."""
        return self._limit.snapshot(now), self._delay.snapshot(now)

    def restore(self, value: Any, now: int) -> None:
        limit, delay = value
        self._limit.restore(limit, now)
        self._delay.restore(delay, now)
