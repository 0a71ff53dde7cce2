"""RTT and RTO: RFC 6298 with worked numbers, RFC 7323 appendix G."""

import pytest

from estab.tcp.config import FREEBSD, LINUX, MILLISECOND, MODERN, RFC, SECOND
from estab.tcp.rtt import RttEstimator

MS = MILLISECOND


@pytest.mark.req("RFC6298-02", "RFC8961-01")
def test_before_any_sample_rto_is_one_second() -> None:
    assert RttEstimator(MODERN).rto == SECOND


@pytest.mark.req("RFC9293-MUST-18", "RFC6298-03")
def test_first_sample() -> None:
    rtt = RttEstimator(MODERN)
    rtt.on_sample(100 * MS, 0)
    assert (rtt.srtt, rtt.rttvar, rtt.rto) == (100 * MS, 50 * MS, 300 * MS)


@pytest.mark.req("RFC9293-MUST-18", "RFC6298-04", "RFC6298-05")
def test_variance_is_updated_before_the_mean() -> None:
    rtt = RttEstimator(MODERN)
    rtt.on_sample(100 * MS, 0)
    rtt.on_sample(120 * MS, 0)
    assert rtt.rttvar == 42_500_000  # 3/4 · 50 + 1/4 · |100 - 120|; with the new mean it would be 41.875
    assert rtt.srtt == 102_500_000
    assert rtt.rto == 272_500_000


def test_a_falling_sample() -> None:
    rtt = RttEstimator(MODERN)
    rtt.on_sample(100 * MS, 0)
    rtt.on_sample(20 * MS, 0)
    assert (rtt.srtt, rtt.rttvar) == (90 * MS, 57_500_000)


@pytest.mark.req("RFC6298-06")
@pytest.mark.parametrize(("config", "floor"), [(MODERN, 200 * MS), (RFC, SECOND)])
def test_floor(config, floor) -> None:
    rtt = RttEstimator(config)
    rtt.on_sample(1 * MS, 0)
    assert rtt.rto == floor


def test_as_in_linux_the_variance_never_counts_less_than_the_shortest_timeout() -> None:
    rtt = RttEstimator(LINUX)
    for _ in range(100):
        rtt.on_sample(100 * MS, 0)
    assert rtt.rto == 300 * MS


def test_as_in_freebsd_every_timeout_has_some_slop() -> None:
    rtt = RttEstimator(FREEBSD)
    rtt.on_sample(100 * MS, 0)
    assert rtt.rto == 500 * MS


@pytest.mark.req("RFC6298-10")
def test_constant_rtt_leaves_the_clock_granularity() -> None:
    rtt = RttEstimator(MODERN)
    for _ in range(200):
        rtt.on_sample(500 * MS, 0)
    assert rtt.rttvar == 0
    assert rtt.rto == 500 * MS + MODERN.clock_granularity


@pytest.mark.req("RFC6298-07", "RFC6298-14")
def test_backoff_doubles_until_the_cap_and_a_sample_ends_it() -> None:
    rtt = RttEstimator(MODERN)
    rtt.on_sample(SECOND, 0)
    seen = []
    for _ in range(7):
        seen.append(rtt.rto)
        rtt.on_timeout()
    assert seen == [3 * SECOND, 6 * SECOND, 12 * SECOND, 24 * SECOND, 48 * SECOND, 60 * SECOND, 60 * SECOND]
    rtt.on_sample(SECOND, 0)
    assert rtt.rto < 3 * SECOND


def test_backoff_does_not_grow_for_ever() -> None:
    rtt = RttEstimator(MODERN)
    for _ in range(10_000):
        rtt.on_timeout()
    assert rtt.backoff <= 64
    assert rtt.rto == MODERN.rto_maximum


def test_many_samples_a_round_trip_count_less() -> None:
    rtt = RttEstimator(MODERN)
    rtt.on_sample(100 * MS, 0)
    rtt.on_sample(180 * MS, 0, 10)
    assert rtt.srtt == 101 * MS
    assert rtt.rttvar == 50 * MS + 30 * MS // 40


@pytest.mark.req("RFC7323-20")
def test_ten_samples_a_round_trip_remember_as_long_as_one() -> None:
    """RFC 7323 appendix G: the history of the estimator does not depend on how often it is fed."""
    one, ten = RttEstimator(MODERN), RttEstimator(MODERN)
    one.on_sample(100 * MS, 0)
    ten.on_sample(100 * MS, 0)
    for _ in range(8):
        one.on_sample(200 * MS, 0)
        for _ in range(10):
            ten.on_sample(200 * MS, 0, 10)
    assert abs(one.srtt - ten.srtt) < 5 * MS


def test_handshake_with_a_lost_syn_starts_at_three_seconds() -> None:
    rtt = RttEstimator(MODERN)
    rtt.on_timeout()
    rtt.on_handshake(syn_retransmitted=True)
    assert rtt.rto == 3 * SECOND


def test_handshake_without_loss_keeps_the_initial_value() -> None:
    rtt = RttEstimator(MODERN)
    rtt.on_handshake(syn_retransmitted=False)
    assert rtt.rto == SECOND


def test_a_sample_is_worth_more_than_a_lost_syn() -> None:
    rtt = RttEstimator(MODERN)
    rtt.on_sample(100 * MS, 0)
    rtt.on_handshake(syn_retransmitted=True)
    assert rtt.rto == 300 * MS


@pytest.mark.req("RFC8985-05")
def test_the_least_round_trip_is_that_of_the_last_minutes() -> None:
    """RFC 8985 §6.2: a path that became longer is believed after a while."""
    rtt = RttEstimator(MODERN.but(min_rtt_window=100 * SECOND))
    rtt.on_sample(20 * MS, SECOND)
    for second in range(2, 51):
        rtt.on_sample(80 * MS, second * SECOND)
    assert rtt.min_rtt == 20 * MS
    for second in range(51, 101):
        rtt.on_sample(70 * MS, second * SECOND)
    assert rtt.min_rtt == 20 * MS
    rtt.on_sample(90 * MS, 101 * SECOND)
    assert rtt.min_rtt == 70 * MS
    rtt.on_sample(60 * MS, 102 * SECOND)
    assert rtt.min_rtt == 60 * MS, "a shorter one is believed at once"


def test_after_a_long_silence_nothing_before_it_counts() -> None:
    rtt = RttEstimator(MODERN.but(min_rtt_window=100 * SECOND))
    rtt.on_sample(20 * MS, SECOND)
    rtt.on_sample(90 * MS, 200 * SECOND)
    assert rtt.min_rtt == 90 * MS


def test_a_measurement_after_a_false_alarm_may_be_the_least() -> None:
    rtt = RttEstimator(MODERN)
    rtt.on_sample(90 * MS, SECOND)
    rtt.on_timeout()
    rtt.on_spurious_timeout(1000)
    rtt.relearn(50 * MS, 2 * SECOND)
    assert rtt.min_rtt == 50 * MS
    assert rtt.srtt == 92 * MS
