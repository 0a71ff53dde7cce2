"""Segments that arrive for a connection which has just ended and still waits for its turn to send."""

from __future__ import annotations

import random

from estab.stack.stack import Stack
from estab.tcp.connection import Connection
from estab.tcp.states import State


class Two:
    """A client and a server whose packets are carried by hand."""

    def __init__(self) -> None:
        self.client = Stack(addresses=["10.0.0.1/24"], rng=random.Random(1))
        self.server = Stack(addresses=["10.0.0.2/24"], rng=random.Random(2))
        self.listener = self.server.listen(80)
        self.near = self.client.open(("10.0.0.2", 80), 0, local=("10.0.0.1", 4000))
        self.carry()
        accepted = self.server.accept(self.listener)
        assert accepted is not None
        self.far: Connection = accepted

    def carry(self) -> None:
        moved = True
        while moved:
            there, back = self.client.transmit(0), self.server.transmit(0)
            self.server.receive(there, 0)
            self.client.receive(back, 0)
            moved = bool(there or back)


def test_two_aborts_that_cross() -> None:
    two = Two()
    two.near.abort(0)
    two.far.abort(0)
    two.client.receive(two.server.transmit(0), 0)
    assert two.near.state is State.CLOSED
    two.carry()
    assert two.client.connections == two.server.connections == {}


def test_data_for_an_aborted_connection_is_answered_by_nobody() -> None:
    two = Two()
    two.far.send(b"too late", 0)
    two.near.abort(0)
    two.client.receive(two.server.transmit(0), 0)
    assert two.client.counters["TCPNoConnection"] == 1
    two.carry()
    assert isinstance(two.far.error, ConnectionResetError)


def test_a_new_connection_with_the_numbers_of_a_dead_one_survives_its_end() -> None:
    two = Two()
    two.near.abort(0)
    two.server.receive(two.client.transmit(0), 0)
    # The server's end is dead and still queued when the same four-tuple opens again.
    again = two.client.open(("10.0.0.2", 80), 0, local=("10.0.0.1", 4000))
    two.server.receive(two.client.transmit(0), 0)
    two.carry()
    assert again.state is State.ESTABLISHED
    assert list(two.client.connections.values()) == [again]
    assert two.server.accept(two.listener) is not None


def test_a_segment_for_a_connection_on_its_way_into_time_wait() -> None:
    two = Two()
    two.near.close(0)
    two.carry()
    two.far.close(0)
    (fin,) = two.server.transmit(0)
    two.client.receive([fin], 0)
    assert two.near.state is State.TIME_WAIT
    two.client.receive([fin], 0)
    two.client.transmit(0)
    assert len(two.client.time_wait) == len(two.client.time_wait.queue) - sum(two.client.time_wait.stale.values()) == 1
    two.client.advance(two.client.config.time_wait)
    assert len(two.client.time_wait) == 0
