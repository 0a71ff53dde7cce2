"""What is measured, in which unit, and how each case is run by the client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from bench.peers import client
from bench.peers.client import Measured
from bench.peers.stage import Session
from bench.peers.terms import CONNECTIONS

GBIT: Final = 8 / 1e9
"""Bytes per second to Gbit/s."""


class Case(NamedTuple):
    """One row's name, unit, and what a figure per second is multiplied by."""

    name: str
    unit: str
    scale: float
    cpu_scale: float
    """Seconds per byte to seconds per GB, or seconds per operation to µs."""
    run: Callable[[Session, float], Measured]
    check: Callable[[Session], bool] | None = None


def _bulk(name: str, count: int, inwards: bool) -> Case:
    measure = client.bulk_in if inwards else client.bulk_out
    check = client.check_in if inwards else client.check_out
    return Case(
        name,
        "Gbit/s",
        GBIT,
        1e9,
        lambda at, seconds: measure(at.address, count, seconds, at.cpu),
        lambda at: check(at.address, count),
    )


def _round_trips(name: str) -> Case:
    return Case(name, "1/s", 1, 1e6, lambda at, seconds: client.round_trips(at.address, seconds, at.cpu))


CASES: Final = {
    case.name: case
    for case in (
        _bulk("bulk_in", 1, True),
        _bulk("bulk_out", 1, False),
        _bulk("bulk_in_100", CONNECTIONS, True),
        _bulk("bulk_out_100", CONNECTIONS, False),
        _bulk("plain_in", 1, True),
        _bulk("plain_out", 1, False),
        _round_trips("rtt"),
        _round_trips("rtt_asyncio"),
        Case("open_close", "1/s", 1, 1e6, lambda at, seconds: client.open_close(at.address, seconds, at.cpu)),
    )
}
