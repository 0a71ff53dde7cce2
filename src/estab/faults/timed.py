"""Faults that let packets go on later, and do nothing else to them."""

from __future__ import annotations

from random import Random
from typing import Final

from estab.faults.verdict import Deliver, Drop, Verdict
from estab.wire.form import mypyc_attr
from estab.wire.packet import Packet

FULL: Final = Drop("queue full")


@mypyc_attr(allow_interpreted_subclasses=True)
class Timed:
    """A fault that is a time. A link asks for it by ``when``, which takes less than a verdict that says the same."""

    __slots__ = ()

    def when(self, packet: Packet, now: int, rng: Random) -> int | None:
        """When a packet that comes now goes on (ns); None: it found the queue full."""
        raise NotImplementedError

    def __call__(self, packet: Packet, now: int, rng: Random) -> Verdict:
        at = self.when(packet, now, rng)
        return FULL if at is None else Deliver(0, at, "")
