"""What an established connection costs that does nothing: two stacks in memory, many connections between them."""

from __future__ import annotations

import gc
import os
import random
from pathlib import Path

from estab.links.memory import memory_pair
from estab.stack.listener import Listener
from estab.stack.pump import Pump
from estab.stack.stack import Stack, Watched
from estab.tcp.connection import Connection

CONNECTIONS = 20_000
AT_ONCE = 100
TICK = 1_000_000
"""Virtual ns between two turns."""
QUIET = 1_000
"""Turns until every delayed acknowledgement has gone."""


class Ends:
    """A client and a server; what is accepted is answered."""

    def __init__(self) -> None:
        left, right = memory_pair()
        self.now = 0
        self.client = Stack(addresses=["10.0.0.1"], rng=random.Random(1))
        self.server = Stack(addresses=["10.0.0.2"], rng=random.Random(2))
        self.pumps = [Pump(self.client, left, self._look), Pump(self.server, right, self._look)]
        self.server.listen(80, backlog=CONNECTIONS)
        # Whoever uses a stack holds on to its connections.
        self.held: list[Connection] = []

    def _look(self, watched: Watched) -> None:
        if isinstance(watched, Listener):
            while (c := self.server.accept(watched)) is not None:
                self.held.append(c)
        elif isinstance(watched, Connection) and watched.receive_some(self.now) and watched.passive:
            watched.send(b"!", self.now)

    def open(self, count: int) -> None:
        for _ in range(count):
            c = self.client.open(("10.0.0.2", 80), self.now)
            c.send(b"?", self.now)
            self.held.append(c)
        self.turn(10)

    def turn(self, times: int) -> None:
        for _ in range(times):
            self.now += TICK
            for pump in self.pumps:
                pump.turn(self.now)


def bytes_per_connection() -> float:
    """Growth of this process by connection, each of which has carried a byte each way. Both ends are counted."""
    ends = Ends()
    ends.open(AT_ONCE)
    before = resident()
    for _ in range(CONNECTIONS // AT_ONCE):
        ends.open(AT_ONCE)
    ends.turn(QUIET)
    grown = resident() - before
    assert len(ends.client.connections) == len(ends.server.connections) == CONNECTIONS + AT_ONCE
    assert len(ends.held) == 2 * (CONNECTIONS + AT_ONCE)
    return grown / (2 * CONNECTIONS)


def resident() -> int:
    """Bytes of memory that this process has."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
