"""Two stacks in one process and no device: what the core alone costs, in the form that is installed.

``python -m bench.memory [round_trip|open_close|bulk] [COUNT]``: CPU time; ``bulk`` counts blocks of 256 KiB.
"""

from __future__ import annotations

import random
import sys
import time
from typing import Final

from estab import COMPILED, MEMORY_OFFLOAD, Connection, Stack

STEP: Final = 20_000
"""ns from one end to the other."""
BLOCK: Final = bytes(1 << 18)
COUNTS: Final = {"round_trip": 3000, "open_close": 300, "bulk": 1000}
ROUNDS: Final = 3


class Wire:
    """A client and a server, and the time."""

    def __init__(self) -> None:
        self.now = 10**9
        self.client = Stack(addresses=["10.0.0.1/24"], rng=random.Random(1), offload=MEMORY_OFFLOAD)
        self.server = Stack(addresses=["10.0.0.2/24"], rng=random.Random(2), offload=MEMORY_OFFLOAD)
        self.listener = self.server.listen(80)

    def open(self) -> tuple[Connection, Connection]:
        near = self.client.open(("10.0.0.2", 80), self.now)
        near.set_nodelay(True, self.now)
        self.over(self.client, self.server)
        self.over(self.server, self.client)
        self.over(self.client, self.server)
        far = self.server.accept(self.listener)
        assert far is not None
        far.set_nodelay(True, self.now)
        return near, far

    def over(self, here: Stack, there: Stack) -> None:
        """What one has to send reaches the other, which then looks at what happened."""
        packets = here.transmit(self.now)
        here.next_deadline()
        self.now += STEP
        there.receive(packets, self.now)
        there.take_events()

    def echo(self, near: Connection, far: Connection) -> None:
        near.send(b"?", self.now)
        self.over(self.client, self.server)
        far.send(far.receive_some(self.now), self.now)
        self.over(self.server, self.client)
        assert near.receive_some(self.now) == b"?"

    def close(self, near: Connection, far: Connection) -> None:
        near.close(self.now)
        self.over(self.client, self.server)
        far.close(self.now)
        self.over(self.server, self.client)
        self.over(self.client, self.server)


def round_trip(count: int) -> None:
    wire = Wire()
    ends = wire.open()
    for _ in range(count):
        wire.echo(*ends)


def open_close(count: int) -> None:
    wire = Wire()
    for _ in range(count):
        ends = wire.open()
        wire.echo(*ends)
        wire.close(*ends)


def bulk(count: int) -> None:
    wire = Wire()
    near, far = wire.open()
    left = count * len(BLOCK)
    while left > 0:
        near.send(BLOCK, wire.now)
        wire.over(wire.client, wire.server)
        while data := far.receive_some(wire.now):
            left -= len(data)
        wire.over(wire.server, wire.client)


CASES: Final = {"round_trip": round_trip, "open_close": open_close, "bulk": bulk}


def cost(what: str, count: int) -> float:
    """CPU µs each, the least of some rounds."""
    least = float("inf")
    for _ in range(ROUNDS):
        before = time.process_time()
        CASES[what](count)
        least = min(least, time.process_time() - before)
    return least / count * 1e6


if __name__ == "__main__":
    chosen = sys.argv[1:2] or list(CASES)
    for what in chosen:
        each = cost(what, int(sys.argv[2]) if len(sys.argv) > 2 else COUNTS[what])
        rate = f", {len(BLOCK) / each:.0f} MB/s" if what == "bulk" else ""
        print(f"{'compiled' if COMPILED else 'pure'} {what}: {each:.1f} µs{rate}")  # noqa: T201
