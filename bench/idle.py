"""What an established connection costs that does nothing: two stacks in memory, many connections between them."""

from __future__ import annotations

import gc
import os
from pathlib import Path

from bench.pair import Pair
from estab.tcp.connection import Connection

CONNECTIONS = 20_000
AT_ONCE = 100
QUIET = 1_000
"""Turns until every delayed acknowledgement has gone."""


class Ends(Pair):
    """A client and a server; what is accepted is answered."""

    def __init__(self, backlog: int = CONNECTIONS) -> None:
        super().__init__(self._answer, backlog=backlog)

    def _answer(self, c: Connection) -> None:
        if c.receive_some(self.now) and c.passive:
            c.send(b"!", self.now)

    def open_some(self, count: int, address: str = "10.0.0.2") -> None:
        for _ in range(count):
            self.open(address).send(b"?", self.now)
        self.turn(10)


def bytes_per_connection() -> float:
    """Growth of this process by connection, each of which has carried a byte each way. Both ends are counted."""
    ends = Ends()
    ends.open_some(AT_ONCE)
    before = resident()
    for _ in range(CONNECTIONS // AT_ONCE):
        ends.open_some(AT_ONCE)
    ends.turn(QUIET)
    grown = resident() - before
    assert len(ends.client.connections) == len(ends.server.connections) == CONNECTIONS + AT_ONCE
    assert len(ends.held) == 2 * (CONNECTIONS + AT_ONCE)
    return grown / (2 * CONNECTIONS)


def resident() -> int:
    """Bytes of memory that this process has."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
