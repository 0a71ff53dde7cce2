"""How long repairs take, and what reordering costs, for each congestion control: RFC 8985, RFC 9937."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import NamedTuple

from estab.faults.verdict import PASS, Deliver, Fault, Verdict
from estab.sim import SimHost
from estab.tcp.config import MODERN, SECOND
from estab.wire.packet import Packet
from tests.sim.sink import RTT, opened

CONTROLS = ("newreno", "cubic", "bbr")
SEGMENTS = 20
BURST = MODERN.but(initial_window=SEGMENTS)
AMOUNT = 4_000_000
NO_LOSS = MODERN.but(send_buffer=1 << 22, receive_buffer=1 << 19)
"""The window is twice what the path holds, and the queue holds a whole window."""
CHANCES = (0.01, 0.1, 0.5)


def burst(*faults: Fault, control: str = MODERN.congestion) -> tuple[float, SimHost]:
    """How many round trips twenty segments take until all is acknowledged, and the host that sent them."""
    network, a, c, sink = opened(BURST.but(congestion=control), *faults)
    begun = network.clock.now
    c.send(bytes(SEGMENTS * c.mss), begun)
    assert network.run(lambda: not c.board.ranges and not len(c.send_queue), 10 * SECOND)
    assert sink.received == SEGMENTS * c.mss
    return (network.clock.now - begun) / RTT, a


def late(chance: float, most: int) -> Fault:
    """Some packets take up to ``most`` ns longer than those around them."""

    def hold(packet: Packet, now: int, rng: Random) -> Verdict:
        return Deliver(rng.randrange(most)) if rng.random() < chance else PASS

    return hold


class Flow(NamedTuple):
    """What became of ``AMOUNT`` bytes over 20 Mbit/s. ``again``, ``after``: since the path was known to reorder."""

    taken: int
    """ns, from the first byte to the last."""
    packets: int
    again: int
    """Packets sent twice."""
    after: float
    """Mbit/s."""


@cache
def flow(chance: float, control: str = MODERN.congestion) -> Flow:
    """Packets are late by up to a quarter of a round trip with that chance; none is lost."""
    config = NO_LOSS.but(congestion=control)
    network, a, c, sink = opened(config, late(chance, RTT // 4), rate=20_000_000, queue=1 << 19)
    begun = network.clock.now
    c.send(bytes(AMOUNT), begun)
    assert network.run(lambda: c.rack.reordering or sink.received == AMOUNT, 60 * SECOND)
    if sink.received == AMOUNT:
        # Nothing came late: all of it counts.
        taken = network.clock.now - begun
        return Flow(taken, AMOUNT // c.mss, a.stack.counters["RetransSegs"], 8 * AMOUNT * 1000 / taken)
    known, then, before = network.clock.now, sink.received, a.stack.counters["RetransSegs"]
    assert network.run(lambda: sink.received == AMOUNT, 60 * SECOND)
    taken, after = network.clock.now - begun, 8 * (AMOUNT - then) * 1000 / (network.clock.now - known)
    return Flow(taken, AMOUNT // c.mss, a.stack.counters["RetransSegs"] - before, after)
