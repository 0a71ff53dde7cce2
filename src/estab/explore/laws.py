"""Two laws, measured: how many losses retransmission survives, and how long TIME-WAIT must be."""

from __future__ import annotations

from typing import Final, NamedTuple

from estab.explore.case import Case, Result, run
from estab.explore.setting import RTO, Budget

_RETRIES: Final = ("syn_retries", "syn_ack_retries", "data_retries")
_MOST: Final = 4
"""R up to this, and k up to one less: each costs a graph."""


class General(NamedTuple):
    """What fails with so many losses, and after how many steps; None: it survives."""

    retries: int
    losses: int
    states: int
    open_fails: int | None
    """An open ends without having been established (P12)."""
    close_fails: int | None
    """An established connection ends by a timeout or a reset (P6)."""


class Length(NamedTuple):
    """Whether TIME-WAIT of k·RTO + MSL, and of 2 ns more, survives k losses and a delay of one MSL."""

    losses: int
    life: int
    time_wait: int
    survives: bool
    states: int


def two_generals(retries: int, losses: int) -> General:
    """Open and close with R retransmissions of each segment, and a network that may lose so many."""
    changes = tuple((name, retries) for name in _RETRIES)
    cases = (Case("open+close", Budget(loss=losses), until=(name,), changes=changes) for name in ("P12", "P6"))
    opening, closing = (_verdict(run(case)) for case in cases)
    return General(retries, losses, opening[0], opening[1], closing[1])


def time_wait(losses: int, life: int, length: int) -> Length:
    """Open and close with ``losses`` losses and one delay of up to ``life`` ns; TIME-WAIT lasts ``length`` ns."""
    case = Case("open+close", Budget(loss=losses, delay=1), until=("P6",), changes=(("msl", length // 2),), life=life)
    states, fails = _verdict(run(case))
    return Length(losses, life, length, fails is None, states)


def sharp(losses: int, life: int) -> tuple[Length, Length]:
    """At k·RTO + MSL exactly, and 2 ns above."""
    threshold = losses * RTO + life
    return time_wait(losses, life, threshold), time_wait(losses, life, threshold + 2)


def generals(most: int = _MOST) -> list[General]:
    """R from 1 on, each with 0 to R + 1 losses."""
    return [two_generals(retries, losses) for retries in range(1, most + 1) for losses in range(retries + 2)]


def lengths(most: int = _MOST - 1) -> list[Length]:
    """k from 1 on, with an MSL of half an RTO and of one."""
    lives = (RTO // 2, RTO)
    return [each for life in lives for losses in range(1, most + 1) for each in sharp(losses, life)]


def _verdict(result: Result) -> tuple[int, int | None]:
    found = result.killed_by
    if found is None and not result.complete:
        raise AssertionError("a law needs the whole graph")
    return result.states, None if found is None else found.dooms
