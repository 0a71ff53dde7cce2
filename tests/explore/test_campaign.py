"""Jobs on an executor: each is answered once, and what goes wrong is told."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from estab.explore import Budget, Case, campaign, run


def half(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number // 2


def test_every_job_is_answered_once() -> None:
    with ThreadPoolExecutor(3) as pool:
        assert sorted(campaign(half, [2, 4, 6, 8], pool)) == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_what_a_job_raises_is_raised_here() -> None:
    with ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match="3 is odd"):
        list(campaign(half, [2, 3], pool))


def test_another_process_comes_to_the_same() -> None:
    case = Case("open+close", Budget(loss=1), "no-time-wait", ("P6",))
    with ProcessPoolExecutor(1) as pool:
        [(_, there)] = campaign(run, [case], pool)
    here = run(case)
    assert there.row() == here.row()
    assert there.violations[0].labels == here.violations[0].labels
