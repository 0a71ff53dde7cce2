"""Independent loss."""

from __future__ import annotations

from random import Random

from estab.faults.verdict import PASS, Drop, Fault, Verdict, probability
from estab.wire.packet import Packet


def loss(chance: float) -> Fault:
    """Each packet is lost with the same probability, whatever happened to the others."""
    probability(chance)

    def lose(packet: Packet, now: int, rng: Random) -> Verdict:
        return Drop() if rng.random() < chance else PASS

    return lose
