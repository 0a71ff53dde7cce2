"""What survives the run of the marked tests without the defences of their requirements."""

from __future__ import annotations

import pytest

from docs.make_rfc_map import make
from tests.mutants.process import verdicts
from tests.mutants.verdict import Verdict, survivors

ASKED = {"id": "RFC1-1", "rfc": "1", "section": "1", "level": "MUST", "requirement": "Do."}
ROW = make(ASKED, {"status": "met", "functions": "f", "mutations": "no-x no-y", "note": ""}, ("a", "b"))


def given(x: set[str], y: set[str], trouble: str = "", before: set[str] | None = None) -> dict[str | None, Verdict]:
    first = Verdict(frozenset(before or ()))
    return {None: first, "no-x": Verdict(frozenset(x), trouble), "no-y": Verdict(frozenset(y))}


def test_nothing_survives_when_each_test_and_each_mutation_has_its_match() -> None:
    assert survivors([ROW], given({"a"}, {"a", "b"})) == []


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        (given({"a"}, {"a"}), "RFC1-1: b passes without no-x or no-y"),
        (given({"a", "b"}, set()), "RFC1-1: none of its tests fails without no-y"),
        (given({"a"}, {"b"}, trouble="took no effect"), "no-x: took no effect"),
        (given({"a"}, {"b"}, before={"b"}), "b fails although nothing was taken away"),
    ],
)
def test_what_survives_is_named(said: dict[str | None, Verdict], complaint: str) -> None:
    assert survivors([ROW], said) == [complaint]


def test_each_run_says_what_failed_or_why_it_says_nothing() -> None:
    """A test fails without what it shows; a mutation that took no effect shows nothing."""
    shown = "tests/tcp/test_sack.py::test_permission_is_for_syn_only"
    jobs = {None: [shown], "sack-permitted-not-known": [shown], "in-window-reset": [shown]}
    said = dict(verdicts(jobs))
    assert said[None] == Verdict(frozenset())
    assert said["sack-permitted-not-known"] == Verdict(frozenset({shown}))
    assert "took no effect" in said["in-window-reset"].trouble
