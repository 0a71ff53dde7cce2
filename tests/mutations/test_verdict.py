"""What survives the run of the marked tests without the defences of their requirements."""

from __future__ import annotations

import pytest

from docs.make_rfc_map import make
from tests.mutants.process import run
from tests.mutants.verdict import Verdict, survivors

ASKED = {"id": "RFC1-1", "rfc": "1", "section": "1", "level": "MUST", "requirement": "Do."}
ROW = make(ASKED, {"status": "met", "functions": "f", "mutations": "no-x no-y", "note": ""}, ("a", "b"))


def verdicts(x: set[str], y: set[str], trouble: str = "", before: set[str] | None = None) -> dict[str | None, Verdict]:
    first = Verdict(frozenset(before or ()))
    return {None: first, "no-x": Verdict(frozenset(x), trouble), "no-y": Verdict(frozenset(y))}


def test_nothing_survives_when_each_test_and_each_mutation_has_its_match() -> None:
    assert survivors([ROW], verdicts({"a"}, {"a", "b"})) == []


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (verdicts({"a"}, {"a"}), "RFC1-1: b passes without no-x or no-y"),
        (verdicts({"a", "b"}, set()), "RFC1-1: none of its tests fails without no-y"),
        (verdicts({"a"}, {"b"}, trouble="took no effect"), "no-x: took no effect"),
        (verdicts({"a"}, {"b"}, before={"b"}), "b fails although nothing was taken away"),
    ],
)
def test_what_survives_is_named(given: dict[str | None, Verdict], complaint: str) -> None:
    assert survivors([ROW], given) == [complaint]


def test_a_test_fails_without_what_it_shows() -> None:
    shown = "tests/tcp/test_sack.py::test_permission_is_for_syn_only"
    assert run(None, [shown]) == Verdict(frozenset())
    assert run("sack-permitted-not-known", [shown]) == Verdict(frozenset({shown}))


def test_a_run_in_which_the_mutation_took_no_effect_says_nothing() -> None:
    assert run("in-window-reset", ["tests/wire/test_checksum.py"]).trouble == "took no effect"


def test_tests_that_cannot_be_run_say_nothing() -> None:
    assert "no-such-defence" in run("no-such-defence", ["tests/wire/test_checksum.py"]).trouble
