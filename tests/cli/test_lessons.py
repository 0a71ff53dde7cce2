"""``estab lessons``: the list, the shapes, the exit statuses. What the lessons say is tested with them."""

from __future__ import annotations

import json

import pytest

from estab.lessons import LESSONS, Outcome, Result
from tests.cli.conftest import Run

FATES = {"delivered", "lost", "duplicate", "delayed"}


def test_alone_it_lists(estab: Run) -> None:
    done = estab("lessons")
    assert done == estab("lessons", "--list")
    assert done.status == 0
    assert [name for name in LESSONS if name not in done.out] == []
    assert done.out.count("--without ") == sum(len(each.defences) for each in LESSONS.values())


def test_the_list_as_json(estab: Run) -> None:
    done = estab("lessons", "--list", "--json")
    rows = json.loads(done.out)
    assert (done.status, done.out.count("\n"), len(rows)) == (0, 1, 14)
    assert [row["lesson"] for row in rows] == list(LESSONS)
    assert all(row.keys() == {"lesson", "shows", "defences"} for row in rows)


def test_one_with_both_sides_states(estab: Run) -> None:
    done = estab("lessons", "handshake")
    assert done.status == 0
    for word in ("SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "SYN+ACK seq=0 ack=1", "as expected: "):
        assert word in done.out
    diagram = [line for line in done.out.splitlines() if "│" in line]
    assert diagram
    assert max(map(len, diagram)) <= 100


def test_one_as_json(estab: Run) -> None:
    done = estab("lessons", "close", "--json")
    assert (done.status, done.err, done.out.count("\n")) == (0, "", 1)
    answer = json.loads(done.out)
    assert answer.keys() == {"lesson", "without", "outcome", "what", "segments"}
    assert (answer["lesson"], answer["without"], answer["outcome"]) == ("close", None, "as expected")
    for row in answer["segments"]:
        assert row.keys() == {"t_ns", "src", "dst", "flags", "seq", "ack", "len", "fate", "states"}
        assert row["fate"] in FATES
        assert len(row["states"]) == 2


def test_without_a_defence_it_breaks(estab: Run) -> None:
    done = estab("lessons", "close", "--without", "fin-out-of-order", "--json")
    answer = json.loads(done.out)
    assert (done.status, answer["without"], answer["outcome"]) == (0, "fin-out-of-order", "broken")
    shown = estab("lessons", "close", "--without", "fin-out-of-order")
    assert shown.status == 0
    assert "Without fin-out-of-order: " in shown.out
    assert "broken: " in shown.out


def test_all_as_json_is_a_line_for_each(estab: Run) -> None:
    done = estab("lessons", "all", "--json")
    assert done.status == 0
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [(row["lesson"], row["outcome"]) for row in rows] == [(name, "as expected") for name in LESSONS]


def test_all_in_words_ends_with_a_count(estab: Run) -> None:
    done = estab("lessons", "all")
    assert done.status == 0
    assert done.out.endswith("14 of 14 lessons went as expected\n")


@pytest.mark.parametrize("as_json", [False, True])
def test_what_goes_otherwise_is_status_1(estab: Run, monkeypatch: pytest.MonkeyPatch, as_json: bool) -> None:
    monkeypatch.setattr(Result, "outcome", Outcome.UNEXPECTED)
    monkeypatch.setattr(Result, "what", "Something else happened.")
    done = estab("lessons", "handshake", *["--json"][: int(as_json)])
    assert (done.status, done.err) == (1, "")
    assert "Something else happened." in done.out
