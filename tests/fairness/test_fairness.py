"""Flows of one control share a bottleneck: what the table promises, and a small part of it made anew."""

from __future__ import annotations

import pytest

from estab.tcp.config import SECOND
from tests.fairness import snapshot
from tests.fairness.flows import Race, jain, shares
from tests.goodput.cell import CONTROLS


def test_the_index() -> None:
    assert jain([3.0, 3.0, 3.0]) == pytest.approx(1)
    assert jain([9.0, 0.0, 0.0]) == pytest.approx(1 / 3)
    assert jain([1.0, 3.0]) == pytest.approx(0.8)


def test_the_table_has_every_race_and_all_are_fair() -> None:
    rows = snapshot.read()
    assert list(rows) == snapshot.RACES
    indices = {race: float(row.split("\t")[2]) for race, row in rows.items()}
    assert {race for race, index in indices.items() if index < snapshot.LEAST[race.control]} == set()


@pytest.mark.parametrize("control", CONTROLS)
def test_two_flows_of_one_control_come_together(control: str) -> None:
    """Six seconds after eight: too short for an even share, long enough to see that nobody starves."""
    got = shares(Race(control, 2), seed=1, before=8 * SECOND, measured=6 * SECOND)
    assert jain(got) >= 0.85
    assert sum(got) > 8
