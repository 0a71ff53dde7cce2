"""How long the repair of one lost segment takes, for each congestion control: RFC 8985, RFC 9937."""

from __future__ import annotations

from typing import Final, NamedTuple

from estab.faults import rules
from estab.faults.verdict import Fault
from estab.tcp.config import MODERN, SECOND
from tests.sim.sink import RTT, opened

SEGMENTS: Final = 20
BURST: Final = MODERN.but(initial_window=SEGMENTS)


class Repair(NamedTuple):
    """What became of a burst."""

    round_trips: float
    """From the first segment until all of them were acknowledged."""
    again: int
    """Segments sent twice."""
    timeouts: int


def repair(control: str, *lost: int) -> Repair:
    """Twenty segments at once, of which some do not arrive, the first time; ``lost`` counts from 1."""
    return burst(control, *[rules.drop(rules.data, nth=nth) for nth in lost])


def burst(control: str, *faults: Fault) -> Repair:
    """Twenty segments at once, over a path of ``RTT`` with faults."""
    network, a, c, sink = opened(BURST.but(congestion=control), *faults)
    begun = network.clock.now
    c.send(bytes(SEGMENTS * c.mss), begun)
    assert network.run(lambda: not c.board.ranges and not len(c.send_queue), 10 * SECOND)
    assert sink.received == SEGMENTS * c.mss
    counters = a.stack.counters
    return Repair((network.clock.now - begun) / RTT, counters["RetransSegs"], counters["TCPTimeouts"])
