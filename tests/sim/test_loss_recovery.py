"""Loss recovery between two stacks, in round trips of virtual time: RFC 8985, RFC 9937."""

from __future__ import annotations

import pytest

from estab.faults import rules
from estab.tcp.config import SECOND
from estab.wire.tcp import Segment
from tests.sim.repairs import BURST, CHANCES, CONTROLS, SEGMENTS, burst, flow
from tests.sim.sink import opened

SPREAD = {"newreno": 0.01, "cubic": 0.01, "bbr": 0.6}
"""Round trips that sending the burst itself takes: BBR paces it."""


def expected(lost: int) -> float:
    """With three segments behind it a hole is found after one round trip, with fewer after another quarter, and the
    repair takes one more. The last is probed for in the RTO's place: its own acknowledgement might be delayed, as
    that of the segment before it was."""
    if lost == SEGMENTS:
        return 1.4 + 2.5 + 1
    return 2 if lost <= SEGMENTS - 3 else 2.25


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("lost", range(1, SEGMENTS + 1))
def test_any_one_of_a_burst_is_repaired_without_a_timeout(lost, control):
    round_trips, a = burst(rules.drop(rules.data, nth=lost), control=control)
    assert "TCPTimeouts" not in a.stack.counters
    assert a.stack.counters["RetransSegs"] == 1
    assert expected(lost) <= round_trips <= expected(lost) + SPREAD[control]


@pytest.mark.parametrize("lost", range(1, SEGMENTS - 3))
def test_a_lost_repair_is_repaired_too_if_anything_is_behind_it(lost):
    """What limited transmit and recovery send meanwhile shows it."""
    seqs: list[int] = []

    def it(segment: Segment) -> bool:
        if segment.length:
            seqs.append(segment.seq)
        return len(seqs) >= lost and segment.seq == seqs[lost - 1]

    network, a, c, sink = opened(BURST, rules.drop(it, first=2))
    c.send(bytes(3 * SEGMENTS * c.mss), network.clock.now)
    assert network.run(lambda: sink.received == 3 * SEGMENTS * c.mss, 10 * SECOND)
    assert "TCPTimeouts" not in a.stack.counters
    assert a.stack.counters["RetransSegs"] == 2


# ---------------------------------------------------------------------- reordering


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("chance", CHANCES)
def test_reordering_within_a_quarter_of_a_round_trip_costs_nothing(chance, control):
    """RFC 8985 §6.2 step 4: nothing is sent twice, and nothing is slower."""
    reordered = flow(chance, control)
    assert reordered.again < reordered.packets / 1000
    assert reordered.taken <= flow(0, control).taken / 0.9
