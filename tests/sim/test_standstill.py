"""A path that stands still for a while and loses nothing, such as a radio link that changes its cell: RFC 5682."""

from __future__ import annotations

from functools import cache
from random import Random

import pytest

from estab.faults.changing import Changing
from estab.faults.verdict import Deliver, Fault, Verdict
from estab.mutations import MUTATIONS
from estab.tcp.config import MODERN, SECOND
from estab.tcp.congestion import CONTROLS
from estab.wire.packet import Packet
from tests.sim.sink import RTT, opened

AMOUNT = 2_000_000
RATE = 5_000_000
TIMES = 2
CONFIG = MODERN.but(receive_buffer=1 << 17, send_buffer=AMOUNT, timestamps=False)
"""The window fills the path, which holds 62,500 bytes, and its queue holds a window."""


def standstill(until: int) -> Fault:
    def hold(packet: Packet, now: int, rng: Random) -> Verdict:
        return Deliver(until - now)

    return hold


@cache
def transfer(control: str, sack: bool, defended: bool) -> tuple[int, int]:
    """The time that ``AMOUNT`` bytes take over a path that stands still for a second in three, and the repetitions."""
    steps: list[tuple[int, Fault | None]] = [(0, None)]
    for i in range(1, TIMES + 1):
        begin, end = 3 * i * SECOND - 2 * SECOND, 3 * i * SECOND - SECOND
        steps += [(begin, standstill(end)), (end, None)]
    mutant = MUTATIONS["no-f-rto"].apply(config=CONFIG.but(congestion=control, sack=sack))
    rules = mutant.original[0] if defended else mutant.rules
    network, a, c, sink = opened(mutant.config, Changing(steps), rules=rules, rate=RATE, queue=1 << 18)
    begun = network.clock.now
    c.send(bytes(AMOUNT), begun)
    assert network.run(lambda: sink.received == AMOUNT, 60 * SECOND)
    assert a.stack.counters["TCPTimeouts"] >= TIMES
    assert defended or mutant.took_effect(rules, mutant.config)
    return network.clock.now - begun, a.stack.counters["RetransSegs"]


@pytest.mark.parametrize("sack", [True, False], ids=["sack", "basic"])
@pytest.mark.parametrize("control", CONTROLS)
def test_what_was_late_is_not_sent_again(control: str, sack: bool) -> None:
    """But for the first segment each time the timer runs out, and the segment that probes the end of the flight."""
    taken, again = transfer(control, sack, True)
    assert again <= 4 * TIMES
    assert taken <= AMOUNT * 8 * SECOND // RATE + TIMES * SECOND + 12 * RTT


@pytest.mark.parametrize("sack", [True, False], ids=["sack", "basic"])
@pytest.mark.parametrize("control", CONTROLS)
def test_without_the_defence_most_of_it_is(control: str, sack: bool) -> None:
    """All of a flight, or half of it until its acknowledgements have told, and slow start on top."""
    taken, again = transfer(control, sack, False)
    assert again > 15 * TIMES
    assert taken > transfer(control, sack, True)[0]
