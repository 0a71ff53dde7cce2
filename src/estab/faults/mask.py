"""Loss by a written pattern."""

from __future__ import annotations

from random import Random
from typing import Final

from estab.faults.verdict import PASS, Drop, Verdict
from estab.wire.packet import Packet

BITS: Final = 64


class LossMask:
    """Bit k of a 64-bit mask is the fate of packets k, k + 64, k + 128 …: 1 is lost. ``0b100`` loses the third."""

    __slots__ = ("_mask", "_position")

    def __init__(self, mask: int) -> None:
        """Raises ``ValueError`` for a mask of more than 64 bits."""
        if not 0 <= mask < 1 << BITS:
            raise ValueError(f"{mask:#x} is no mask of {BITS} bits")
        self._mask = mask
        self._position = 0

    def __call__(self, packet: Packet, now: int, rng: Random) -> Verdict:
        bit = self._mask >> self._position & 1
        self._position = (self._position + 1) % BITS
        return Drop() if bit else PASS

    def snapshot(self, now: int) -> int:
        return self._position

    def restore(self, value: int, now: int) -> None:
        self._position = value
