"""Bits that flip on the way."""

from __future__ import annotations

from random import Random

from estab.faults.verdict import PASS, Fault, Replace, Verdict, probability
from estab.wire.packet import Packet


def corruption(chance: float, bits: int = 1) -> Fault:
    """With this probability ``bits`` different bits of a packet, anywhere in it, are flipped in a copy.

    Raises ``ValueError`` for fewer than one bit."""
    probability(chance)
    if bits < 1:
        raise ValueError(f"{bits} bits: at least one is expected")

    def flip(packet: Packet, now: int, rng: Random) -> Verdict:
        if rng.random() >= chance:
            return PASS
        data = bytearray(packet.tobytes())
        for position in rng.sample(range(8 * len(data)), min(bits, 8 * len(data))):
            data[position >> 3] ^= 1 << (position & 7)
        return Replace(Packet(bytes(data)))

    return flip
