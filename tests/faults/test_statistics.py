"""What each fault does to many packets under a seed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from random import Random

import pytest

from estab.faults.burst import BurstLoss
from estab.faults.corruption import corruption
from estab.faults.delay import Delay
from estab.faults.duplication import duplication
from estab.faults.loss import loss
from estab.faults.mask import LossMask
from estab.faults.rate import RateLimit
from estab.faults.reordering import reordering
from estab.faults.truncation import truncation
from estab.faults.verdict import Deliver, Drop, Duplicate, Pass, Replace
from estab.wire.packet import Packet
from tests.faults.samples import SECOND, datagram, kinds, verdicts

MANY = 4000


@pytest.mark.parametrize("chance", [0.0, 0.02, 0.5, 1.0])
def test_independent_loss(chance: float) -> None:
    lost = kinds(verdicts(loss(chance), MANY))[Drop]
    assert abs(lost - chance * MANY) <= 4 * (MANY * chance * (1 - chance)) ** 0.5


def test_bursts_are_as_long_and_as_frequent_as_they_should_be() -> None:
    found = [isinstance(verdict, Drop) for verdict in verdicts(BurstLoss(0.02, 0.25), 20_000)]
    bursts = [len(list(run)) for lost, run in groupby(found) if lost]
    assert sum(bursts) / len(bursts) == pytest.approx(1 / 0.25, rel=0.1)
    assert sum(found) / len(found) == pytest.approx(0.02 / 0.27, rel=0.1)


def test_a_bad_channel_may_lose_less_than_all() -> None:
    lost = kinds(verdicts(BurstLoss(1.0, 0.0, in_good=0.0, in_bad=0.3), MANY))[Drop]
    assert lost / MANY == pytest.approx(0.3, rel=0.1)


def test_the_mask_repeats_after_64() -> None:
    found = verdicts(LossMask(1 << 63 | 0b101), 128)
    assert [number for number, verdict in enumerate(found) if verdict == Drop()] == [0, 2, 63, 64, 66, 127]


def test_duplication() -> None:
    found = verdicts(duplication(0.25, copies=2, delay=7), MANY)
    assert kinds(found)[Duplicate] / MANY == pytest.approx(0.25, rel=0.1)
    assert {verdict for verdict in found if isinstance(verdict, Duplicate)} == {Duplicate((7, 14))}


def test_reordering() -> None:
    found = verdicts(reordering(0.1, 500), MANY)
    assert kinds(found)[Deliver] / MANY == pytest.approx(0.1, rel=0.15)
    assert {verdict for verdict in found if isinstance(verdict, Deliver)} == {Deliver(500)}


@pytest.mark.parametrize("keep_order", [True, False])
def test_jitter_spreads_and_keeps_order_only_if_asked(keep_order: bool) -> None:
    due = [verdict.at for verdict in verdicts(Delay(50_000, 20_000, keep_order), MANY)]
    took = [at - 1000 * number for number, at in enumerate(due)]
    assert (due == sorted(due)) is keep_order
    assert min(took) >= 30_000
    assert max(took) <= 70_000
    if not keep_order:
        assert sum(took) / MANY == pytest.approx(50_000, rel=0.02)
        assert max(took) - min(took) > 39_000


def test_corruption_flips_that_many_bits_in_a_copy() -> None:
    packet, rng, fault = datagram(bytes(100)), Random(1), corruption(1.0, bits=3)
    before = packet.tobytes()
    places = set()
    for _ in range(200):
        verdict = fault(packet, 0, rng)
        assert isinstance(verdict, Replace)
        flipped = int.from_bytes(before, "big") ^ int.from_bytes(verdict.packet.tobytes(), "big")
        assert flipped.bit_count() == 3
        places.add(flipped)
    assert packet.tobytes() == before
    assert len(places) > 190
    assert kinds(verdicts(corruption(0.2), MANY))[Replace] / MANY == pytest.approx(0.2, rel=0.1)


def test_truncation_leaves_a_beginning() -> None:
    before = datagram(bytes(100)).tobytes()
    lengths = set()
    for verdict in verdicts(truncation(1.0), MANY):
        assert isinstance(verdict, Replace)
        assert verdict.fate == "truncated"
        data = verdict.packet.tobytes()
        assert before.startswith(data)
        lengths.add(len(data))
    assert lengths == set(range(1, len(before)))
    assert truncation(1.0)(Packet(b"x"), 0, Random(1)) == Pass()


def test_the_rate_is_exact_over_time_and_the_queue_drops_its_tail() -> None:
    """128 bytes at 1 Mbit/s take 1.024 ms; one packet per µs comes, and 10 fit."""
    found = verdicts(RateLimit(1_000_000, queue=1280), 100)
    assert [verdict.at for verdict in found if isinstance(verdict, Deliver)] == [
        1_024_000 * number for number in range(1, 11)
    ]
    assert set(found[10:]) == {Drop("queue full")}


def test_a_line_is_never_faster_than_its_rate() -> None:
    fault, packet = RateLimit(3_000_007, queue=10**9), datagram(bytes(72))
    for _ in range(1000):
        verdict = fault(packet, 0, Random(1))
    assert isinstance(verdict, Deliver)
    assert verdict.at is not None
    assert 0 <= verdict.at - 1000 * 100 * 8 * SECOND / 3_000_007 < 1000


def test_an_idle_line_takes_a_packet_larger_than_its_queue() -> None:
    fault, packet = RateLimit(8 * SECOND, queue=10), datagram(bytes(72))
    assert fault(packet, 0, Random(1)) == Deliver(at=100, fate="")
    assert fault.backlog(40) == 60
    assert fault(packet, 99, Random(1)) == Drop("queue full")
    assert fault(packet, 100, Random(1)) == Deliver(at=200, fate="")


@pytest.mark.parametrize(
    "make",
    [
        lambda: loss(1.5),
        lambda: BurstLoss(0.1, -0.1),
        lambda: LossMask(1 << 64),
        lambda: duplication(0.1, copies=0),
        lambda: duplication(0.1, delay=-1),
        lambda: reordering(0.1, 0.5),
        lambda: Delay(5, jitter=6),
        lambda: corruption(0.1, bits=0),
        lambda: truncation(2),
        lambda: RateLimit(0, 1),
        lambda: RateLimit(1, 0),
    ],
)
def test_misuse_is_told_at_the_call(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"expected|no mask|larger than"):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: BurstLoss(0.3, 0.3),
        lambda: LossMask(0xF0F0),
        lambda: Delay(50_000, 40_000),
        lambda: RateLimit(100_000_000, 5000),
    ],
)
def test_a_restored_fault_goes_on_as_the_first_would_have(make: Callable[[], object]) -> None:
    first, second, packet, shift = make(), make(), datagram(bytes(100)), 123_456
    rng = Random(3)
    for number in range(37):
        first(packet, 1000 * number, rng)
    second.restore(first.snapshot(40_000), 40_000 + shift)
    twin = Random()
    twin.setstate(rng.getstate())
    for now in range(40_000, 80_000, 1000):
        left, right = first(packet, now, rng), second(packet, now + shift, twin)
        if isinstance(left, Deliver):
            assert right.at == left.at + shift
        else:
            assert right == left
