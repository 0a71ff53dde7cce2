"""The path: its settings, its two directions, and what changes on it at a time."""

from __future__ import annotations

from random import Random

import pytest

from estab.faults.burst import BurstLoss
from estab.faults.changing import Changing, ChangingRate
from estab.faults.delay import Delay
from estab.faults.loss import loss
from estab.faults.marking import marking
from estab.faults.mask import LossMask
from estab.faults.path import Change, Line, Path, bandwidth_delay, faults
from estab.faults.rate import RateLimit
from estab.faults.verdict import PASS, Deliver, Drop, Fault, Replace
from estab.links.memory import memory_pair
from estab.wire import ip, udp
from estab.wire.link import NO_OFFLOAD
from estab.wire.packet import ECN_CE, ECN_ECT0, ECN_ECT1, ECN_NOT_ECT, Packet
from tests.faults.samples import SECOND, V4, V6, Bench, datagram, payload

MS = 1_000_000
SIZE = 128
"""Bytes of ``PACKET``."""
PACKET = datagram(bytes(100))


def ect(codepoint: int, ends: tuple[bytes, bytes] = V4) -> Packet:
    """As it comes from a wire."""
    packet = udp.build(*ends, 1000, 2000, bytes(100))
    head = bytearray(packet.tobytes())
    if len(ends[0]) == 4:
        head[1] |= codepoint
        head[10:12] = ((int.from_bytes(head[10:12], "big") - codepoint) % 65535).to_bytes(2, "big")
    else:
        head[1] |= codepoint << 4
    return Packet(bytes(head))


def due(fault: Fault, *times: int) -> list[int | None]:
    """When packets that come at these times go on; None: they are lost."""
    rng = Random(1)
    verdicts = [fault(PACKET, now, rng) for now in times]
    return [verdict.at if isinstance(verdict, Deliver) else None for verdict in verdicts]


# ---------------------------------------------------------------------- marks


@pytest.mark.parametrize("ends", [V4, V6])
@pytest.mark.parametrize("codepoint", [ECN_ECT0, ECN_ECT1])
def test_a_mark_changes_the_codepoint_and_the_header_stays_valid(ends: tuple[bytes, bytes], codepoint: int) -> None:
    verdict = marking(1000, lambda now: 1001)(ect(codepoint, ends), 0, Random(1))
    assert isinstance(verdict, Replace)
    ip.parse(verdict.packet)
    assert verdict.packet.ecn == ECN_CE
    assert verdict.packet.tobytes()[-108:] == ect(codepoint, ends).tobytes()[-108:]


@pytest.mark.parametrize(
    ("packet", "backlog"),
    [
        (ect(ECN_ECT0), 1000),
        (ect(ECN_NOT_ECT), 1001),
        (ect(ECN_CE), 1001),
        (ect(ECN_NOT_ECT, V6), 1001),
        (Packet(b"\x45"), 1001),
        (Packet(b"\x60" + bytes(30)), 1001),
        (Packet(bytes(40)), 1001),
    ],
)
def test_what_is_not_marked(packet: Packet, backlog: int) -> None:
    assert marking(1000, lambda now: backlog)(packet, 0, Random(1)) == PASS


def test_marks_begin_above_the_threshold_in_bytes_of_queue() -> None:
    bench = Bench(*faults([(0, Line(rate=1_024_000, mark=3 * SIZE))]))
    bench.link.send([ect(ECN_ECT0) for _ in range(6)], 0)
    codepoints = []
    while (at := bench.link.next_deadline()) is not None:
        bench.link.receive(at, 10)
        for packet in bench.far.receive(at, 10):
            ip.parse(packet)
            codepoints.append(packet.ecn)
    assert codepoints == [ECN_ECT0] * 4 + [ECN_CE] * 2


# ---------------------------------------------------------------------- changes


def test_bits_leave_at_the_rate_of_their_moment() -> None:
    """1 ms a packet, from 2.5 ms on 4 ms, from 8 ms on 1 ms again: the third is half done when the line slows down."""
    rate = ChangingRate(
        [(0, SIZE * 8_000, 8 * SIZE), (5 * MS // 2, SIZE * 2_000, 8 * SIZE), (8 * MS, SIZE * 8_000, 8 * SIZE)]
    )
    assert due(rate, *[0] * 6) == [1 * MS, 2 * MS, 9 * MS // 2, 65 * MS // 8, 73 * MS // 8, 81 * MS // 8]
    assert [rate.backlog(now) // SIZE for now in (0, 1 * MS, 5 * MS // 2, 9 * MS // 2, 11 * MS)] == [6, 5, 3, 3, 0]


def test_a_changing_rate_that_does_not_change_is_a_rate() -> None:
    times = [number * MS // 2 for number in range(50)]
    steady, changing = RateLimit(1_000_000, 500), ChangingRate([(0, 1_000_000, 500), (9 * MS, 1_000_000, 500)])
    assert due(changing, *times) == due(steady, *times)
    assert None in due(steady, *[0] * 10)


def test_a_queue_that_shrinks_drops_what_comes() -> None:
    rate = ChangingRate([(0, SIZE * 8_000, 8 * SIZE), (MS, SIZE * 8_000, 2 * SIZE)])
    assert due(rate, 0, 0, 0, 0, MS, 3 * MS) == [MS, 2 * MS, 3 * MS, 4 * MS, None, 5 * MS]


def test_what_a_fault_has_kept_passes_to_its_successor() -> None:
    changing = Changing([(0, LossMask(0b100)), (2, LossMask(0b100))])
    rng = Random(1)
    assert [changing(PACKET, now, rng) for now in range(4)] == [PASS, PASS, Drop(), PASS]


def test_faults_come_and_go() -> None:
    changing = Changing([(0, None), (10, loss(1.0)), (20, None), (30, BurstLoss(0, 1))])
    rng = Random(1)
    assert [changing(PACKET, now, rng) for now in (0, 9, 10, 19, 20, 35)] == [PASS, PASS, Drop(), Drop(), PASS, PASS]


def test_a_shorter_way_lets_nobody_overtake_unless_jitter_may() -> None:
    ordered = Changing([(0, Delay(100)), (10, Delay(20))])
    assert due(ordered, 0, 9, 10, 88, 90) == [100, 109, 109, 109, 110]
    free = Changing([(0, Delay(100, keep_order=False)), (10, Delay(20, keep_order=False))])
    assert due(free, 0, 9, 10) == [100, 109, 30]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Changing([(0, LossMask(0b11010)), (2, LossMask(0b11010))]),
        lambda: Changing([(0, None), (2, BurstLoss(0.5, 0.5))]),
        lambda: ChangingRate([(0, SIZE * 8_000, 8 * SIZE), (2, SIZE * 4_000, 8 * SIZE)]),
        lambda: Changing([(0, loss(0.5)), (2, None)]),
    ],
)
def test_what_was_restored_goes_on_as_if_nothing_had_happened(make) -> None:  # type: ignore[no-untyped-def]
    fault, rng = make(), Random(3)
    for now in range(3):
        fault(PACKET, now, rng)
    again, other = make(), Random()
    again.restore(fault.snapshot(3), 3)
    other.setstate(rng.getstate())
    assert [again(PACKET, now, other) for now in range(3, 20)] == [fault(PACKET, now, rng) for now in range(3, 20)]


@pytest.mark.parametrize("steps", [[], [(1, None), (0, None)]])
def test_steps_are_in_order(steps: list[tuple[int, None]]) -> None:
    with pytest.raises(ValueError, match="in order"):
        Changing(steps)


# ---------------------------------------------------------------------- the path


def crossing(
    path: Path, there: int, back: int, start: int = 0
) -> tuple[list[tuple[int, bytes]], list[tuple[int, bytes]]]:
    """When (after the start) what arrives at both ends, of so many packets sent at once into each."""
    (near, near_host), (far, far_host) = memory_pair(offload=NO_OFFLOAD), memory_pair(offload=NO_OFFLOAD)
    ends = path.between(near, far, start, (Random(1), Random(2)))
    ends[1].send([datagram(bytes([number])) for number in range(there)], start)
    ends[0].send([datagram(bytes([number])) for number in range(back)], start)
    found: tuple[list[tuple[int, bytes]], list[tuple[int, bytes]]] = ([], [])
    while at := min(filter(None, (end.next_deadline() for end in ends)), default=None):
        for end, host, arrivals in ((ends[1], far_host, found[0]), (ends[0], near_host, found[1])):
            end.receive(at, 100)
            arrivals += [(at - start, payload(packet)) for packet in host.receive(at, 100)]
    return found


def test_both_directions_behave_as_they_were_told() -> None:
    path = Path(Line(rate=29 * 8_000, delay=10 * MS), Line(delay=3 * MS, mask=0b10))
    there, back = crossing(path, 3, 3, 7 * SECOND)
    assert there == [(11 * MS, b"\0"), (12 * MS, b"\1"), (13 * MS, b"\2")]
    assert back == [(3 * MS, b"\0"), (3 * MS, b"\2")]


def test_back_is_as_there_unless_it_says_otherwise() -> None:
    there, back = crossing(Path(Line(delay=MS, mask=1)), 3, 3)
    assert there == back == [(MS, b"\1"), (MS, b"\2")]


def test_changes_are_counted_from_the_beginning_of_the_path() -> None:
    path = Path(Line(rate=29 * 8_000), changes=(Change(MS, Line(rate=29 * 4_000)),))
    assert [at for at, _ in crossing(path, 3, 0, 5 * SECOND)[0]] == [MS, 3 * MS, 5 * MS]


def test_everything_at_once() -> None:
    """The mask loses the first and third, the rest is doubled, and the copy of the second finds the queue full."""
    line = Line(rate=29 * 8_000, queue=29, delay=MS, mask=0b101, duplicate=1.0)
    bench = Bench(*faults([(0, line)]))
    bench.send(b"a", b"b", b"c")
    assert bench.arrivals() == [(2 * MS, b"b")]
    assert sorted(bench.fates) == ["delivered", "lost", "lost", "queue full"]


def test_jitter_with_and_without_reordering() -> None:
    for reorder in (False, True):
        bench = Bench(*faults([(0, Line(delay=20 * MS, jitter=10 * MS, reorder=reorder))]))
        bench.send(*[bytes([number]) for number in range(50)])
        order = [data for _, data in bench.arrivals()]
        assert (order == sorted(order)) is not reorder
        assert len(order) == 50


@pytest.mark.parametrize(
    "line",
    [
        {"rate": 0},
        {"rate": 1, "queue": 0},
        {"delay": -1},
        {"delay": 1, "jitter": 2},
        {"jitter": 2},
        {"loss": 1.1},
        {"burst": (0.1, 2)},
        {"mask": 1 << 64},
        {"duplicate": -0.1},
        {"mark": 100},
        {"mark": -1, "rate": 1},
    ],
)
def test_a_line_that_cannot_be(line: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Line(**line)  # type: ignore[arg-type]


def test_changes_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="into none"):
        Path(Line(rate=1), changes=(Change(1, Line()),))
    with pytest.raises(ValueError, match="in order"):
        Path(Line(loss=0.1), changes=(Change(2, Line()), Change(1, Line())))


def test_bandwidth_times_delay() -> None:
    assert bandwidth_delay(10_000_000, 100 * MS) == 125_000


def test_a_queue_and_the_way_behind_it_are_as_two_faults_in_a_row() -> None:
    line = Line(rate=1_000_000, queue=10 * SIZE, delay=5 * MS, jitter=2 * MS, reorder=True)
    together, apart = Bench(*faults([(0, line)])), Bench(RateLimit(1_000_000, 10 * SIZE), Delay(5 * MS, 2 * MS, False))
    for bench in (together, apart):
        bench.send(*[bytes([number]) for number in range(30)])
        bench.send(*[bytes([number]) for number in range(30)], now=MS)
    assert together.arrivals(MS) == apart.arrivals(MS)


def test_a_tandem_is_restored() -> None:
    line = Line(rate=1_000_000, queue=10 * SIZE, delay=5 * MS, jitter=2 * MS)
    (fault,), (again,) = faults([(0, line)]), faults([(0, line)])
    due(fault, *range(0, 5 * MS, MS))
    again.restore(fault.snapshot(5 * MS), 9 * MS)  # type: ignore[attr-defined]
    later = [None if at is None else at + 4 * MS for at in due(fault, 5 * MS, 5 * MS)]
    assert due(again, 9 * MS, 9 * MS) == later
