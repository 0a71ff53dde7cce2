"""Proportional rate reduction: how much each acknowledgement allows to send during recovery (RFC 9937 §6)."""

from __future__ import annotations

from typing import ClassVar, Final

from estab.tcp.snapshot import Slots, Snapshot


class ProportionalRateReduction(Snapshot):
    """Bytes throughout. ``base`` is RecoverFS, constant for an episode; 0 between episodes."""

    __slots__ = ("base", "delivered", "out", "unit")
    PLAIN: ClassVar[Slots] = ("base", "delivered", "out", "unit")

    def __init__(self) -> None:
        self.base: int = 0
        self.delivered: int = 0
        self.out: int = 0
        self.unit: int = 1
        """Bytes that the share is rounded up to."""

    def begin(self, base: int, unit: int = 1) -> None:
        """An episode begins with ``base`` bytes in the network, what this acknowledgement delivered included."""
        self.base = max(base, 1)
        self.unit = unit
        self.delivered = 0
        self.out = 0

    def on_sent(self, size: int) -> None:
        """New or again, everything counts (§6.3)."""
        self.out += size

    def allowance(self, delivered: int, in_flight: int, ssthresh: int, mss: int, safe: bool) -> int:
        """Bytes to send now; may be negative or less than a segment (§6.2). ``safe``: progress without new loss."""
        self.delivered += delivered
        if in_flight > ssthresh:
            allowed = -(-self.delivered * ssthresh // (self.base * self.unit)) * self.unit - self.out
        else:
            allowed = max(self.delivered - self.out, delivered) + (mss if safe else 0)
            allowed = min(ssthresh - in_flight, allowed)
        if self.out == 0 and allowed == 0:
            return mss
        return allowed


RESTING: Final = ProportionalRateReduction()
"""Between episodes: shared by all connections, and never changed."""
