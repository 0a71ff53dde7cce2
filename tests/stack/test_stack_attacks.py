"""What an attacker may try against a whole stack: floods and forged addresses."""

from __future__ import annotations

import random

import pytest

from estab.stack.snapshot import origins, restore, take
from estab.stack.stack import Stack
from estab.tcp.config import MODERN, SECOND, Config
from estab.tcp.connection import Connection
from estab.tcp.states import State
from estab.wire import ip, tcp
from estab.wire.address import parse_address
from estab.wire.options import Options
from estab.wire.packet import Packet
from estab.wire.tcp import ACK, RST, SYN, Segment
from tests.conversation import Conversation
from tests.tcp import states
from tests.tcp.states import reach

OURS = {4: parse_address("10.0.0.1"), 6: parse_address("fd00::1")}
PEER = {4: parse_address("10.0.0.2"), 6: parse_address("fd00::2")}
SMALL = MODERN.but(backlog_half_open=16)


def make(config: Config = MODERN, addresses=("10.0.0.1/24", "fd00::1/64")) -> Stack:
    return Stack(config, addresses=addresses, rng=random.Random(1))


def packet(segment: Segment, source: bytes, destination: bytes, ports: tuple[int, int] = (4000, 80)) -> Packet:
    segment.source_port, segment.destination_port = ports
    return Packet(tcp.build(segment, source, destination).tobytes())


def syn(source: bytes, destination: bytes, ports: tuple[int, int] = (4000, 80), seq: int = 1) -> Packet:
    return packet(Segment(seq, 0, SYN, 65_535, (), Options(mss=1460)), source, destination, ports)


def answers(stack: Stack, now: int = 0) -> list[Segment]:
    found = []
    while packets := stack.transmit(now):
        for each in packets:
            again = Packet(each.tobytes())
            ip.parse(again)
            found.append(tcp.parse(again))
    return found


def spoofed(number: int, version: int) -> bytes:
    base = int.from_bytes(parse_address("192.0.2.0" if version == 4 else "2001:db8::"), "big")
    return (base + number).to_bytes(4 if version == 4 else 16, "big")


# ---------------------------------------------------------------------- SYN flood (CVE-1999-0116, RFC 4987)


@pytest.mark.req("RFC4987-01", "RFC4987-02", "RFC4987-04")
@pytest.mark.parametrize("version", [4, 6])
def test_a_syn_flood_is_bounded_and_a_client_gets_in(version):
    stack = make(SMALL)
    listener = stack.listen(80)
    for number in range(2000):
        stack.receive([syn(spoofed(number, version), OURS[version])], number)
        assert len(answers(stack, number)) == 1, "one SYN-ACK for one SYN"
    assert len(stack.connections) == len(listener.half_open) == len(stack.embryos) == 16
    assert stack.counters["TCPReqQFullDrop"] == 2000 - 16
    assert not stack.busy

    stack.receive([syn(PEER[version], OURS[version], seq=77)], 5000)
    (answer,) = answers(stack, 5000)
    assert (answer.flags, answer.ack) == (SYN | ACK, 78)
    stack.receive([packet(Segment(78, answer.seq + 1, ACK, 65_535), PEER[version], OURS[version])], 5001)
    c = stack.accept(listener)
    assert c is not None
    assert c.state is State.ESTABLISHED


@pytest.mark.req("RFC4987-03")
def test_the_flood_ends_in_silence():
    """Nobody answers: a SYN-ACK is repeated a few times, then everything is gone."""
    stack = make(SMALL)
    stack.listen(80)
    for number in range(16):
        stack.receive([syn(spoofed(number, 4), OURS[4])], 0)
    sent = len(answers(stack))
    for _ in range(1000):
        at = stack.next_deadline()
        if at is None:
            break
        stack.advance(at)
        sent += len(answers(stack, at))
    assert sent == 16 * (1 + SMALL.syn_ack_retries)
    assert not stack.connections
    assert not stack.embryos


def test_a_flood_that_the_link_does_not_drain_holds_no_memory():
    """What was thrown out is not kept alive by the queue of those that have something to send."""
    stack = make(SMALL)
    stack.listen(80)
    for number in range(2000):
        stack.receive([syn(spoofed(number, 4), OURS[4])], number)
    assert len(stack.busy) <= 100
    assert len(answers(stack, 2000)) == 16


def test_a_flood_leaves_no_deadlines_behind():
    stack = make(SMALL)
    stack.listen(80)
    for number in range(2000):
        stack.receive([syn(spoofed(number, 4), OURS[4])], number)
        answers(stack, number)
    assert len(stack.deadlines.entries) <= 100


def test_a_distant_deadline_that_is_often_preceded_leaves_no_trail():
    """Keep-alive in two hours, and a delayed acknowledgement again and again before that."""
    stack = make(MODERN.but(keepalive=True))
    listener = stack.listen(80)
    stack.receive([syn(PEER[4], OURS[4])], 0)
    (answer,) = answers(stack)
    now = 0
    for number in range(500):
        segment = Segment(2 + number, answer.seq + 1, ACK, 65_535, (b"x",))
        stack.receive([packet(segment, PEER[4], OURS[4])], now)
        answers(stack, now)
        now += SECOND // 10
        stack.advance(now)
        answers(stack, now)
    assert len(stack.deadlines.entries) <= 100
    c = stack.accept(listener)
    assert c is not None
    assert len(c.receive(1000, now)) == 500
    assert stack.next_deadline() <= 2 * 3600 * SECOND + now


def test_resets_for_nobody_are_bounded():
    stack = make(MODERN.but(replies_owed=10))
    for number in range(100):
        stack.receive([syn(spoofed(number, 4), OURS[4], ports=(1, 9))], 0)
    assert len(answers(stack)) == 10
    assert stack.counters["RepliesDropped"] == 90


def test_a_full_accept_queue_takes_nobody_and_forgets_nobody():
    stack = make()
    listener = stack.listen(80, backlog=1)
    first, second = (4000, 80), (4001, 80)
    stack.receive([syn(PEER[4], OURS[4], first), syn(PEER[4], OURS[4], second)], 0)
    one, two = answers(stack)
    for ports, answer in ((first, one), (second, two)):
        stack.receive([packet(Segment(2, answer.seq + 1, ACK, 65_535), PEER[4], OURS[4], ports)], 0)
    assert stack.counters["TCPAcceptQueueFull"] == 1
    assert listener.ready == 1
    assert stack.accept(listener) is not None
    stack.receive([packet(Segment(2, two.seq + 1, ACK, 65_535), PEER[4], OURS[4], second)], 1)
    assert listener.ready == 1


def test_a_reset_counts_although_the_accept_queue_is_full():
    stack = make()
    stack.listen(80, backlog=1)
    first, second = (4000, 80), (4001, 80)
    stack.receive([syn(PEER[4], OURS[4], first), syn(PEER[4], OURS[4], second)], 0)
    one, _ = answers(stack)
    stack.receive([packet(Segment(2, one.seq + 1, ACK, 65_535), PEER[4], OURS[4], first)], 0)
    stack.receive([packet(Segment(2, 0, RST, 0), PEER[4], OURS[4], second)], 0)
    answers(stack)
    assert len(stack.connections) == 1


# ---------------------------------------------------------------------- LAND, and addresses of no host


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("flags", [SYN, ACK, SYN | ACK, RST, 0])
@pytest.mark.parametrize("everything", [False, True])
def test_land(version, flags, everything):
    """CVE-1999-0016: from our address and port to the same, from the link."""
    stack = make(addresses=("0.0.0.0/0", "::/0")) if everything else make()
    stack.listen(80)
    stack.receive([packet(Segment(1, 1, flags, 65_535), OURS[version], OURS[version], (80, 80))], 0)
    assert answers(stack) == []
    assert not stack.connections
    assert stack.counters["IpInSourceErrors"] == 1


@pytest.mark.parametrize("place", states.PLACES, ids=str)
@pytest.mark.parametrize("v6", [False, True])
def test_land_in_every_state(place, v6):
    t = Conversation(v6=v6)
    reach(t, place)
    for port in t.ports:
        t.inject_bytes(packet(Segment(t.irs, t.iss, SYN, 65_535), t.ours, t.ours, (port, port)).tobytes())
    t.expect_nothing()
    assert t.stack.counters["IpInSourceErrors"] == 2


@pytest.mark.req("RFC9293-MUST-63")
@pytest.mark.parametrize("source", ["255.255.255.255", "224.0.0.1", "0.0.0.0", "127.0.0.1", "10.0.0.255", "10.0.0.1"])
@pytest.mark.parametrize("flags", [SYN, ACK])
def test_nobody_speaks_from_there(source, flags):
    """RFC 9293 MUST-63."""
    stack = make()
    stack.listen(80)
    stack.receive([packet(Segment(1, 1, flags, 65_535), parse_address(source), OURS[4])], 0)
    assert answers(stack) == []
    assert stack.counters["IpInSourceErrors"] == 1


@pytest.mark.parametrize("source", ["ff02::1", "::", "::1", "fd00::1"])
def test_nobody_speaks_from_there_v6(source):
    stack = make()
    stack.listen(80)
    stack.receive([syn(parse_address(source), OURS[6])], 0)
    assert answers(stack) == []
    assert stack.counters["IpInSourceErrors"] == 1


@pytest.mark.req("RFC9293-MUST-57")
@pytest.mark.parametrize("destination", ["255.255.255.255", "224.0.0.1", "0.0.0.0", "10.0.0.255"])
@pytest.mark.parametrize("flags", [SYN, ACK])
@pytest.mark.parametrize("everything", [False, True])
def test_a_segment_to_everybody_is_for_nobody(destination, flags, everything):
    """RFC 9293 MUST-57."""
    stack = make(addresses=("0.0.0.0/0", "10.0.0.1/24") if everything else ("10.0.0.1/24",))
    stack.listen(80)
    stack.receive([packet(Segment(1, 1, flags, 65_535), PEER[4], parse_address(destination))], 0)
    assert answers(stack) == []
    assert not stack.connections
    assert stack.counters["IpInAddrErrors"] == 1


@pytest.mark.parametrize("destination", ["ff02::1", "ff0e::1", "::"])
def test_a_segment_to_everybody_is_for_nobody_v6(destination):
    stack = make(addresses=("::/0",))
    stack.listen(80)
    stack.receive([syn(PEER[6], parse_address(destination))], 0)
    assert answers(stack) == []
    assert stack.counters["IpInAddrErrors"] == 1


# ---------------------------------------------------------------------- peers that hold on (CVE-2008-4609, Netkill)


def stalled(stack: Stack, number: int, now: int = 0) -> Connection:
    """A client that has asked, shuts its window and takes nothing; the server has answered and closed."""
    client, (listener,) = spoofed(number, 4), stack.listeners[80]
    stack.receive([syn(client, OURS[4])], now)
    answer = answers(stack, now)[-1]
    stack.receive([packet(Segment(2, answer.seq + 1, ACK, 0), client, OURS[4])], now)
    c = stack.accept(listener)
    assert c is not None
    c.send(bytes(10_000), now)
    c.close(now)
    return c


def test_what_the_application_has_closed_is_bounded():
    """The one that has waited longest is told that it is over; whoever is served is left alone."""
    stack = make(MODERN.but(orphans=16))
    stack.listen(80)
    served = stack.open((PEER[4], 9), 0)
    held = [stalled(stack, number) for number in range(16)]
    assert stack.counters["TCPAbortOnMemory"] == 0
    for number in range(16, 19):
        held.append(stalled(stack, number))
        (reset,) = answers(stack)
        assert reset.flags & RST
    assert [c.state for c in held[:3]] == [State.CLOSED] * 3
    assert {c.state for c in held[3:]} == {State.FIN_WAIT_1}
    assert stack.counters["TCPAbortOnMemory"] == 3
    assert len(stack.connections) == 17
    assert served.state is State.SYN_SENT


def test_who_has_finished_takes_no_place():
    stack = make(MODERN.but(orphans=1))
    stack.listen(80)
    stalled(stack, 1).abort(0)
    answers(stack)
    assert stalled(stack, 2).state is State.FIN_WAIT_1
    assert stack.counters["TCPAbortOnMemory"] == 0


def test_a_restored_stack_knows_who_has_waited_longest():
    config = MODERN.but(orphans=2)
    stack, again = make(config), make(config)
    stack.listen(80)
    first, second = stalled(stack, 2), stalled(stack, 1)
    answers(stack)
    restore(again, take(stack, 0), 0, origins(stack))
    stalled(again, 3)
    answers(again)
    assert first.key not in again.connections
    assert second.key in again.connections
