"""ECN between two stacks over a bottleneck that marks: no loss, and the line is full."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

from estab.faults.path import Line, Path
from estab.faults.verdict import PASS, Drop, Fault, Replace, Verdict
from estab.sim import Network, SimHost
from estab.stack.listener import Listener
from estab.stack.stack import Watched
from estab.tcp.config import MILLISECOND, MODERN, SECOND, Config, Ecn
from estab.tcp.congestion import CONTROLS
from estab.tcp.connection import Connection
from estab.wire import ip
from estab.wire.packet import ECN_CE, ECN_NOT_ECT, Packet
from estab.wire.tcp import CWR, SYN

RATE = 20_000_000
DELAY = 10 * MILLISECOND
PIPE = RATE // 8 * 2 * DELAY // SECOND
"""Bytes that fill the path."""
AMOUNT = 5_000_000
KINDS = pytest.mark.parametrize("ecn", [Ecn.ASK, Ecn.ACCURATE])
CAPABLE = sorted(name for name in CONTROLS if CONTROLS[name].ecn_capable)


class Sink:
    """Accepts one connection and reads what comes."""

    def __init__(self, host: SimHost, network: Network) -> None:
        self.received: int = 0
        self.connection: Connection | None = None
        self._stack = host.stack
        self._clock = network.clock
        host.on_event = self._look
        self._stack.listen(80)

    def _look(self, watched: Watched) -> None:
        if isinstance(watched, Listener):
            while (accepted := self._stack.accept(watched)) is not None:
                self.connection = accepted
                self._look(accepted)
        elif isinstance(watched, Connection):
            while data := watched.receive(1 << 20, self._clock.now):
                self.received += len(data)


class Flow:
    """``amount`` bytes over the path, and what there was to see."""

    def __init__(
        self, line: Line, config: Config, *faults: Fault, amount: int = AMOUNT, into: Sequence[Fault] = ()
    ) -> None:
        network = Network(1, recording=False)
        self.a = network.host("a", "10.0.0.1/24", config=config)
        self.b = network.host("b", "10.0.0.2/24", config=config)
        network.connect(self.a, self.b, path=Path(line, Line(delay=DELAY)), out=faults, into=into)
        self.sink = Sink(self.b, network)
        self.c = self.a.stack.open(("10.0.0.2", 80), network.clock.now)
        assert network.run(lambda: self.c.state.value == "ESTABLISHED", 10 * SECOND)
        begun = network.clock.now
        self.c.send(bytes(amount), begun)
        assert network.run(lambda: self.sink.received == amount, 600 * SECOND)
        self.seconds: float = (network.clock.now - begun) / SECOND
        assert network.run(lambda: not self.c.board.ranges, 10 * SECOND)
        self.again: int = self.a.stack.counters["RetransSegs"]

    @property
    def marks(self) -> int:
        """Packets that came with CE."""
        assert self.sink.connection is not None
        assert self.sink.connection.ecn is not None
        return self.sink.connection.ecn.marked


def asking(name: str, ecn: Ecn) -> Config:
    return MODERN.but(ecn=ecn, congestion=name, send_buffer=2 * AMOUNT)


MARKING = Line(rate=RATE, delay=DELAY, queue=20 * PIPE, mark=PIPE)


@pytest.mark.req("RFC9293-SHLD-8")
@KINDS
@pytest.mark.parametrize("name", CAPABLE)
def test_a_marking_bottleneck_is_filled_without_a_loss(name, ecn) -> None:
    """The queue would hold twenty round trips, and grows to a few: marks are heard."""
    flow = Flow(MARKING, asking(name, ecn))
    assert flow.again == 0
    assert flow.marks > 0
    assert flow.a.stack.counters["TCPECNReduced"] > 2
    assert flow.seconds < 1.1 * AMOUNT * 8 / RATE
    assert flow.c.rtt.srtt < 4 * 2 * DELAY


@pytest.mark.parametrize("name", CAPABLE)
def test_without_ecn_the_same_path_fills_its_queue(name) -> None:
    """What the marks were for: the flow sees them not, and the round trip grows until the window or a loss ends it."""
    flow = Flow(MARKING, asking(name, Ecn.ACCEPT))
    assert flow.sink.connection.ecn is None
    assert "TCPECNReduced" not in flow.a.stack.counters
    assert flow.c.rtt.srtt > 4 * 2 * DELAY or flow.again > 0


@KINDS
@pytest.mark.parametrize("name", sorted(CONTROLS))
def test_a_short_marking_queue_costs_some_rate_and_no_packet(name, ecn) -> None:
    """Marked from an eighth of the pipe on; a control that does not know marks is none the worse for having agreed."""
    flow = Flow(Line(rate=RATE, delay=DELAY, queue=4 * PIPE, mark=PIPE // 8), asking(name, ecn))
    if name in CAPABLE:
        assert flow.again == 0
    assert flow.seconds < 1.4 * AMOUNT * 8 / RATE


def remark(codepoint: int) -> Fault:
    """A router that writes over the ECN field of everything."""

    def write(packet: Packet, now: int, rng: Random) -> Verdict:
        changed = bytearray(packet.tobytes())
        changed[1] = changed[1] & 0xFC | codepoint
        changed[10:12] = bytes(2)
        head = (changed[0] & 15) * 4
        total = sum(int.from_bytes(changed[at : at + 2], "big") for at in range(0, head, 2))
        changed[10:12] = (0xFFFF - (total % 0xFFFF or 0xFFFF)).to_bytes(2, "big")
        made = Packet(bytes(changed))
        ip.parse(made)
        return Replace(made, "remarked")

    return write


@KINDS
@pytest.mark.parametrize("name", CAPABLE)
def test_a_path_that_bleaches_is_a_path_without_ecn(name, ecn) -> None:
    flow = Flow(MARKING, asking(name, ecn), remark(ECN_NOT_ECT))
    assert flow.marks == 0
    assert flow.seconds < 1.3 * AMOUNT * 8 / RATE


@KINDS
@pytest.mark.parametrize("name", CAPABLE)
def test_a_path_that_marks_everything_is_slow_for_a_while(name, ecn) -> None:
    """The answer is ever less, until it is clear that it changes nothing."""
    flow = Flow(Line(rate=RATE, delay=DELAY), asking(name, ecn), remark(ECN_CE))
    assert flow.again == 0
    assert flow.a.stack.counters["TCPECNMangled"] >= 1
    assert flow.seconds < AMOUNT * 8 / RATE + 10


def drop_asking(packet: Packet, now: int, rng: Random) -> Verdict:
    """A filter that drops SYNs with unusual flags."""
    flags = packet.tobytes()[33]
    return Drop("unusual") if flags & SYN and flags & CWR else PASS


@KINDS
def test_a_path_that_drops_syns_with_flags_is_opened_without(ecn) -> None:
    flow = Flow(Line(delay=DELAY), asking("newreno", ecn), drop_asking, amount=100_000)
    assert flow.c.ecn is None
    assert flow.a.stack.counters["TCPTimeouts"] == (1 if ecn is Ecn.ASK else 2)


@KINDS
@pytest.mark.parametrize("name", CAPABLE)
def test_marks_and_losses_together(name, ecn) -> None:
    flow = Flow(Line(rate=RATE, delay=DELAY, queue=20 * PIPE, mark=PIPE, loss=0.002), asking(name, ecn))
    assert flow.again > 0
    assert flow.marks > 0
    assert "TCPTimeouts" not in flow.a.stack.counters


def test_what_the_sender_was_told_is_what_the_receiver_saw() -> None:
    """RFC 9768: packet by packet, although acknowledgements are few and the counter has three bits."""
    flow = Flow(MARKING, asking("newreno", Ecn.ACCURATE))
    assert flow.marks > 20
    assert flow.c.ecn.told_packets - 5 == flow.marks


def test_a_loss_of_acknowledgements_hides_no_marks() -> None:
    """Both counters are totals, and the bytes say when the packets have wrapped."""

    def some(packet: Packet, now: int, rng: Random) -> Verdict:
        return Drop("thinned") if rng.random() < 0.3 else PASS

    flow = Flow(MARKING, asking("newreno", Ecn.ACCURATE), into=[some])
    assert flow.marks > 20
    assert flow.c.ecn.told_packets - 5 == flow.marks
