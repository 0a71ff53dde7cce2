"""The link that faults happen on."""

from __future__ import annotations

import io
from random import Random

import pytest

from estab.faults.corruption import corruption
from estab.faults.delay import Delay
from estab.faults.duplication import duplication
from estab.faults.hops import hops
from estab.faults.link import RETRY, FaultyLink
from estab.faults.loss import loss
from estab.faults.path_mtu import path_mtu
from estab.faults.rate import RateLimit
from estab.faults.reordering import reordering
from estab.faults.verdict import PASS, Deliver, Drop, Duplicate, Fault, Verdict
from estab.links.conformance import check_link
from estab.links.memory import memory_pair
from estab.links.tap import PcapngTap
from estab.links.tun import TunLink
from estab.wire import icmp, ip, tcp
from estab.wire.link import FULL_OFFLOAD, NO_OFFLOAD, Offload
from estab.wire.packet import Checksum, Packet, ParseError
from tests.faults.samples import V4, V6, Bench, datagram, payload
from tests.netns import isolated_with_tun

DELAYS = [[], [Delay(5_000_000)], [Delay(100, 100), hops(3), Delay(7)]]


@pytest.mark.parametrize("offload", [FULL_OFFLOAD, NO_OFFLOAD])
@pytest.mark.parametrize("faults", DELAYS)
def test_conforms(offload: Offload, faults: list[Fault]) -> None:
    def pair() -> tuple[FaultyLink, FaultyLink]:
        left, right = memory_pair(offload=offload)
        return (
            FaultyLink(left, faults, rng=Random(1)),
            FaultyLink(right, into=[Delay(1000, 500)], rng=Random(2)),
        )

    check_link(pair)


@isolated_with_tun
def test_conforms_around_a_device() -> None:
    def pair() -> tuple[FaultyLink, TunLink]:
        with open("/proc/sys/net/ipv4/ip_forward", "w") as switch:
            switch.write("1")
        left = TunLink.create("left", ["10.1.0.1/24"])
        right = TunLink.create("right", ["10.2.0.1/24"], offload=False)
        return FaultyLink(left, [Delay(3_000_000)], rng=Random(1)), right

    check_link(pair, source="10.1.0.2", destination="10.2.0.2")


def test_without_faults_everything_is_delivered_at_once() -> None:
    bench = Bench()
    bench.send(b"a", b"b")
    assert bench.arrivals() == [(0, b"a"), (0, b"b")]
    bench.far.send([datagram(b"back")], 0)
    assert [payload(packet) for packet in bench.link.receive(5, 9)] == [b"back"]
    assert bench.heard == [(0, "out", "delivered"), (0, "out", "delivered"), (5, "in", "delivered")]


@pytest.mark.parametrize("ends", [V4, V6])
@pytest.mark.parametrize("checksum", [Checksum.PARTIAL, Checksum.VERIFIED])
def test_super_packets_become_real_ones(ends: tuple[bytes, bytes], checksum: Checksum) -> None:
    """Both ways, and also where the link only vouched for a checksum that is not there."""
    segment = tcp.Segment(5, 6, tcp.ACK | tcp.PSH, 100, (b"x" * 3333,))
    segment.segment_size = 1000
    packet = tcp.build(segment, *ends, partial=True)
    packet.checksum = checksum
    left, right = memory_pair()
    link = FaultyLink(left, rng=Random(1))
    assert link.offload == NO_OFFLOAD
    assert link.send([packet], 0) == 1
    right.send([packet], 0)
    for arrived in (right.receive(0, 99), link.receive(0, 99)):
        assert [piece.checksum for piece in arrived] == [Checksum.RAW] * 4
        found = []
        for piece in arrived:
            piece = Packet(piece.tobytes())
            ip.parse(piece)
            found.append(tcp.parse(piece))
        assert [(piece.seq, piece.length) for piece in found] == [(5, 1000), (1005, 1000), (2005, 1000), (3005, 333)]


def test_super_packets_pass_a_whole_link_as_they_are() -> None:
    """Each counts for its packets on the line: three headers, and 2000 bytes."""
    segment = tcp.Segment(5, 6, tcp.ACK, 100, (bytes(2000),))
    segment.segment_size = 900
    packet = tcp.build(segment, *V4, partial=True)
    left, right = memory_pair()
    link = FaultyLink(left, [duplication(1.0), RateLimit(8_000_000, 9000)], rng=Random(1), whole=True)
    assert link.offload == left.offload
    link.send([packet], 0)
    assert link.next_deadline() == 1000 * (2000 + 3 * 40)
    link.receive(10**9, 9)
    arrived = right.receive(10**9, 9)
    assert [(each.checksum, each.segment_size, each.segments) for each in arrived] == [(Checksum.PARTIAL, 900, 3)] * 2
    right.send(arrived, 10**9)
    assert link.receive(10**9, 9) == arrived


def test_a_delay_names_its_time_and_keeps_it_when_the_pump_is_late() -> None:
    bench = Bench(Delay(1000), Delay(500))
    bench.send(b"a", now=10)
    assert bench.link.next_deadline() == 1010
    bench.link.receive(1009, 9)
    assert bench.far.receive(1009, 9) == []
    bench.link.receive(1010, 9)
    assert bench.link.next_deadline() == 1510
    bench.link.receive(9999, 9)
    assert bench.heard == [(1510, "out", "delivered")]
    assert bench.link.next_deadline() is None
    assert len(bench.far.receive(9999, 9)) == 1


def test_faults_of_both_directions_are_apart() -> None:
    bench = Bench(loss(1.0), into=(Delay(70),))
    bench.send(b"never")
    bench.far.send([datagram(b"back")], 0)
    assert bench.link.receive(0, 9) == []
    assert bench.link.next_deadline() == 70
    assert [payload(packet) for packet in bench.link.receive(70, 9)] == [b"back"]
    assert bench.far.receive(70, 9) == []
    assert bench.heard == [(0, "out", "lost"), (70, "in", "delivered")]


def test_a_fault_sees_each_copy_at_its_time_and_only_what_the_one_before_let_through() -> None:
    seen: list[tuple[int, bytes]] = []

    def spy(packet: Packet, now: int, rng: Random) -> Verdict:
        seen.append((now, payload(packet)))
        return PASS

    def double_b(packet: Packet, now: int, rng: Random) -> Verdict:
        return {b"a": Drop(), b"b": Duplicate((0, 40)), b"c": Deliver(20)}.get(payload(packet), PASS)

    bench = Bench(double_b, spy)
    bench.send(b"a", b"b", b"c", b"d")
    assert bench.arrivals() == [(0, b"b"), (0, b"b"), (0, b"d"), (20, b"c"), (40, b"b")]
    assert seen == [(0, b"b"), (0, b"b"), (0, b"d"), (20, b"c"), (40, b"b")]
    assert bench.fates == ["lost", "delivered", "duplicate", "delivered", "delayed", "duplicate"]


def test_copies_are_packets_of_their_own() -> None:
    bench = Bench(duplication(1.0))
    bench.send(b"twice")
    first, second = bench.far.receive(0, 9)
    first.head = b"changed"
    assert payload(second) == b"twice"


def test_every_copy_has_one_fate() -> None:
    bench = Bench(loss(0.2), duplication(0.3), corruption(0.1), reordering(0.2, 500), RateLimit(8_000_000_000, 4000))
    for number in range(300):
        bench.send(bytes(100), now=100 * number)
    arrived = len(bench.arrivals(30_000))
    lost = sum(fate in {"lost", "queue full"} for fate in bench.fates)
    assert arrived + lost == len(bench.heard) > 300
    assert set(bench.fates) == {"delivered", "lost", "duplicate", "corrupted", "delayed", "queue full"}


def test_same_seed_same_bytes() -> None:
    def run(seed: int) -> list[tuple[int, bytes]]:
        bench = Bench(loss(0.1), duplication(0.1, delay=9), corruption(0.1), Delay(5000, 3000, False), seed=seed)
        for number in range(200):
            bench.send(bytes([number]) * 50, now=100 * number)
        return bench.arrivals(20_000)

    assert run(1) == run(1) != run(2)


def test_a_corrupted_packet_is_caught_by_a_checksum() -> None:
    bench = Bench(corruption(1.0))
    caught = 0
    for number in range(100):
        bench.send(bytes(200), now=number)
    for packet in bench.far.receive(0, 1000):
        try:
            ip.parse(packet)
            assert packet.tobytes()[28:] == bytes(200)
        except (ParseError, AssertionError):
            caught += 1
    assert caught > 90


def test_an_icmp_error_goes_back_past_the_faults() -> None:
    bench = Bench(path_mtu(600), into=(loss(1.0),))
    bench.send(bytes(1000), now=7)
    assert bench.link.next_deadline() == 7
    (reply,) = bench.link.receive(7, 9)
    ip.parse(reply)
    assert icmp.parse(reply).mtu == 600
    assert bench.heard == [(7, "out", "too big"), (7, "in", "reply")]
    assert bench.far.receive(7, 9) == []


def test_an_error_about_what_came_in_is_sent_out() -> None:
    bench = Bench(loss(1.0), into=(hops(64),))
    bench.far.send([datagram(b"too far")], 0)
    assert bench.link.receive(0, 9) == []
    (reply,) = bench.far.receive(0, 9)
    ip.parse(reply)
    assert reply.dst == V4[0]


def test_no_more_than_there_is_room_for_and_the_rest_is_announced() -> None:
    bench = Bench(into=(duplication(1.0, copies=3),))
    bench.far.send([datagram(b"x")], 0)
    assert len(bench.link.receive(3, 1)) == 1
    assert bench.link.next_deadline() == 3
    assert bench.link.receive(4, 0) == []
    assert len(bench.link.receive(4, 99)) == 3
    assert bench.link.next_deadline() is None


def test_what_is_held_has_a_limit() -> None:
    bench = Bench(Delay(100), limit=3)
    bench.send(*[b"x"] * 5)
    assert bench.fates == ["overflow", "overflow"]
    assert len(bench.arrivals()) == 3
    bench = Bench(into=(duplication(1.0, copies=9),), limit=3)
    bench.far.send([datagram(b"x")], 0)
    assert len(bench.link.receive(0, 1)) == 1
    assert bench.fates.count("overflow") == 7


def test_a_full_link_is_offered_again_later() -> None:
    inner, far = memory_pair(limit=2)
    link = FaultyLink(inner, [], rng=Random(1))
    packets = [datagram(bytes([number])) for number in range(4)]
    assert link.send(packets, 10) == 4
    assert link.send(packets, 11) == 0
    assert link.next_deadline() == 11 + RETRY
    assert [payload(packet) for packet in far.receive(12, 9)] == [b"\0", b"\1"]
    assert link.receive(11 + RETRY, 9) == []
    assert [payload(packet) for packet in far.receive(13, 9)] == [b"\2", b"\3"]
    assert link.next_deadline() is None


def test_what_was_held_when_the_pipe_broke_still_arrives() -> None:
    bench = Bench(into=(Delay(50),))
    bench.far.send([datagram(b"last")], 0)
    bench.link.receive(0, 9)
    bench.far.close()
    assert bench.link.receive(10, 9) == []
    assert [payload(packet) for packet in bench.link.receive(50, 9)] == [b"last"]
    with pytest.raises(BrokenPipeError):
        bench.link.receive(51, 9)


def test_garbage_passes() -> None:
    bench = Bench(loss(0.0), hops(2), path_mtu(500), corruption(0.5))
    for data in (b"", b"\x45", bytes(3), b"\x60" * 20, b"\xff" * 100):
        for checksum in Checksum:
            assert bench.link.send([Packet(data, checksum=checksum, segment_size=checksum)], 0) == 1
    assert len(bench.far.receive(0, 99)) == 15


def test_wrappers_of_wrappers_pass_the_callback_on() -> None:
    left, right = memory_pair()
    link = FaultyLink(PcapngTap(left, io.BytesIO()), rng=Random(1))
    called: list[bool] = []
    link.on_ready = lambda: called.append(True)
    right.send([datagram(b"x")], 0)
    assert called == [True]
    assert link.on_ready is left.on_ready
    assert (link.mtu, link.fileno()) == (left.mtu, left.fileno())


def test_a_restored_link_goes_on_as_the_first_would_have() -> None:
    def make() -> Bench:
        return Bench(duplication(0.5, delay=70), Delay(500, 300), RateLimit(1_000_000_000, 10_000))

    first, second, shift = make(), make(), 1_000_000
    for number in range(20):
        first.send(bytes([number]) * 10, now=30 * number)
    first.far.receive(600, 99)
    saved = first.link.snapshot(600)
    hash(saved)
    second.link.restore(saved, 600 + shift)
    assert second.link.snapshot(600 + shift) == saved
    # The generator is not part of the snapshot.
    second.link._rng.setstate(first.link._rng.getstate())
    expected = first.arrivals(600)
    assert len(expected) > 10
    assert [(time - shift, data) for time, data in second.arrivals(600 + shift)] == expected
