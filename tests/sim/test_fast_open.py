"""Fast open over a path that loses, doubles and reorders: whatever happens to the handshake, the bytes arrive."""

from __future__ import annotations

from hashlib import shake_128

import pytest

from estab.sim import Network, SimHost
from estab.stack.listener import Listener
from estab.stack.stack import Watched
from estab.tcp.config import MILLISECOND, MODERN, SECOND
from estab.tcp.connection import Connection

CONFIG = MODERN.but(fast_open_queue=4, fast_open_pause=0)
"""A client that tries again where it has just failed."""
ROUNDS = 10


def request(n: int) -> bytes:
    """From nothing to several times what a SYN carries."""
    return shake_128(bytes((n,))).digest(n * 700)


class Echo:
    """Sends back what comes, until its end."""

    def __init__(self, host: SimHost, network: Network) -> None:
        self._stack, self._clock = host.stack, network.clock
        host.on_event = self._look
        self._stack.listen(80)

    def _look(self, watched: Watched) -> None:
        if isinstance(watched, Listener):
            while (accepted := self._stack.accept(watched)) is not None:
                self._look(accepted)
        elif isinstance(watched, Connection) and watched.error is None:
            now = self._clock.now
            while data := watched.receive(1 << 20, now):
                watched.send(data, now)
            if watched.eof:
                watched.close(now)


def ask(network: Network, client: SimHost, n: int) -> Connection:
    c = client.stack.open(("10.0.0.2", 80), network.clock.now, data=request(n))
    answer = bytearray()

    def read() -> bool:
        answer.extend(c.receive(1 << 20, network.clock.now))
        return len(answer) == len(request(n)) and not c.opening

    assert network.run(read, 300 * SECOND), f"{len(answer)} of {n * 700} bytes, {c.state.value}"
    assert answer == request(n)
    c.close(network.clock.now)
    assert network.run(lambda: c.state.value in ("TIME-WAIT", "CLOSED"), 300 * SECOND)
    assert c.error is None
    return c


@pytest.mark.parametrize("seed", range(12))
def test_the_bytes_arrive_once_and_in_order(seed: int) -> None:
    network = Network(seed, recording=False)
    client = network.host("a", "10.0.0.1/24", config=CONFIG)
    server = network.host("b", "10.0.0.2/24", config=CONFIG)
    network.connect(
        client, server, delay=30 * MILLISECOND, jitter=30 * MILLISECOND, loss=0.15, duplicate=0.1, reorder=0.2
    )
    Echo(server, network)
    for n in range(ROUNDS):
        ask(network, client, n)
    network.run_until(network.clock.now + 600 * SECOND)
    assert not server.stack.fast_opening
    assert not server.stack.listeners[80][0].fast_opening
    assert client.stack.counters["TCPFastOpenActive"] > 0
