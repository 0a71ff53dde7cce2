"""An exploration in a process of its own, with what it cost, and how far each of several is while they run."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import MutableSequence
from dataclasses import dataclass
from typing import Final

from estab.explore import Case, Result, run

EACH: Final = 3
"""Figures for each exploration: states, transitions, states that wait to be looked at."""
_MEBIBYTE: Final = 1 << 20 if sys.platform == "darwin" else 1 << 10
"""In what ``ru_maxrss`` counts."""

_shared: list[MutableSequence[int]] = []
"""In a process that has somebody who watches: where the figures go."""


@dataclass(frozen=True)
class Measured:
    """``seconds`` of processor time, and the most memory (MiB) of the process until then."""

    result: Result
    seconds: float
    memory: int


def share(figures: MutableSequence[int]) -> None:
    """From now on explorations of this process write theirs here."""
    _shared[:] = [figures]


def measured(job: tuple[int, Case]) -> Measured:
    """Explore. The job's number says where the figures belong."""
    number, case = job

    def progress(*now: int) -> None:
        for figures in _shared:
            figures[number * EACH : (number + 1) * EACH] = now

    began = time.process_time()
    result = run(case, progress)
    return Measured(result, time.process_time() - began, peak())


def peak() -> int:
    """The most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _MEBIBYTE
