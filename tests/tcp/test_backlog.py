"""How many connections may wait, and who decides: RFC 4987 §3, and the hook of a listener."""

import random

import pytest

from estab.stack.listener import Decision
from estab.stack.stack import Stack
from estab.tcp.config import MODERN
from estab.wire import tcp
from estab.wire.address import parse_address
from estab.wire.packet import Packet
from estab.wire.tcp import Segment
from tests.conversation import ACK, RST, SECOND, SYN

OURS = parse_address("10.0.0.1")


class Crowd:
    """Many peers and one stack."""

    def __init__(self, config=MODERN) -> None:
        self.stack = Stack(
            config, addresses=["10.0.0.1/24", "fd00::1/64"], rng=random.Random(1), isn=lambda key, now: 1000
        )
        self.now = 0
        self.out: list[tuple[int, int]] = []

    def inject(self, peer: int, flags: int, seq: int, ack: int = 0, data: bytes = b"") -> None:
        segment = Segment(seq, ack, flags, 65_535, (data,) if data else ())
        segment.source_port, segment.destination_port = peer, 80
        self.stack.receive([Packet(tcp.build(segment, parse_address("10.0.0.2"), OURS).tobytes())], self.now)

        self.collect()

    def collect(self) -> None:
        for packet in self.stack.transmit(self.now, 64):
            raw = packet.tobytes()
            self.out.append((int.from_bytes(raw[22:24], "big"), raw[33]))

    def sent(self) -> list[tuple[int, int]]:
        """(peer, flags) of what went out since the last call."""
        self.collect()
        found, self.out = self.out, []
        return found

    def states(self) -> dict[int, str]:
        return {c.remote_port: c.state.value for c in self.stack.connections.values()}


def test_a_full_accept_queue_takes_no_syn():
    crowd = Crowd()
    crowd.stack.listen(80, backlog=1)
    crowd.inject(1, SYN, 0)
    crowd.inject(1, ACK, 1, 1001)
    crowd.sent()
    crowd.inject(2, SYN, 0)
    assert crowd.sent() == []
    assert crowd.stack.counters["ListenOverflows"] == 1


def test_the_last_ack_is_ignored_and_completed_later():
    """The peer believes in the connection; what it sends next, or our SYN-ACK again, completes it."""
    crowd = Crowd()
    listener = crowd.stack.listen(80, backlog=1)
    for peer in (1, 2):
        crowd.inject(peer, SYN, 0)
    crowd.sent()
    for peer in (1, 2):
        crowd.inject(peer, ACK, 1, 1001)
    assert crowd.states() == {1: "ESTABLISHED", 2: "SYN-RECEIVED"}
    crowd.now = SECOND
    crowd.stack.advance(crowd.now)
    assert crowd.sent() == [(2, SYN | ACK)]
    assert crowd.stack.accept(listener).remote_port == 1
    crowd.inject(2, ACK, 1, 1001, b"hello")
    c = crowd.stack.accept(listener)
    assert c.remote_port == 2
    assert c.receive(100, crowd.now) == b"hello"


@pytest.mark.req("RFC4987-01")
def test_half_open_connections_are_limited():
    """The oldest gives way, so a flood never keeps a real client out (RFC 4987 §3.3)."""
    crowd = Crowd(MODERN.but(backlog_half_open=3))
    listener = crowd.stack.listen(80)
    for peer in range(1, 11):
        crowd.inject(peer, SYN, 0)
    crowd.sent()
    assert set(crowd.states()) == {8, 9, 10}
    assert set(listener.half_open) == set(crowd.stack.connections)
    assert crowd.stack.counters["TCPReqQFullDrop"] == 7
    crowd.inject(10, ACK, 1, 1001)
    assert crowd.stack.accept(listener).remote_port == 10


def test_who_was_evicted_is_told():
    crowd = Crowd(MODERN.but(backlog_half_open=1))
    crowd.stack.listen(80)
    crowd.inject(1, SYN, 0)
    crowd.inject(2, SYN, 0)
    crowd.sent()
    crowd.inject(1, ACK, 1, 1001)
    assert crowd.sent() == [(1, RST)]


def test_accepted_in_the_order_of_completion():
    crowd = Crowd()
    listener = crowd.stack.listen(80)
    for peer in (1, 2, 3):
        crowd.inject(peer, SYN, 0)
    for peer in (3, 1, 2):
        crowd.inject(peer, ACK, 1, 1001)
    assert [crowd.stack.accept(listener).remote_port for _ in range(3)] == [3, 1, 2]
    assert crowd.stack.accept(listener) is None


def test_a_connection_that_dies_in_the_queue_is_not_accepted():
    crowd = Crowd()
    listener = crowd.stack.listen(80)
    crowd.inject(1, SYN, 0)
    crowd.inject(1, ACK, 1, 1001)
    crowd.inject(1, RST, 1)
    crowd.sent()
    assert crowd.stack.accept(listener) is None
    assert not crowd.stack.embryos


def test_the_number_of_connections_is_limited():
    crowd = Crowd(MODERN.but(connections=2))
    crowd.stack.listen(80)
    for peer in (1, 2, 3):
        crowd.inject(peer, SYN, 0)
    assert len(crowd.stack.connections) == 2
    with pytest.raises(OSError, match="too many"):
        crowd.stack.open(("10.0.0.2", 80), 0)


@pytest.mark.parametrize(
    ("decision", "answers"),
    [(Decision.ACCEPT, [(1, SYN | ACK)]), (Decision.REFUSE, [(1, RST | ACK)]), (Decision.DROP, [])],
)
def test_the_hook_decides(decision, answers):
    crowd = Crowd()
    asked = []

    def decide(syn):
        asked.append((syn.local, syn.remote))
        return decision

    crowd.stack.listen(80, decide=decide)
    crowd.inject(1, SYN, 0)
    assert crowd.sent() == answers
    assert asked == [((OURS, 80), (parse_address("10.0.0.2"), 1))]


def test_stopping_resets_whoever_waits():
    crowd = Crowd()
    listener = crowd.stack.listen(80)
    for peer in (1, 2, 3):
        crowd.inject(peer, SYN, 0)
    crowd.inject(1, ACK, 1, 1001)
    crowd.inject(2, ACK, 1, 1001)
    kept = crowd.stack.accept(listener)
    crowd.sent()
    crowd.stack.stop_listening(listener, crowd.now)
    assert sorted(peer for peer, flags in crowd.sent() if flags & RST) == [2, 3]
    assert kept.state.value == "ESTABLISHED"
    assert set(crowd.states()) == {1}
    assert not crowd.stack.embryos
    crowd.inject(4, SYN, 0)
    assert crowd.sent() == [(4, RST | ACK)]


@pytest.mark.req("RFC9293-MUST-41", "RFC9293-MUST-42")
def test_listening_beside_an_opening():
    """RFC 9293 MUST-41, MUST-42: neither disturbs the other."""
    crowd = Crowd()
    c = crowd.stack.open(("10.0.0.2", 9), 0, local=("10.0.0.1", 80))
    listener = crowd.stack.listen(80)
    crowd.inject(1, SYN, 0)
    crowd.inject(1, ACK, 1, 1001)
    assert crowd.stack.accept(listener).remote_port == 1
    assert c.state.value == "SYN-SENT"
    crowd.inject(9, SYN | ACK, 0, 1001)
    assert c.state.value == "ESTABLISHED"
