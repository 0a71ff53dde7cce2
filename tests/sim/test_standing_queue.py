"""Connections that share a path: the queue before it is as long as their windows let it become."""

from __future__ import annotations

from typing import NamedTuple

from estab.sim import Network
from estab.tcp.config import KIB, MIB, MILLISECOND, MODERN, SECOND, Config
from estab.tcp.states import State
from tests.sim.sink import Sink

START = MODERN.receive_buffer_start
SHORT = MILLISECOND // 10
MEGABIT = 1_000_000
AS_IF_LONG = MODERN.but(receive_low_rtt=0)
"""What a window does on every other path."""


class Shared(NamedTuple):
    """What became of it, at the end."""

    filled: float
    """The part of the line, over all the time."""
    buffers: list[int]
    """Of the receivers, from small to large."""
    round_trip: int
    """The longest (ns)."""
    again: int
    """Retransmissions."""


def share(
    count: int, rate: int, delay: int, config: Config = MODERN, *, time: int = SECOND, queue: int = MIB
) -> Shared:
    """All of them are open before the first one sends; then they send without end."""
    network = Network(1, recording=False)
    a = network.host("a", "10.0.0.1/24", config=config, offload=True)
    b = network.host("b", "10.0.0.2/24", config=config, offload=True)
    network.connect(a, b, delay=delay, rate=rate, queue=queue)
    sink = Sink(b, network)
    senders = [a.stack.open(("10.0.0.2", 80), network.clock.now) for _ in range(count)]
    receivers = b.stack.connections
    network.run(lambda: [c.state for c in receivers.values()] == [State.ESTABLISHED] * count, SECOND)

    def keep_full() -> bool:
        for c in senders:
            if c.writable:
                c.send(bytes(64 * KIB), network.clock.now)
        return False

    network.run(keep_full, time)
    return Shared(
        sink.received * 8 * SECOND / time / rate,
        sorted(c.receive_limit for c in receivers.values()),
        max(c.rtt.srtt for c in senders),
        a.stack.counters["RetransSegs"],
    )


def test_on_a_short_path_many_windows_do_not_grow_by_the_queue_that_they_make() -> None:
    rate = 40 * MEGABIT
    shared = share(10, rate, SHORT)
    assert shared.filled > 0.9
    assert shared.buffers == [START] * 10
    assert shared.round_trip <= 10 * START * 8 * SECOND // rate
    assert shared.again == 0
    without = share(10, rate, SHORT, AS_IF_LONG)
    assert without.filled < shared.filled
    assert without.again > 0


def test_on_a_short_path_one_fast_connection_fills_it_with_twice_what_a_millisecond_brings() -> None:
    rate = 4000 * MEGABIT
    shared = share(1, rate, SHORT, time=SECOND // 10, queue=64 * MIB)
    assert shared.filled > 0.9
    assert 0.9 < shared.buffers[0] / (2 * rate // 8 * MILLISECOND // SECOND) <= 1
    assert shared.round_trip < 3 * MILLISECOND


def test_on_a_longer_path_windows_are_what_they_would_be_without_that() -> None:
    shared = share(3, 20 * MEGABIT, 10 * MILLISECOND)
    assert shared == share(3, 20 * MEGABIT, 10 * MILLISECOND, AS_IF_LONG)
    assert shared.buffers[0] > START
