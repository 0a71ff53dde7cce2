"""HyStart++ by computed numbers: RFC 9406 §4.2, §4.3."""

from __future__ import annotations

import pytest

from estab.tcp.config import MILLISECOND, MODERN, RFC
from estab.tcp.congestion import Ack
from estab.tcp.congestion.cubic import Cubic
from estab.tcp.congestion.hystart import CONSERVATIVE, DONE, SLOW_START, threshold

MS = MILLISECOND
MSS = 1460


class Rounds:
    """Slow start in rounds of single segments, each acknowledged alone."""

    def __init__(self) -> None:
        self.control = Cubic(MODERN, MSS)
        self.entered: list[int] = []

    def round(self, segments: int, rtt: int, *, only: int | None = None) -> int:
        """``segments`` are in flight; ``only`` so many of them are acknowledged. The window after it."""
        for n in range(segments if only is None else only):
            before = self.control.hystart.phase
            # As if what an acknowledgement allows to send went out before it is taken: the last sees the next round.
            in_flight = (segments - n) * MSS if n + 1 < segments else self._next() + MSS
            self.control.on_ack(Ack(0, MSS, in_flight, rtt, True, False))
            if self.control.hystart.phase is not before:
                self.entered.append(n + 1)
        return self.control.cwnd

    def _next(self) -> int:
        growth = MSS if self.control.hystart.phase is SLOW_START else MSS // 4
        return (self.control.cwnd + growth) // MSS * MSS


def begun(rtt: int) -> Rounds:
    t = Rounds()
    assert t.round(10, 40 * MS) == 29_200
    t.round(20, rtt)
    return t


@pytest.mark.parametrize(
    ("last", "expected"), [(10 * MS, 4 * MS), (40 * MS, 5 * MS), (100 * MS, 12_500_000), (200 * MS, 16 * MS)]
)
def test_threshold(last, expected) -> None:
    assert threshold(last) == expected


def test_a_longer_round_trip_slows_down() -> None:
    t = begun(45 * MS)
    assert t.entered == [8]
    assert (t.control.hystart.phase, t.control.cwnd) == (CONSERVATIVE, 45_260)
    assert t.control.hystart.baseline == 45 * MS


def test_just_not_long_enough() -> None:
    t = begun(44_900_000)
    assert (t.control.hystart.phase, t.control.cwnd) == (SLOW_START, 58_400)


def test_seven_samples_are_too_few() -> None:
    t = begun(40 * MS)
    t.round(40, 90 * MS, only=7)
    assert t.control.hystart.phase is SLOW_START
    t.round(40, 90 * MS, only=1)
    assert t.control.hystart.phase is CONSERVATIVE


def test_a_false_alarm_is_taken_back() -> None:
    t = begun(45 * MS)
    assert t.round(31, 44_500_000, only=8) == 48_180
    assert t.control.hystart.phase is SLOW_START
    assert t.entered == [8, 8]


@pytest.mark.req("RFC9438-16")
def test_five_rounds_and_then_avoidance() -> None:
    t = begun(50 * MS)
    seen = [t.control.cwnd]
    while t.control.hystart.phase is CONSERVATIVE:
        seen.append(t.round(t.control.cwnd // MSS, 50 * MS))
    assert seen == [45_260, 56_575, 70_445, 87_965, 109_865]
    control = t.control
    assert control.hystart.phase is DONE
    assert control.cwnd == control.ssthresh == control.cwnd_prior == control.w_max == 109_865
    assert control.k == 0


def test_to_the_letter_an_acknowledgement_counts_for_eight_segments() -> None:
    control = Cubic(RFC, MSS)
    control.on_ack(Ack(0, 20 * MSS, 20 * MSS, None, True, False))
    assert control.cwnd == 26_280


def test_otherwise_it_counts_for_all() -> None:
    control = Cubic(MODERN, MSS)
    control.on_ack(Ack(0, 20 * MSS, 20 * MSS, None, True, False))
    assert control.cwnd == 14_600 + 20 * MSS


def test_loss_ends_it_for_good() -> None:
    t = begun(40 * MS)
    t.control.on_timeout(0, 20 * MSS, True)
    t.round(10, 40 * MS)
    t.round(14, 90 * MS)
    assert t.control.hystart.phase is DONE


def test_an_unused_window_is_watched_but_does_not_grow() -> None:
    control = Cubic(MODERN, MSS)
    for rtt in [40 * MS] * 10 + [60 * MS] * 10:
        control.on_ack(Ack(0, MSS, 10 * MSS, rtt, False, False))
    assert (control.cwnd, control.hystart.phase) == (14_600, CONSERVATIVE)
