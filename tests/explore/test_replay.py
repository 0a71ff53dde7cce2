"""A counterexample is told again from its file, step by step, on stacks that are never restored."""

from __future__ import annotations

import json

import pytest

from estab.explain.ladder import ladder
from estab.explore import Budget, Case, Found, as_json, case_from, replay, run

CASE = Case("open+close", Budget(loss=1), "no-time-wait", ("P6",))


@pytest.fixture(scope="module")
def found() -> Found:
    counterexample = run(CASE).killed_by
    assert counterexample is not None
    return counterexample


def test_what_was_written_to_a_file_violates_again(found: Found) -> None:
    text = json.dumps(as_json(CASE, found.property, found.text, found.labels))
    case, labels = case_from(json.loads(text))
    assert (case, labels) == (CASE, found.labels)
    story, findings = replay(case, labels)
    assert (found.property, found.text) in findings
    assert [each.data for each in story.passages] == [each.data for each in found.story.passages]


def test_a_deadlock_violates_again() -> None:
    case = Case("open+close", Budget(loss=1), "no-fin-retransmission", ("P13",))
    stuck = run(case).killed_by
    assert stuck is not None
    assert stuck.dooms < len(stuck.labels)
    _, findings = replay(case, stuck.labels)
    assert "P13" in [name for name, _ in findings]


def test_an_endless_exchange_violates_again() -> None:
    case = Case("simultaneous-open", Budget(dup=1), "reset-answers-reset", ("P14",))
    endless = run(case).killed_by
    assert endless is not None
    _, findings = replay(case, endless.labels)
    assert "P14" in [name for name, _ in findings]


def test_with_the_defence_in_place_the_same_steps_are_not_possible(found: Found) -> None:
    with pytest.raises(ValueError, match="is not possible here"):
        replay(Case(CASE.scenario, CASE.budget), found.labels)


def test_a_step_that_does_not_follow_is_named(found: Found) -> None:
    with pytest.raises(ValueError, match="step 1, 'B sneezes'"):
        replay(CASE, ["B sneezes", *found.labels])


def test_a_file_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="no counterexample"):
        case_from({"what": "ever"})


def test_the_story_can_be_drawn(found: Found) -> None:
    drawing = ladder(found.story.passages, "A", "B", fold=0)
    assert drawing.count("SYN-SENT") == 1
    assert "RST" in drawing
