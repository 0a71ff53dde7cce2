"""Packets that lose their end."""

from __future__ import annotations

from random import Random

from estab.faults.verdict import PASS, Fault, Replace, Verdict, probability
from estab.wire.packet import Packet


def truncation(chance: float) -> Fault:
    """With this probability a packet is cut to a length from 1 byte to all but one, each as likely as the others."""
    probability(chance)

    def cut(packet: Packet, now: int, rng: Random) -> Verdict:
        if rng.random() >= chance or packet.size() < 2:
            return PASS
        data = packet.tobytes()
        return Replace(Packet(data[: rng.randrange(1, len(data))]), "truncated")

    return cut
