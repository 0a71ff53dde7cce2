"""Several flows of one control through one bottleneck, in virtual time: what each of them gets in the end.

The bottleneck is a tail-drop queue of one bandwidth-delay product. Flows start within two seconds, eight seconds pass,
a minute is measured. Their round-trip times differ by up to 5 % from flow to flow, on average; and within a flow the
time of a packet varies by 10 % up and down, in order, before the queue.

Why it varies: what is sent as acknowledgements come travels in clumps, one for each flow, and on a path of constant
times the clumps keep their places for good. The flow with the shorter round trip then arrives where the clump before it
has not ended yet, at the peak of the queue, and takes the losses round after round, whatever its window; the one with
the longer round trip arrives in the gap. That is a phase effect (Floyd and Jacobson, "On Traffic Phase Effects in
Packet-Switched Gateways"), and says nothing about the control: two CUBIC flows of round trips that differ by 1.9 ms got
6.3 and 3.3 Mbit/s, in all seeds in the order of their round trips; and 5.2 and 4.5 when paced, which leaves no
clumps. The authors' remedy, up to one packet's time on the line (1.2 ms) at random, is for flows that meet packet by
packet. What varies here is a fifth of the queue, and lets the clumps run into each other. How much it is matters: of
eight CUBIC flows the least even seed had an index of 0.84 with 1.2 ms, 0.93 with 4 ms, and 0.98 with the 8 ms of now.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final, NamedTuple

from estab.faults.path import Line, Path, bandwidth_delay
from estab.faults.verdict import Deliver, Verdict
from estab.sim import Network
from estab.stack.listener import Listener
from estab.stack.stack import Watched
from estab.tcp.config import MILLISECOND, MODERN, SECOND
from estab.tcp.connection import Connection
from estab.wire.packet import Packet

FLOWS: Final = (2, 4, 8)
SEEDS: Final = (1, 2, 3, 4, 5)

RATE: Final = 10_000_000
"""Bits per second of the bottleneck; its queue holds one bandwidth-delay product."""
RTT: Final = 40 * MILLISECOND
SPREAD: Final = 5
"""Round-trip times differ by so many percent from flow to flow, up and down."""
VARIATION: Final = 10
"""And from packet to packet."""
STARTS: Final = 2 * SECOND
"""The flows begin somewhere within this."""
BEFORE: Final = 10 * SECOND
MEASURED: Final = 60 * SECOND
_CHUNK: Final = bytes(1 << 16)
_PORT: Final = 80


def _percent(share: int) -> int:
    """Of the round-trip time (ns)."""
    return RTT * share // 100


class Race(NamedTuple):
    """Where it stands in the table."""

    control: str
    flows: int


class Detours:
    """Packets of some flows take longer: the ns by the port that they come from. And the time of each varies, in the
    order of its flow."""

    def __init__(self) -> None:
        self.longer: dict[int, int] = {}
        self._latest: dict[int, int] = {}

    def __call__(self, packet: Packet, now: int, rng: Random) -> Verdict:
        port = int.from_bytes(packet.head[20:22], "big")
        at = now + self.longer.get(port, 0) + rng.randrange(_percent(2 * VARIATION))
        self._latest[port] = at = max(at, self._latest.get(port, 0))
        return Deliver(at=at)


class Takers:
    """Accept and read whatever comes, and count it by the port that it comes from."""

    def __init__(self, network: Network) -> None:
        self.received: dict[int, int] = {}
        self._clock = network.clock
        self._stack = (host := network.host("target", "10.0.0.2/24")).stack
        self.host = host
        host.on_event = self._look
        self._stack.listen(_PORT)

    def _look(self, watched: Watched) -> None:
        if isinstance(watched, Listener):
            while (accepted := self._stack.accept(watched)) is not None:
                self._look(accepted)
        elif isinstance(watched, Connection):
            while data := watched.receive_some(self._clock.now):
                self.received[watched.remote_port] = self.received.get(watched.remote_port, 0) + len(data)


def shares(race: Race, seed: int, before: int = BEFORE, measured: int = MEASURED) -> list[float]:
    """What each flow gets, in Mbit/s of payload, over ``measured`` ns after ``before`` ns."""
    dice = Random(f"{seed} {race.flows}")
    network = Network(seed, recording=False)
    source = network.host("source", "10.0.0.1/24", config=MODERN.but(congestion=race.control))
    takers = Takers(network)
    detours = Detours()
    line = Line(RATE, bandwidth_delay(RATE, RTT), _percent(100 - SPREAD - VARIATION) // 2)
    network.connect(source, takers.host, path=Path(line), out=(detours,))
    begins = sorted(dice.randrange(STARTS) for _ in range(race.flows))

    def write(watched: Watched) -> None:
        if isinstance(watched, Connection):
            while watched.send(_CHUNK, network.clock.now) == len(_CHUNK):
                pass

    source.on_event = write
    ports = []
    for begin in begins:
        network.run_until(begin)
        flow = source.stack.open(("10.0.0.2", _PORT), begin)
        detours.longer[flow.local_port] = dice.randrange(_percent(2 * SPREAD))
        ports.append(flow.local_port)
        write(flow)
    network.run_until(before)
    then = dict(takers.received)
    network.run_until(before + measured)
    got = [takers.received.get(port, 0) - then.get(port, 0) for port in ports]
    return [8 * each * SECOND / measured / 1_000_000 for each in got]


def jain(values: Sequence[float]) -> float:
    """The fairness index of R. Jain: 1 when all get the same, 1/n when one gets all."""
    squares = sum(value * value for value in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 0.0
