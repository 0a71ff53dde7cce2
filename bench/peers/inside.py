"""The cases that need no peer, in this process: ``python -m bench.peers.inside CASE full|quick`` prints JSON rows."""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from bench import idle
from bench.pair import Pair
from bench.peers.terms import BLOCK, Follower
from estab.drivers.collector import without_pauses
from estab.sim.network import Network
from estab.stack.stack import Watched
from estab.tcp.config import MODERN, Config
from estab.tcp.connection import Connection
from estab.tcp.states import ESTABLISHED
from estab.wire.link import MEMORY_OFFLOAD, NO_OFFLOAD, Offload

Row = dict[str, Any]
ADDRESSES: Final = ("10.0.0.2", "10.0.0.3", "10.0.0.4")
"""Of the server: one has not enough ports for so many clients."""
MILLISECOND: Final = 1_000_000
IN_CACHE: Final = MODERN.but(send_buffer=1 << 20, receive_buffer=1 << 20)
"""With buffers that grow to 16 MiB a stream between two stacks in one process would measure the memory."""
SEGMENTS: Final = 2_000
"""In one measurement of the busy connection."""


def row(case: str, value: float, unit: str, **more: Any) -> Row:
    return {"case": case, "value": value, "unit": unit, "cpu": None} | more


# ---------------------------------------------------------------------- two stacks and a reader


class Stream(Pair):
    """The client sends the pattern, the server reads it as ``bytes``."""

    def __init__(self, offload: Offload, follower: Follower | None) -> None:
        super().__init__(self._look_at, offload=offload, config=IN_CACHE)
        self.received = 0
        self._follower = follower
        self._rest = b""
        self.now = time.monotonic_ns()
        self._sender = self.open()

    def pass_time(self) -> None:
        """Real time: the buffers follow what a round trip takes."""
        self.now = time.monotonic_ns()

    def _look_at(self, c: Connection) -> None:
        if c is self._sender:
            self._fill(c)
            return
        while data := c.receive_some(self.now):
            self.received += len(data)
            if self._follower is not None:
                self._follower.read(data)

    def _fill(self, c: Connection) -> None:
        while True:
            block = self._rest or BLOCK
            taken = c.send(block, self.now)
            self._rest = block[taken:]
            if self._rest:
                return


def memory(case: str, offload: Offload, quick: bool) -> list[Row]:
    """Gbit/s from one stack to the other; before that once with every byte compared."""
    follower = Follower()
    checked = Stream(offload, follower)
    checked.turn(200)
    assert follower.faithful and checked.received, "what arrives is not what was sent"
    stream = Stream(offload, None)
    stream.turn(50)
    figures = []
    for _ in range(3 if quick else 7):
        before, start = stream.received, time.perf_counter()
        while time.perf_counter() - start < (0.3 if quick else 2.0):
            stream.turn(10)
        figures.append((stream.received - before) * 8e-9 / (time.perf_counter() - start))
    return [row(case, statistics.median(figures), "Gbit/s", range=[min(figures), max(figures)])]


# ---------------------------------------------------------------------- many of them


class Watch:
    """The longest turn, in ms of this thread's own time: what others on the machine do is no pause of ours."""

    def __init__(self) -> None:
        self.longest: float = 0.0

    def time(self, work: Callable[[], None]) -> None:
        start = time.thread_time()
        work()
        self.longest = max(self.longest, (time.thread_time() - start) * 1e3)


def idle_connections(quick: bool) -> list[Row]:
    """Memory of each, the longest pause while they are made, and what a busy one costs among them."""
    count = 10_000 if quick else 100_000
    alone, crowd, watch = idle.Ends(), idle.Ends(count), Watch()
    crowd.open_some(10)
    before = idle.resident()
    with without_pauses():
        made = 0
        while made < count:
            address = ADDRESSES[made * len(ADDRESSES) // count]
            watch.time(lambda address=address: crowd.open_some(10, address))  # type: ignore[misc]
            made += 10
    crowd.turn(idle.QUIET)
    each = (idle.resident() - before) / (2 * count)
    assert len(crowd.server.connections) == count + 10
    gc.freeze()
    costs: dict[idle.Ends, list[float]] = {alone: [], crowd: []}
    for _ in range(5):
        for ends, times in costs.items():
            times.append(segment_cost(ends))
    ratio = statistics.median(costs[crowd]) / statistics.median(costs[alone])
    return [
        row("mem_idle", each, "bytes", n=2 * count, pause_ms=watch.longest),
        row("seg_100k", ratio, "ratio", n=count, cpu=statistics.median(costs[crowd]) * 1e6),
    ]


def segment_cost(ends: idle.Ends) -> float:
    """CPU seconds of a segment with one byte: both ends, and the echo."""
    if not hasattr(ends, "busy"):
        ends.busy = ends.open(ADDRESSES[0])  # type: ignore[attr-defined]
        ends.turn(10)
    busy: Connection = ends.busy  # type: ignore[attr-defined]
    start = time.thread_time()
    for _ in range(SEGMENTS):
        busy.send(b"?", ends.now)
        ends.turn(2)
    return (time.thread_time() - start) / (2 * SEGMENTS)


def time_wait(quick: bool) -> list[Row]:
    """Connections that are opened and closed, faster than TIME-WAIT passes; their memory and the longest pause."""
    count = 20_000 if quick else 1_000_000

    def close(c: Connection) -> None:
        if c.eof and not c.released:
            c.close(pair.now)

    pair, watch = Pair(close, backlog=1000), Watch()
    # Enough addresses for a port of each.
    addresses = [f"10.1.{index // 200}.{index % 200 + 1}" for index in range(count // 20_000 + 2)]
    pair.server.addresses = type(pair.server.addresses)(addresses)

    def some(address: str) -> None:
        opened = [pair.open(address) for _ in range(20)]
        pair.turn(2)
        for c in opened:
            c.close(pair.now)
        pair.turn(2)
        pair.held.clear()
        # As fast as a machine could: so none has waited for long enough.
        pair.now -= 4 * MILLISECOND - 20_000

    some(addresses[-1])
    before = idle.resident()
    with without_pauses():
        for made in range(0, count, 20):
            address = addresses[made // 20_000]
            watch.time(lambda address=address: some(address))  # type: ignore[misc]
    waiting = len(pair.client.time_wait) - 20
    assert waiting == count, f"{waiting} entries wait, not {count}"
    return [row("mem_tw", (idle.resident() - before) / count, "bytes", n=count, pause_ms=watch.longest)]


# ---------------------------------------------------------------------- the simulator


class Line:
    """Two hosts on a line of 100 Mbit/s. Each packet has at most 1500 bytes, and is built, checksummed and parsed; with
    offload super-segments travel in one piece, and nobody computes the checksum of what they carry."""

    def __init__(
        self,
        seed: int,
        delay: int,
        offload: bool = False,
        ends: tuple[str, str] = ("10.0.0.1", "10.0.0.2"),
        config: Config = MODERN,
        **cable: float,
    ) -> None:
        self.network = Network(seed, recording=False)
        self.client = self.network.host("client", ends[0], offload=offload, config=config)
        self.server = self.network.host("server", ends[1], offload=offload, config=config)
        self.network.connect(self.client, self.server, delay=delay, rate=100_000_000, **cable)  # type: ignore[arg-type]
        self._remote = ends[1]
        self.client.on_event, self.server.on_event = self._at_client, self._at_server
        self._listener = self.server.stack.listen(80)

    def open(self) -> Connection:
        return self.client.stack.open((self._remote, 80), self.network.clock.now)

    def _at_client(self, watched: Watched) -> None:
        assert isinstance(watched, Connection)
        self.write(watched, self.network.clock.now)

    def _at_server(self, watched: Watched) -> None:
        if watched is self._listener:
            self.server.stack.accept(self._listener)
        elif isinstance(watched, Connection):
            now = self.network.clock.now
            while watched.receive_some(now):
                pass
            if watched.eof and not watched.released:
                watched.close(now)
                self.closed()

    def write(self, c: Connection, now: int) -> None:
        """The client's connection may have room."""

    def closed(self) -> None:
        """The server has closed one."""


class Bulk(Line):
    """One connection that is always busy."""

    _rest = b""

    def write(self, c: Connection, now: int) -> None:
        while True:
            block = self._rest or BLOCK
            self._rest = block[c.send(block, now) :]
            if self._rest:
                return


class Conversations(Line):
    """Open, 1 KB, close, one after the other."""

    done = 0
    data = bytes(1000)

    def write(self, c: Connection, now: int) -> None:
        if c.state is ESTABLISHED and not c.released:
            c.send(self.data, now)
            c.close(now)

    def closed(self) -> None:
        self.done += 1
        self.open()


def packets(case: str, offload: bool, quick: bool) -> list[Row]:
    """Packets per second of real time through two full stacks; a super-segment counts for those that it stands for."""
    figures = []
    for seed in range(3 if quick else 7):
        line = Bulk(seed, 5 * MILLISECOND, offload)
        line.open()
        start = time.perf_counter()
        line.network.run_until((1 if quick else 5) * 1000 * MILLISECOND)
        elapsed = time.perf_counter() - start
        figures.append(sum(host.stack.counters["OutSegs"] for host in (line.client, line.server)) / elapsed)
    return [row(case, statistics.median(figures), "packets/s", range=[min(figures), max(figures)])]


def conversations(quick: bool) -> list[Row]:
    """How many per second of real time."""
    figures = []
    total = 200 if quick else 2000
    for seed in range(3 if quick else 7):
        line = Conversations(seed, MILLISECOND)
        line.open()
        start = time.perf_counter()
        while line.done < total:
            line.network.step()
        figures.append(total / (time.perf_counter() - start))
    return [row("sim_conn", statistics.median(figures), "1/s", range=[min(figures), max(figures)])]


CASES: Final[dict[str, Callable[[bool], list[Row]]]] = {
    "memory_super": lambda quick: memory("memory_super", MEMORY_OFFLOAD, quick),
    "memory_mtu": lambda quick: memory("memory_mtu", NO_OFFLOAD, quick),
    "mem_idle": idle_connections,
    "mem_tw": time_wait,
    "sim_pps": lambda quick: packets("sim_pps", True, quick),
    "sim_pps_mtu": lambda quick: packets("sim_pps_mtu", False, quick),
    "sim_conn": conversations,
}

if __name__ == "__main__":
    print(json.dumps(CASES[sys.argv[1]](sys.argv[2] == "quick")))  # noqa: T201
