"""The two laws, where they are cheap to measure."""

from __future__ import annotations

from estab.explore.laws import sharp, two_generals
from estab.explore.setting import RTO


def test_one_retransmission_survives_one_loss_and_not_two() -> None:
    survived = [two_generals(1, losses) for losses in (0, 1, 2)]
    assert [(each.open_fails is None, each.close_fails is None) for each in survived] == [
        (True, True),
        (True, True),
        (False, False),
    ]


def test_another_retransmission_moves_the_threshold_by_one() -> None:
    assert two_generals(2, 2)[3:] == (None, None)
    assert None not in two_generals(2, 3)[3:]


def test_time_wait_must_be_longer_than_the_retransmissions_and_a_lifetime() -> None:
    exact, longer = sharp(1, RTO // 2)
    assert exact.time_wait == RTO + RTO // 2
    assert longer.time_wait == exact.time_wait + 2
    assert (exact.survives, longer.survives) == (False, True)
