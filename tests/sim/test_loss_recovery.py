"""Loss recovery between two stacks, in round trips of virtual time: RFC 8985, RFC 9937."""

from __future__ import annotations

from functools import cache
from random import Random

import pytest

from estab.faults import rules
from estab.faults.verdict import PASS, Deliver, Fault, Verdict
from estab.sim import SimHost
from estab.tcp.config import MODERN, SECOND
from estab.wire.packet import Packet
from estab.wire.tcp import Segment
from tests.sim.sink import RTT, opened

SEGMENTS = 20
BURST = MODERN.but(initial_window=SEGMENTS)


def burst(*faults: Fault) -> tuple[float, SimHost]:
    """How many round trips twenty segments take until all is acknowledged, and the host that sent them."""
    network, a, c, sink = opened(BURST, *faults)
    begun = network.clock.now
    c.send(bytes(SEGMENTS * c.mss), begun)
    assert network.run(lambda: not c.board.ranges and not len(c.send_queue), 10 * SECOND)
    assert sink.received == SEGMENTS * c.mss
    return (network.clock.now - begun) / RTT, a


def expected(lost: int) -> float:
    """With three segments behind it a hole is found after one round trip, with fewer after another quarter, and the
    repair takes one more. The last is probed for in the RTO's place: its own acknowledgement might be delayed, as
    that of the segment before it was."""
    if lost == SEGMENTS:
        return 1.4 + 2.5 + 1
    return 2 if lost <= SEGMENTS - 3 else 2.25


@pytest.mark.parametrize("lost", range(1, SEGMENTS + 1))
def test_any_one_of_a_burst_is_repaired_without_a_timeout(lost):
    round_trips, a = burst(rules.drop(rules.data, nth=lost))
    assert "TCPTimeouts" not in a.stack.counters
    assert a.stack.counters["RetransSegs"] == 1
    assert expected(lost) <= round_trips <= expected(lost) + 0.01


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


def late(chance: float, most: int) -> Fault:
    """Some packets take up to ``most`` ns longer than those around them."""

    def hold(packet: Packet, now: int, rng: Random) -> Verdict:
        return Deliver(rng.randrange(most)) if rng.random() < chance else PASS

    return hold


AMOUNT = 4_000_000
NO_LOSS = MODERN.but(send_buffer=1 << 22, receive_buffer=1 << 19)
"""The window is twice what the path holds, and the queue holds a whole window."""


@cache
def flow(chance: float) -> tuple[int, int, int]:
    """``AMOUNT`` bytes over 20 Mbit/s: the time that they took, the packets, and those sent again once the path was
    known to reorder."""
    network, a, c, sink = opened(NO_LOSS, late(chance, RTT // 4), rate=20_000_000, queue=1 << 19)
    begun = network.clock.now
    c.send(bytes(AMOUNT), begun)
    assert network.run(lambda: c.rack.reordering or sink.received == AMOUNT, 60 * SECOND)
    before = a.stack.counters["RetransSegs"]
    assert network.run(lambda: sink.received == AMOUNT, 60 * SECOND)
    return network.clock.now - begun, AMOUNT // c.mss, a.stack.counters["RetransSegs"] - before


@pytest.mark.parametrize("chance", [0.01, 0.1, 0.5])
def test_reordering_within_a_quarter_of_a_round_trip_costs_nothing(chance):
    """RFC 8985 §6.2 step 4: nothing is sent twice, and nothing is slower."""
    ordered, _, _ = flow(0)
    taken, packets, again = flow(chance)
    assert again < packets / 1000
    assert taken <= ordered / 0.9
