"""Two connections in memory, one segment or one conversation at a time."""

from __future__ import annotations

from typing import Any

import pytest

from bench.pair import Pair
from estab.stack.deadlines import Deadlines
from estab.tcp.connection import Connection
from estab.tcp.scoreboard import Scoreboard
from estab.wire.link import NO_OFFLOAD

MSS = 1448


class Bare(Pair):
    """Whose stacks are handed packets by the benchmark; nobody reads until it says so."""

    def __init__(self) -> None:
        super().__init__(lambda c: None, offload=NO_OFFLOAD)
        self.ours = self.open()
        self.turn(4)
        self.theirs: Connection = self.held[-1]
        self.ours.set_nodelay(True, self.now)


def test_receive_in_order(benchmark: Any) -> None:
    """A full segment from the packet to the application's bytes."""
    pair = Bare()

    def prepare() -> tuple[tuple[Any], dict[str, Any]]:
        pair.turn(2)
        pair.ours.send(bytes(MSS), pair.now)
        return (pair.client.transmit(pair.now),), {}

    def receive(packets: Any) -> None:
        pair.server.receive(packets, pair.now)
        assert len(pair.theirs.receive_some(pair.now)) == MSS

    benchmark.pedantic(receive, setup=prepare, rounds=2000)


def test_process_an_acknowledgement(benchmark: Any) -> None:
    """Of two segments, up to what is sent next."""
    pair = Bare()

    def prepare() -> tuple[tuple[Any], dict[str, Any]]:
        pair.turn(2)
        pair.ours.send(bytes(2 * MSS), pair.now)
        pair.server.receive(pair.client.transmit(pair.now), pair.now)
        pair.theirs.receive(2 * MSS, pair.now)
        return (pair.server.transmit(pair.now),), {}

    def process(packets: Any) -> None:
        pair.client.receive(packets, pair.now)
        pair.client.transmit(pair.now)

    benchmark.pedantic(process, setup=prepare, rounds=2000)
    assert not pair.ours.flight


@pytest.mark.parametrize("holes", [1, 16, 128])
def test_repair_holes(benchmark: Any, holes: int) -> None:
    """The scoreboard: what is SACKed around so many holes, what is lost then, what is sent again, the rest arrives."""

    def repair() -> None:
        board = Scoreboard(1024)
        for index in range(2 * holes):
            board.sent(index * MSS, (index + 1) * MSS, index)
        for index in range(holes):
            board.sack([((2 * index + 1) * MSS, (2 * index + 2) * MSS)])
        for index in range(holes):
            board.mark_lost(2 * index * MSS, (2 * index + 1) * MSS)
        while (hole := board.first_lost()) is not None:
            board.sent(*hole, 3 * holes)
        board.acknowledge(2 * holes * MSS)

    benchmark(repair)


@pytest.mark.parametrize("connections", [1, 10_000])
def test_update_a_timer(benchmark: Any, connections: int) -> None:
    """A deadline that moves away, as with every acknowledgement, among those of so many connections."""
    pair = Bare()
    c = pair.ours
    deadlines = Deadlines()
    for index in range(connections):
        c.wake_at = 1 << 62
        deadlines.wake(c, 1_000_000_000 + index)

    def update() -> None:
        c.timers.rto = 2_000_000_000
        deadlines.wake(c, c.timers.earliest())

    benchmark(update)


def test_open_and_close(benchmark: Any) -> None:
    """Handshake, a byte there and back, close: both ends."""

    def answer(c: Connection) -> None:
        data = c.receive_some(pair.now)
        if data and c.passive:
            c.send(data, pair.now)
        if (data and not c.passive) or (c.eof and not c.released):
            c.close(pair.now)

    pair = Pair(answer)

    def converse() -> None:
        pair.open().send(b"?", pair.now)
        pair.turn(6)
        pair.held.clear()

    benchmark.pedantic(converse, rounds=1000)
    assert not pair.server.connections
