"""What reordering costs when nothing is lost, for each congestion control: RFC 8985 §6.2 step 4."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

from estab.faults.delay import Delay
from estab.faults.verdict import PASS, Deliver, Fault, Verdict
from estab.tcp.config import MODERN, SECOND
from estab.wire.packet import Packet
from tests.sim.sink import RTT, opened

RATE: Final = 10_000_000
QUEUE: Final = 1 << 18
"""A whole window, which is twice what the path holds: nothing is lost."""
CONFIG: Final = MODERN.but(send_buffer=1 << 22, receive_buffer=QUEUE)
DURATION: Final = 20 * SECOND


class Flow(NamedTuple):
    """What became of a transfer."""

    steady: float
    """Mbit/s of payload over the second half."""
    before: int
    """Packets sent twice until the path was known to reorder."""
    packets: int
    """What was received since then, in packets."""
    again: int
    """Packets sent twice since then."""


def late(chance: float) -> Fault:
    """Some packets take up to a quarter of a round trip longer than those around them."""

    def hold(packet: Packet, now: int, rng: Random) -> Verdict:
        return Deliver(rng.randrange(RTT // 4)) if rng.random() < chance else PASS

    return hold


WAYS: Final[dict[str, Callable[[], tuple[Fault, ...]]]] = {
    "in order": lambda: (),
    "1 % late": lambda: (late(0.01),),
    "10 % late": lambda: (late(0.1),),
    "50 % late": lambda: (late(0.5),),
    "any order": lambda: (Delay(RTT // 8, RTT // 8, keep_order=False),),
}
"""How packets come out of the line; in the last every packet takes a time of its own, up to a quarter longer."""


def flow(control: str, way: str, duration: int = DURATION) -> Flow:
    """One flow that always has something to send, for ``duration`` ns."""
    network, a, c, sink = opened(CONFIG.but(congestion=control), *WAYS[way](), rate=RATE, queue=QUEUE)
    counters = a.stack.counters
    begun = network.clock.now
    block = bytes(1 << 16)

    def write(_: object) -> None:
        while c.send(block, network.clock.now) == len(block):
            pass

    a.on_event = write
    write(c)
    network.run(lambda: c.rack.reordering, duration // 2)
    known, before = sink.received, counters["RetransSegs"]
    network.run_until(begun + duration // 2)
    half = sink.received
    network.run_until(begun + duration)
    steady = 8 * (sink.received - half) * SECOND / (duration // 2) / 1_000_000
    if not c.rack.reordering:
        known = before = 0
    return Flow(round(steady, 3), before, (sink.received - known) // c.mss, counters["RetransSegs"] - before)
