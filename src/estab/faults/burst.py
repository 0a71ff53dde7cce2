"""Loss in bursts: the two-state chain of Gilbert and Elliott."""

from __future__ import annotations

from random import Random

from estab.faults.verdict import PASS, Drop, Verdict, probability
from estab.wire.packet import Packet


class BurstLoss:
    """A channel that is good or bad, and changes between packets.

    worsen, improve: the probabilities, per packet, of good → bad and bad → good. A burst is 1 / improve packets long
    on average, and worsen / (worsen + improve) of all packets meet the bad channel. in_good, in_bad: the probability
    of loss in each state."""

    __slots__ = ("_bad", "_improve", "_in_bad", "_in_good", "_worsen")

    def __init__(self, worsen: float, improve: float, in_good: float = 0.0, in_bad: float = 1.0) -> None:
        self._worsen = probability(worsen)
        self._improve = probability(improve)
        self._in_good = probability(in_good)
        self._in_bad = probability(in_bad)
        self._bad = False

    def __call__(self, packet: Packet, now: int, rng: Random) -> Verdict:
        if rng.random() < (self._improve if self._bad else self._worsen):
            self._bad = not self._bad
        return Drop() if rng.random() < (self._in_bad if self._bad else self._in_good) else PASS

    def snapshot(self, now: int) -> bool:
        return self._bad

    def restore(self, value: bool, now: int) -> None:
        self._bad = value
