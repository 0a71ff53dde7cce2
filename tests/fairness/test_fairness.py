"""Flows of one control share a bottleneck: what the table promises, and a small part of it made anew."""

from __future__ import annotations

import pytest

from estab.tcp.config import SECOND
from tests.fairness import snapshot
from tests.fairness.flows import CONTROLS, FLOWS, Race, jain, shares


def test_the_index() -> None:
    assert jain([3.0, 3.0, 3.0]) == pytest.approx(1)
    assert jain([9.0, 0.0, 0.0]) == pytest.approx(1 / 3)
    assert jain([1.0, 3.0]) == pytest.approx(0.8)


def test_the_table_has_every_race_and_tells_which_fall_short() -> None:
    rows = snapshot.read()
    assert list(rows) == [Race(control, flows) for control in CONTROLS for flows in FLOWS]
    short = {race for race, row in rows.items() if float(row[0]) < snapshot.LEAST[race.control]}
    assert short == snapshot.SHORT


@pytest.mark.parametrize("control", CONTROLS)
def test_two_flows_of_one_control_come_together(control: str) -> None:
    """Six seconds after eight: too short for an even share, long enough to see that nobody starves."""
    got = shares(Race(control, 2), seed=1, before=8 * SECOND, measured=6 * SECOND)
    assert jain(got) >= 0.85
    assert sum(got) > 8
