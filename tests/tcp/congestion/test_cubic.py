"""CUBIC by computed numbers: RFC 9438 §4, RFC 8511 §3."""

from __future__ import annotations

import pytest

from estab.tcp.config import MILLISECOND, MODERN, SECOND
from estab.tcp.congestion import Ack
from estab.tcp.congestion.cubic import Cubic, cube_root
from estab.tcp.congestion.hystart import DONE
from estab.tcp.snapshot import Origin

MS = MILLISECOND
MSS = 1_000_000
"""So large that a byte is a millionth of a segment: the numbers of the RFC are in segments."""
RTT = 100 * MS


def cubic(segments: float, **state: int) -> Cubic:
    control = Cubic(MODERN, MSS)
    control.cwnd = round(segments * MSS)
    control.hystart.phase = DONE
    for name, value in state.items():
        setattr(control, name, value)
    return control


def after_loss(segments: int = 100, **state: int) -> Cubic:
    """Lost at a window of so many segments; avoidance begins at time 0."""
    control = cubic(segments, **state)
    control.on_loss(-1, segments * MSS)
    control.on_ack(ack(0, delivered=0))
    return control


def ack(
    now: int,
    *,
    delivered: float = 1,
    limited: bool = True,
    recovering: bool = False,
    srtt: int = RTT,
    recovered: bool = False,
) -> Ack:
    return Ack(now, round(delivered * MSS), 0, None, limited, recovering, 0, srtt, recovered=recovered)


def near(value: int, segments: float, millionths: int = 2) -> bool:
    return abs(value - segments * MSS) <= millionths


@pytest.mark.parametrize("value", [0, 1, 7, 8, 9, 26, 27, 28, 999, 1000, 10**60 - 1, 10**60, 10**60 + 1, 3**90 - 1])
def test_cube_root(value) -> None:
    root = cube_root(value)
    assert root**3 <= value < (root + 1) ** 3


@pytest.mark.req("RFC9438-02", "RFC9438-08", "RFC9438-17")
def test_loss_in_slow_start() -> None:
    control = after_loss()
    assert control.cwnd == control.ssthresh == 70 * MSS
    assert control.w_max == control.cwnd_prior == 100 * MSS
    assert abs(control.k - 4_217_163_326) <= 1
    curve = [control._curve(t) for t in (0, control.k // 2, control.k, 2 * control.k)]
    assert all(near(w, s) for w, s in zip(curve, (70, 96.25, 100, 130), strict=True))


@pytest.mark.req("RFC9438-02", "RFC9438-03", "RFC9438-06", "RFC9438-07")
@pytest.mark.parametrize(
    ("at", "window", "expected"),
    [(500 * MS, 75, 75.080925), (3 * SECOND, 97, 97.025178), (6 * SECOND, 104, 104.0), (14 * SECOND, 300, 300.5)],
    ids=["concave", "near the maximum", "convex but above the curve", "at most half as much again"],
)
def test_one_acknowledgement_on_the_curve(at, window, expected) -> None:
    control = after_loss()
    control.cwnd = window * MSS
    control.on_ack(ack(at))
    assert near(control.cwnd, expected)


def test_an_acknowledgement_of_many_counts_for_all_up_to_the_target() -> None:
    control = after_loss()
    control.cwnd = 75 * MSS
    control.on_ack(ack(500 * MS, delivered=10))
    assert near(control.cwnd, 75.80925, 5)
    control.on_ack(ack(500 * MS, delivered=100))
    assert control.cwnd == control._curve(600 * MS)


@pytest.mark.req("RFC9438-04")
def test_where_reno_would_be_faster_the_window_is_reno_s() -> None:
    control = cubic(10, ssthresh=10 * MSS, w_max=14_285_700, cwnd_prior=14_285_700)
    control.on_ack(ack(0, delivered=0, srtt=10 * MS))
    for n in range(20):
        control.on_ack(ack(n * MS, srtt=10 * MS))
        assert control.cwnd == control.w_est
    assert near(control.cwnd, 11.010338, 20)


@pytest.mark.req("RFC9438-05")
def test_from_the_window_before_the_loss_on_alpha_is_one() -> None:
    control = cubic(14, ssthresh=10 * MSS, w_max=14_285_700, cwnd_prior=14_285_700)
    control.on_ack(ack(0, delivered=0, srtt=10 * MS))
    gains = []
    for _ in range(56):
        before, cwnd = control.w_est, control.cwnd
        control.on_ack(ack(0, srtt=10 * MS))
        gains.append((control.w_est - before) * cwnd / MSS / MSS)
    assert [round(gain, 4) for gain in gains] == [0.5294] * 8 + [1.0] * 48
    assert near(control.w_est, 17.339982, 60)


@pytest.mark.req("RFC9438-01")
def test_the_curve_counts_only_the_time_in_which_the_window_was_used() -> None:
    """RFC 9438 §4.2: t must not include time in which the application was the limit."""
    busy, lazy = after_loss(), after_loss()
    for at in (SECOND, 2 * SECOND):
        busy.on_ack(ack(at, delivered=50))
    lazy.on_ack(ack(SECOND, delivered=50))
    for at in range(2, 60):
        lazy.on_ack(ack(at * SECOND, limited=False))
    lazy.on_ack(ack(62 * SECOND, delivered=50))
    assert lazy.epoch == 60 * SECOND
    assert lazy.cwnd == busy.cwnd


def test_no_growth_in_recovery() -> None:
    control = cubic(100)
    control.on_loss(0, 100 * MSS)
    control.on_ack(ack(SECOND, delivered=50, recovering=True))
    assert (control.cwnd, control.epoch) == (70 * MSS, None)


def test_the_end_of_recovery_counts_for_later_growth_only() -> None:
    """As a stage begins W_est is the window (§4.3), and grows by what the first acknowledgement covers."""
    control = cubic(100)
    control.on_loss(0, 100 * MSS)
    control.on_ack(ack(SECOND, delivered=50, recovered=True))
    assert (control.cwnd, control.epoch) == (70 * MSS, SECOND)
    assert control.w_est == 70 * MSS + 9 * 50 * MSS // (17 * 70)


def test_the_end_of_a_timeouts_recovery_opens_nothing() -> None:
    control = cubic(100)
    control.on_timeout(0, 100 * MSS, True)
    control.on_ack(ack(SECOND, delivered=50, recovered=True))
    assert control.cwnd == MSS


@pytest.mark.req("RFC9438-12")
def test_a_flow_that_did_not_come_back_makes_room() -> None:
    control = cubic(80, w_max=100 * MSS, ssthresh=70 * MSS)
    control.on_loss(0, 80 * MSS)
    control.on_ack(ack(0, delivered=0))
    assert (control.w_max, control.cwnd) == (68 * MSS, 56 * MSS)
    assert abs(control.k - 3_107_232_506) < 1000


def test_a_flow_that_came_back_remembers_its_window() -> None:
    control = cubic(80, w_max=80 * MSS, ssthresh=70 * MSS)
    control.on_loss(0, 80 * MSS)
    control.on_ack(ack(0, delivered=0))
    assert (control.w_max, control.cwnd) == (80 * MSS, 56 * MSS)
    assert abs(control.k - 3_914_868_000) < 1000


@pytest.mark.req("RFC9438-09")
def test_beta_is_taken_of_what_was_in_flight() -> None:
    control = cubic(100)
    control.on_loss(0, 50 * MSS)
    assert (control.cwnd, control.ssthresh, control.w_max) == (35 * MSS, 35 * MSS, 100 * MSS)


@pytest.mark.parametrize(
    ("flight", "ssthresh", "cwnd"), [(2, 2.0, 1.7), (1, 2.0, 1.0), (40, 34.0, 34.0)], ids=["small", "least", "large"]
)
def test_a_mark_in_avoidance(flight, ssthresh, cwnd) -> None:
    control = cubic(flight, ssthresh=MSS)
    control.on_ecn(0, flight * MSS)
    assert (control.ssthresh, control.cwnd) == (ssthresh * MSS, cwnd * MSS)


def test_a_mark_in_slow_start_is_as_good_as_a_loss() -> None:
    control = cubic(2)
    control.on_ecn(0, 2 * MSS)
    assert (control.ssthresh, control.cwnd) == (2 * MSS, 1_400_000)


@pytest.mark.req("RFC9438-13")
def test_after_a_timeout_the_curve_starts_flat() -> None:
    control = cubic(50)
    control.on_timeout(-5 * SECOND, 50 * MSS, True)
    assert (control.ssthresh, control.cwnd) == (35 * MSS, MSS)
    control.on_ack(ack(0, delivered=34))
    assert (control.cwnd, control.epoch, control.k) == (35 * MSS, 0, 0)
    assert control.w_max == control.w_est == 35 * MSS
    assert near(control._curve(SECOND), 35.4)
    assert near(control._curve(5 * SECOND), 85.0)


def test_a_second_timeout_of_the_same_data_keeps_the_threshold() -> None:
    control = cubic(50)
    control.on_timeout(0, 50 * MSS, True)
    control.on_timeout(0, MSS, False)
    assert (control.ssthresh, control.cwnd) == (35 * MSS, MSS)
    control.on_undo()
    assert control.cwnd == 50 * MSS


STATE = ("cwnd", "ssthresh", "w_max", "cwnd_prior", "k", "w_est", "epoch")


@pytest.mark.req("RFC9438-14")
@pytest.mark.parametrize("reduce", ["on_loss", "on_timeout"])
def test_a_false_alarm_is_undone(reduce) -> None:
    control = after_loss()
    control.on_ack(ack(2 * SECOND, delivered=70))
    before = [getattr(control, name) for name in STATE]
    if reduce == "on_loss":
        control.on_loss(3 * SECOND, 90 * MSS)
    else:
        control.on_timeout(3 * SECOND, 90 * MSS, True)
    assert [getattr(control, name) for name in STATE] != before
    control.on_undo()
    assert [getattr(control, name) for name in STATE] == before
    control.on_undo()
    assert [getattr(control, name) for name in STATE] == before


@pytest.mark.req("RFC9438-14")
def test_a_window_that_has_outgrown_the_false_alarm_stays() -> None:
    control = cubic(100)
    control.on_loss(0, 100 * MSS)
    control.cwnd = 120 * MSS
    control.on_undo()
    assert (control.cwnd, control.ssthresh) == (120 * MSS, 70 * MSS)


def test_what_a_mark_has_confirmed_is_not_undone() -> None:
    control = cubic(100)
    control.on_loss(0, 100 * MSS)
    control.on_ecn(0, 70 * MSS)
    control.on_undo()
    assert control.cwnd < 70 * MSS


def test_after_silence_a_new_stage_begins() -> None:
    control = after_loss()
    control.on_idle(10 * MSS)
    assert control.cwnd == 10 * MSS
    control.on_ack(ack(100 * SECOND, delivered=60))
    assert (control.cwnd, control.epoch) == (70 * MSS, 100 * SECOND)
    assert abs(control.k - 4_217_163_326) <= 1


def test_wherever_time_begins() -> None:
    control = after_loss()
    control.on_ack(ack(2 * SECOND, limited=False))
    control.on_loss(3 * SECOND, 70 * MSS)
    origin, later = Origin(4 * SECOND, 0, 0), Origin(400 * SECOND, 0, 0)
    twin = cubic(1)
    twin.restore(control.snapshot(origin), later)
    assert twin.snapshot(later) == control.snapshot(origin)
    twin.on_undo()
    control.on_undo()
    assert twin.epoch == (control.epoch or 0) + 396 * SECOND


@pytest.mark.req("RFC9293-MAY-18")
def test_the_average_window_of_the_rfc() -> None:
    """RFC 9438 §5.1, table 1: one loss in 100,000 segments at 0.1 s is a cycle of length K with 1054 on average.

    The average of the curve over that time is (3 + β)/4 of its maximum.
    """
    control = after_loss(1139)
    windows: list[int] = []
    while sum(windows) < 100_000 * MSS:
        control.on_ack(ack(len(windows) * RTT, delivered=control.cwnd / MSS))
        windows.append(control.cwnd)
    assert sum(windows) // len(windows) // MSS in range(1049, 1059)
    assert abs(len(windows) * RTT - control.k) <= RTT
    assert abs(control.cwnd - 1139 * MSS) <= MSS
