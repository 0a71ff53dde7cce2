"""What a fault decides about one packet."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple, TypeAlias

from estab.wire.packet import Packet


class Pass(NamedTuple):
    """On to the next fault, as it is."""


class Drop(NamedTuple):
    """It ends here."""

    reason: str = "lost"
    """The fate that the observer is told."""


class Deliver(NamedTuple):
    """On to the next fault, later."""

    delay: int = 0
    """Nanoseconds from now."""
    at: int | None = None
    """The time itself (ns), instead of a delay."""
    fate: str = "delayed"
    """``""`` for a delay that is no fault: the copy keeps the fate that it has."""


class Duplicate(NamedTuple):
    """On to the next fault, followed by copies."""

    delays: tuple[int, ...] = (0,)
    """One copy for each, that many nanoseconds from now."""


class Replace(NamedTuple):
    """On to the next fault, as another packet. The bytes of the old one may belong to somebody: never write there."""

    packet: Packet
    fate: str = "corrupted"


class Reply(NamedTuple):
    """It ends here, and a packet goes back to where it came from, past all faults (an ICMP error)."""

    packet: Packet
    reason: str = "lost"


Verdict: TypeAlias = Pass | Drop | Deliver | Duplicate | Replace | Reply

PASS: Final = Pass()

Fault: TypeAlias = Callable[[Packet, int, Random], Verdict]
"""``fault(packet, now, rng)``: ``now`` is the time (ns) at which this copy reaches the fault, and never runs backwards.

All randomness comes from ``rng``. A fault that keeps state is an object with ``snapshot(now)``, hashable and relative
in time, and its inverse ``restore(value, now)``."""


def probability(value: float) -> float:
    """The value itself. Raises ``ValueError`` unless it is from 0 to 1."""
    if not 0 <= value <= 1:
        raise ValueError(f"{value} is no probability: 0 to 1 is expected")
    return value


def duration(value: int) -> int:
    """The value itself, in nanoseconds. Raises ``ValueError`` when it is negative or no integer."""
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is no duration: nanoseconds, an int from 0 on, are expected")
    return value
