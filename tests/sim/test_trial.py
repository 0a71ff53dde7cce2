"""The trial that sweeps of seeds repeat."""

from __future__ import annotations

from estab.mutations import MUTATIONS
from estab.sim.trial import Trial, attempt

SMALL = Trial(seed=1, size=20_000)


def test_bytes_arrive_both_ways_and_nothing_stays() -> None:
    verdict, passages = attempt(SMALL)
    assert verdict.wrong == ()
    assert {"lost", "duplicate"} <= {each.fate for each in passages}
    assert verdict.retransmitted > 0


def test_the_same_seed_is_the_same_network() -> None:
    assert attempt(SMALL)[0] == attempt(SMALL)[0]
    assert attempt(SMALL)[0] != attempt(Trial(seed=2, size=20_000))[0]


def test_without_a_defence_something_is_wrong() -> None:
    mutant = MUTATIONS["no-data-retransmission"].apply()
    verdict, _ = attempt(SMALL, mutant.config, mutant.rules)
    assert any("TimeoutError" in each for each in verdict.wrong)


def test_a_network_that_carries_nothing_fails_the_trial() -> None:
    verdict, _ = attempt(Trial(seed=1, size=10, loss=1.0))
    assert verdict.wrong == ("the client ends with TimeoutError", "what was received is not what was sent")
