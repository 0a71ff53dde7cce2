"""Packets that are overtaken."""

from __future__ import annotations

from random import Random

from estab.faults.verdict import PASS, Deliver, Fault, Verdict, duration, probability
from estab.wire.packet import Packet


def reordering(chance: float, extra: int) -> Fault:
    """With this probability a packet waits ``extra`` ns, and those that come meanwhile go ahead of it."""
    probability(chance)
    verdict = Deliver(duration(extra))

    def hold(packet: Packet, now: int, rng: Random) -> Verdict:
        return verdict if rng.random() < chance else PASS

    return hold
