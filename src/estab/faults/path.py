"""A path: everything that a network does to packets between two places, as one value with two directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple, TypeAlias

from estab.faults.burst import BurstLoss
from estab.faults.changing import Changing, ChangingRate
from estab.faults.delay import Delay
from estab.faults.duplication import duplication
from estab.faults.link import FaultyLink, Observer
from estab.faults.loss import loss
from estab.faults.marking import marking
from estab.faults.mask import LossMask
from estab.faults.rate import BIT_NANOSECONDS, RateLimit
from estab.faults.tandem import Tandem
from estab.faults.verdict import Fault
from estab.wire.link import Link

MOST_HELD: Final = 1 << 17
"""Packets under way in one direction: 200 MB of full-sized ones; what is beyond is lost."""

Steps: TypeAlias = Sequence[tuple[int, "Line"]]


@dataclass(frozen=True, slots=True)
class Line:
    """One direction of a path. Times in ns. A packet is lost or doubled first, then it waits for the line.

    Raises ``ValueError`` for values that no path has."""

    rate: int | None = None
    """Bits per second of IP packets; None: infinite."""
    queue: int = 1 << 20
    """Bytes that wait before the line; what finds it full is dropped."""
    delay: int = 0
    jitter: int = 0
    """The delay of each packet is drawn from delay ± jitter."""
    reorder: bool = False
    """Jitter lets packets overtake each other; otherwise they wait for each other."""
    loss: float = 0.0
    burst: tuple[float, float] | None = None
    """The probabilities per packet that a burst of loss begins and that it ends: see ``BurstLoss``."""
    mask: int = 0
    """Which of every 64 packets are lost: see ``LossMask``."""
    duplicate: float = 0.0
    mark: int | None = None
    """Bytes in the queue above which ECT packets are marked CE. Needs a rate."""

    def __post_init__(self) -> None:
        if self.jitter and not self.delay:
            raise ValueError(f"a jitter of {self.jitter} ns is larger than the delay of 0 ns")
        if self.mark is not None and self.rate is None:
            raise ValueError("nothing waits on a line of infinite rate: a threshold for marks needs a rate")
        faults([(0, self)])


class Change(NamedTuple):
    """New settings from ``at`` ns after the beginning of the path."""

    at: int
    there: Line
    back: Line | None = None
    """None: as there."""


@dataclass(frozen=True, slots=True)
class Path:
    """``there`` leads from the near end to the far end, ``back`` the other way (None: as there).

    Raises ``ValueError`` for changes out of order, or between a rate and none."""

    there: Line = field(default_factory=Line)
    back: Line | None = None
    changes: tuple[Change, ...] = ()

    def __post_init__(self) -> None:
        self.directions(0)

    def directions(self, start: int) -> tuple[list[Fault], list[Fault]]:
        """New faults for both directions of a path that begins at the time ``start`` (ns)."""
        steps = [(start, self.there, self.back), *((start + at, there, back) for at, there, back in self.changes)]
        there = faults([(since, line) for since, line, _ in steps])
        back = faults([(since, line if other is None else other) for since, line, other in steps])
        return there, back

    def between(
        self, near: Link, far: Link, start: int, streams: tuple[Random, Random], observer: Observer | None = None
    ) -> tuple[FaultyLink, FaultyLink]:
        """The two ends with the path before them: what is sent into ``far``'s has gone there, into ``near``'s back.

        streams: a generator for each direction. Returns the ends that stand for ``near`` and ``far``."""
        there, back = self.directions(start)
        near_end = FaultyLink(near, back, rng=streams[1], observer=observer, limit=MOST_HELD)
        return near_end, FaultyLink(far, there, rng=streams[0], observer=observer, limit=MOST_HELD)


def faults(steps: Steps) -> list[Fault]:
    """New faults, in the order in which packets meet them. Raises ``ValueError``."""
    limit = _limit(steps)
    found = [
        _changing(steps, lambda line: loss(line.loss) if line.loss else None),
        _changing(steps, lambda line: None if line.burst is None else BurstLoss(*line.burst)),
        _changing(steps, lambda line: LossMask(line.mask) if line.mask else None),
        _changing(steps, lambda line: duplication(line.duplicate) if line.duplicate else None),
        _changing(steps, lambda line: _marking(line, limit)),
        *_way(limit, steps),
    ]
    return [fault for fault in found if fault is not None]


def bandwidth_delay(rate: int, rtt: int) -> int:
    """The bytes that fill a path of so many bits per second for a round trip (ns)."""
    return rate * rtt // BIT_NANOSECONDS


def _changing(steps: Steps, make: Callable[[Line], Fault | None]) -> Fault | None:
    made = [(since, make(line)) for since, line in steps]
    if all(fault is None for _, fault in made):
        return None
    return made[0][1] if len(made) == 1 else Changing(made)


def _limit(steps: Steps) -> RateLimit | ChangingRate | None:
    rates = [(since, line.rate, line.queue) for since, line in steps if line.rate is not None]
    if not rates:
        return None
    if len(rates) < len(steps):
        raise ValueError("a rate may change into another, not into none")
    return ChangingRate(rates) if len(rates) > 1 else RateLimit(*rates[0][1:])


def _marking(line: Line, limit: RateLimit | ChangingRate | None) -> Fault | None:
    return None if line.mark is None or limit is None else marking(line.mark, limit.backlog)


def _way(limit: RateLimit | ChangingRate | None, steps: Steps) -> list[Fault | None]:
    """The queue and the way behind it."""
    delay = _changing(steps, lambda line: Delay(line.delay, line.jitter, not line.reorder) if line.delay else None)
    if limit is None or not isinstance(delay, Delay):
        return [limit, delay]
    return [Tandem(limit, delay)]
