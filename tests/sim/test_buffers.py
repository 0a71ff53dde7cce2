"""A long fast path: what a fixed window of 64 KiB makes of it, and what one that follows the path does."""

from __future__ import annotations

from estab.sim import Network
from estab.tcp.config import KIB, MILLISECOND, MODERN, SECOND, Config
from tests.sim.sink import Sink

RATE = 100_000_000
DELAY = 50 * MILLISECOND
ENOUGH = 2 * RATE // 8 * 2 * DELAY // SECOND
"""Bytes of queue at the bottleneck: twice what the path holds."""


def goodput(receiver: Config, seconds: int = 6) -> tuple[float, int]:
    """The part of a line of 100 Mbit/s, 100 ms, that a transfer fills, and the receiver's buffer at its end."""
    network = Network(1, recording=False)
    a = network.host("a", "10.0.0.1/24", config=MODERN)
    b = network.host("b", "10.0.0.2/24", config=receiver)
    network.connect(a, b, delay=DELAY, rate=RATE, queue=ENOUGH)
    sink = Sink(b, network)
    c = a.stack.open(("10.0.0.2", 80), network.clock.now)

    def keep_full() -> bool:
        if c.writable:
            c.send(bytes(256 * KIB), network.clock.now)
        return False

    network.run(keep_full, seconds * SECOND)
    served = next(iter(b.stack.connections.values()))
    return sink.received * 8 / seconds / RATE, served.receive_limit


def test_the_window_that_follows_the_path_fills_it_and_a_fixed_one_does_not() -> None:
    fixed, size = goodput(MODERN.but(receive_buffer=64 * KIB))
    assert size == 64 * KIB
    assert fixed < 0.06
    tuned, size = goodput(MODERN)
    assert tuned > 0.8
    assert tuned > 13 * fixed
    assert 2 * DELAY * RATE // 8 // SECOND < size <= MODERN.receive_buffer_max
