"""Delivery-rate samples by computed numbers."""

import pytest

from estab.tcp.config import MILLISECOND
from estab.tcp.delivery import DeliveryRate, RateSample, Stamp
from estab.tcp.snapshot import Origin

MS = MILLISECOND
SIZE = 1460


def send(rate: DeliveryRate, *instants: int, in_flight: int = 0) -> list[Stamp]:
    return [rate.on_sent(at * MS, SIZE, in_flight + SIZE * n) for n, at in enumerate(instants)]


def acknowledge(rate: DeliveryRate, stamps: list[Stamp], at: int, min_rtt: int = 0) -> RateSample:
    for stamp in stamps:
        rate.on_delivered(stamp, SIZE, at * MS)
    sample = rate.sample(at * MS, min_rtt * MS)
    assert sample is not None
    return sample


def test_each_sample_covers_the_flight_of_what_it_acknowledges() -> None:
    rate = DeliveryRate()
    stamps = send(rate, 0, 10, 20)
    samples = [acknowledge(rate, [stamp], at) for stamp, at in zip(stamps, (100, 120, 140), strict=True)]
    assert [(s.delivered, s.interval // MS, s.rate) for s in samples] == [
        (1460, 100, 14_600),
        (2920, 120, 24_333),
        (4380, 140, 31_285),
    ]


def test_the_longer_of_sending_and_acknowledging_counts() -> None:
    rate = DeliveryRate()
    a = send(rate, 0, 10, 20, 30)
    acknowledge(rate, a[:1], 100)
    b = send(rate, 100, 110, 120, 130, in_flight=3 * SIZE)
    first = acknowledge(rate, a[1:], 160)
    assert (first.interval, first.rate) == (160 * MS, 36_500)
    second = acknowledge(rate, b, 200)
    assert (second.delivered, second.interval, second.rate) == (10_220, 130 * MS, 78_615)


def test_what_is_sent_while_the_application_is_slow_is_marked() -> None:
    rate = DeliveryRate()
    (first,) = send(rate, 0)
    rate.mark_app_limited(SIZE)
    assert rate.app_limited_until == SIZE
    (second,) = send(rate, 5, in_flight=SIZE)
    assert not acknowledge(rate, [first], 40).app_limited
    assert rate.app_limited_until == SIZE
    assert acknowledge(rate, [second], 45).app_limited
    assert rate.app_limited_until == 0


def test_an_application_that_has_sent_nothing_yet_is_slow_too() -> None:
    rate = DeliveryRate()
    rate.mark_app_limited(0)
    assert send(rate, 0)[0].app_limited


def test_no_sample_without_a_delivery() -> None:
    rate = DeliveryRate()
    send(rate, 0)
    assert rate.sample(MS, 0) is None


def test_faster_than_the_path_is_not_believed() -> None:
    """The acknowledgement of the first transmission meets the stamp of the second."""
    rate = DeliveryRate()
    send(rate, 0)
    (again,) = send(rate, 100)
    assert acknowledge(rate, [again], 105, min_rtt=40).rate == 0


def test_no_time_at_all_is_no_rate() -> None:
    rate = DeliveryRate()
    assert acknowledge(rate, send(rate, 7), 7).rate == 0


def test_the_order_in_which_ranges_are_reported_does_not_matter() -> None:
    samples = []
    for order in (1, -1):
        rate = DeliveryRate()
        samples.append(acknowledge(rate, send(rate, 0, 10, 20)[::order], 100))
    assert samples[0] == samples[1]


def test_a_loss_knows_what_was_under_way_and_what_was_lost_since() -> None:
    rate = DeliveryRate(sack=False)
    stamps = send(rate, 0, 1, 2)
    first = rate.on_lost(stamps[0], 1000, 1000 + SIZE)
    assert (first.start, first.end, first.in_flight, first.lost, first.sack) == (1000, 2460, SIZE, SIZE, False)
    (late,) = send(rate, 3, in_flight=2 * SIZE)
    assert rate.on_lost(stamps[1], 2460, 3920).lost == 2 * SIZE
    assert rate.on_lost(late, 5380, 6840).lost == 2 * SIZE
    sample = acknowledge(rate, [stamps[2]], 50)
    assert (sample.in_flight, sample.lost) == (3 * SIZE, 3 * SIZE)


def test_after_silence_the_flight_begins_anew() -> None:
    rate = DeliveryRate()
    acknowledge(rate, send(rate, 0), 50)
    sample = acknowledge(rate, send(rate, 5000), 5050)
    assert (sample.interval, sample.rate) == (50 * MS, 29_200)
    assert (sample.prior_delivered, sample.total) == (SIZE, 2 * SIZE)


@pytest.mark.parametrize("later", [0, 3600 * 1000])
def test_stamps_and_rate_there_and_back(later) -> None:
    rate = DeliveryRate()
    stamps = send(rate, 0, 10, 20)
    acknowledge(rate, stamps[:1], 100)
    origin, other = Origin(110 * MS, 0, 0), Origin((110 + later) * MS, 0, 0)
    twin = DeliveryRate()
    twin.restore(rate.snapshot(origin), other)
    kept = [stamp.snapshot(origin).restore(other) for stamp in stamps[1:]]
    assert acknowledge(twin, kept, 140 + later) == acknowledge(rate, stamps[1:], 140)
