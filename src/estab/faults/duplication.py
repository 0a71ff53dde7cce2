"""Packets that arrive more than once."""

from __future__ import annotations

from random import Random

from estab.faults.verdict import PASS, Duplicate, Fault, Verdict, duration, probability
from estab.wire.packet import Packet


def duplication(chance: float, copies: int = 1, delay: int = 0) -> Fault:
    """With this probability a packet is followed by ``copies`` of itself, each ``delay`` ns after the one before.

    Raises ``ValueError`` for fewer than one copy."""
    probability(chance)
    duration(delay)
    if copies < 1:
        raise ValueError(f"{copies} copies: at least one is expected")
    verdict = Duplicate(tuple(delay * number for number in range(1, copies + 1)))

    def double(packet: Packet, now: int, rng: Random) -> Verdict:
        return verdict if rng.random() < chance else PASS

    return double
