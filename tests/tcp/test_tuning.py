"""How large a receive buffer has to be, as arithmetic: the object alone."""

from __future__ import annotations

import pytest

from estab.tcp.config import MILLISECOND, MODERN
from estab.tcp.tuning import ReceiveTuning, window_for

MS = MILLISECOND
LOW = MODERN.receive_low_rtt


@pytest.mark.parametrize(
    ("read", "previous", "window"),
    [
        (131_072, 65_536, 786_432),
        (131_072, 120_000, 310_518),
        (131_072, 0, 262_144),
    ],
    ids=["doubled", "grown a little", "a short path"],
)
def test_what_a_round_trip_calls_for(read, previous, window):
    assert window_for(read, previous) == window


def timed(rtt: int, previous: int) -> ReceiveTuning:
    """The first round trip begins now, at 0."""
    tuning = ReceiveTuning(previous, LOW)
    tuning.on_echo(1, rtt, 0)
    assert not tuning.on_read(1 << 30, 0)
    return tuning


@pytest.mark.parametrize("read", [65_536, 60_000, 0])
def test_no_more_than_before_changes_nothing_and_begins_anew(read):
    tuning = timed(50 * MS, 65_536)
    assert tuning.on_read(read, 50 * MS)
    assert tuning.conclude(0, 0, 50 * MS) == 0
    assert (tuning.read, tuning.begun, tuning.previous) == (0, 50 * MS, 65_536)


def test_nothing_ends_before_a_round_trip_has_passed():
    tuning = timed(50 * MS, 1000)
    assert not tuning.on_read(5000, 50 * MS - 1)
    assert tuning.on_read(5000, 50 * MS)
    assert tuning.conclude(0, 0, 50 * MS) == window_for(10_000, 1000)
    assert tuning.previous == 10_000


def test_nothing_ends_before_there_is_a_round_trip():
    tuning = ReceiveTuning(1000, LOW)
    assert not tuning.on_read(1 << 30, 1000 * MS)
    tuning.on_echo(1, 50 * MS, 1000 * MS)
    assert not tuning.on_read(1 << 30, 2000 * MS)
    assert not tuning.on_read(1 << 30, 2050 * MS - 1)


def test_what_took_longer_counts_for_as_much_as_a_round_trip_brings():
    tuning = timed(50 * MS, 1000)
    assert tuning.on_read(40_000, 200 * MS)
    assert tuning.conclude(0, 0, 200 * MS) == window_for(10_000, 1000)


def test_what_is_left_unread_says_that_the_reader_is_the_slower_one():
    tuning = timed(50 * MS, 10_000)
    assert tuning.on_read(30_000, 50 * MS)
    assert tuning.conclude(20_000, 0, 50 * MS) == 0


def test_what_came_out_of_order_needs_room_as_well():
    tuning = timed(50 * MS, 10_000)
    tuning.on_read(20_000, 50 * MS)
    assert tuning.conclude(0, 7000, 50 * MS) == window_for(20_000, 10_000) + 7000


def test_echoes_are_averaged():
    tuning = ReceiveTuning(1000, LOW)
    tuning.on_echo(1, 80 * MS, 0)
    tuning.on_echo(2, 160 * MS, 0)
    assert tuning.rtt == 90 * MS
    tuning.on_echo(3, 10 * MS, 0)
    assert tuning.rtt == 80 * MS


def test_without_timestamps_the_shortest_time_until_something_beyond_the_window_counts():
    tuning = ReceiveTuning(1000, LOW)
    tuning.on_arrival(0, 10_000, 5 * MS)
    tuning.on_arrival(10_000, 20_000, 30 * MS)
    assert tuning.rtt == 0
    tuning.on_arrival(10_001, 20_000, 45 * MS)
    assert tuning.rtt == 40 * MS
    tuning.on_arrival(20_001, 30_000, 145 * MS)
    assert tuning.rtt == 40 * MS
    tuning.on_arrival(30_001, 40_000, 165 * MS)
    assert tuning.rtt == 20 * MS


def short(previous: int) -> ReceiveTuning:
    """A round trip has been shorter than a tick."""
    tuning = ReceiveTuning(previous, LOW)
    tuning.on_echo(1, 0, 0)
    assert tuning.rtt == MS
    assert not tuning.on_read(1 << 30, 0)
    return tuning


def test_on_a_short_path_twice_what_a_millisecond_brings_is_enough():
    """20 Gbit/s."""
    tuning = short(65_536)
    assert tuning.on_read(2_500_000, MS)
    assert tuning.conclude(0, 0, MS) == 5_000_000


def test_on_a_short_path_a_queue_calls_for_nothing():
    tuning = short(65_536)
    for tick in range(100):
        tuning.on_echo(2 + tick, 100 * MS, 0)
    assert tuning.rtt > 90 * MS
    assert tuning.on_read(4_000_000, 100 * MS)
    assert tuning.conclude(0, 0, 100 * MS) == 0


def test_on_a_short_path_the_rate_between_two_standstills_counts():
    tuning = short(65_536)
    for tick in range(100):
        tuning.on_echo(2 + tick, 20 * MS, 0)
    assert tuning.on_read(65_536, 20 * MS)
    assert tuning.conclude(0, 0, 20 * MS) == 0
    assert not tuning.on_read(65_536, 20 * MS + MS // 2)
    assert tuning.on_read(65_536, 21 * MS)
    assert tuning.conclude(0, 0, 21 * MS) == 2 * 131_072


def test_without_timestamps_a_short_path_is_known_by_its_windows():
    tuning = ReceiveTuning(1000, LOW)
    tuning.on_arrival(0, 10_000, 0)
    tuning.on_arrival(10_001, 20_000, MS - 1)
    assert tuning.path.bound == LOW
