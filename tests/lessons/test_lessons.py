"""Every lesson shows what it says, and without its defence what the defence is for."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from estab.lessons import LESSONS, Outcome, old_data, render, run
from estab.lessons.lesson import Lesson, Scene
from estab.lessons.stage import Finding, Stage
from estab.mutations import MUTATIONS
from tests.where import PATHS

NAMES = [
    "two-generals",
    "handshake",
    "lost-syn",
    "old-duplicate-syn",
    "random-isn",
    "transfer",
    "close",
    "half-close",
    "simultaneous",
    "lost-last-ack",
    "time-wait-length",
    "old-data",
    "time-wait-cost",
    "reset",
]

REMOVABLE = [(lesson.name, defence) for lesson in LESSONS.values() for defence in lesson.defences]

PASSAGE_KEYS = ["t_ns", "src", "dst", "flags", "seq", "ack", "len", "fate", "states"]


def test_there_are_fourteen_in_their_order() -> None:
    assert list(LESSONS) == NAMES


@pytest.mark.req("RFC1337-04")
@pytest.mark.parametrize("name", NAMES)
def test_the_lesson_goes_as_expected(name: str) -> None:
    result = run(name)
    assert [
        (each.scene.title, each.finding.outcome, each.finding.what) for each in result.played if not good(each)
    ] == []
    assert result.outcome is Outcome.AS_EXPECTED
    assert result.ok


def good(played: object) -> bool:
    return played.finding.outcome is Outcome.AS_EXPECTED  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(("name", "defence"), REMOVABLE)
def test_without_its_defence_it_breaks(name: str, defence: str) -> None:
    result = run(name, defence)
    assert result.outcome is Outcome.BROKEN, result.what
    assert result.ok


def test_the_lessons_can_be_run_without_what_they_are_about() -> None:
    assert {name: lesson.defences for name, lesson in LESSONS.items() if lesson.defences} == {
        "handshake": ("two-way-handshake",),
        "lost-syn": ("no-syn-retransmission",),
        "old-duplicate-syn": ("any-ack-in-syn-sent",),
        "random-isn": ("fixed-isn",),
        "transfer": ("no-data-retransmission",),
        "close": ("fin-out-of-order",),
        "half-close": ("fin-closes-both",),
        "lost-last-ack": ("no-time-wait",),
        "time-wait-length": ("one-msl",),
        "old-data": ("no-time-wait-fixed-isn",),
        "reset": ("in-window-reset", "time-wait-obeys-rst"),
    }


@pytest.mark.parametrize("defence", ["no-time-wait", "fixed-isn"])
def test_one_of_two_defences_is_enough_against_old_data(defence: str) -> None:
    stage = Stage(MUTATIONS[defence])
    assert old_data.straggler(stage).outcome is Outcome.UNEXPECTED
    assert "OLD." not in dict(stage.facts).get("received in it", "")


@pytest.mark.parametrize("name", NAMES)
def test_json_has_the_documented_shape(name: str) -> None:
    value = json.loads(json.dumps(run(name).as_json()))
    assert list(value) == ["lesson", "without", "outcome", "what", "segments"]
    assert (value["lesson"], value["without"], value["outcome"]) == (name, None, "as expected")
    assert value["what"].endswith(".")
    assert value["segments"]
    for row in value["segments"]:
        assert list(row) == PASSAGE_KEYS
        assert row["fate"] in {"delivered", "lost", "duplicate", "delayed"}
        assert len(row["states"]) == 2
    times = [row["t_ns"] for row in value["segments"]]
    assert times == sorted(times)


def test_the_states_of_the_handshake_are_in_the_json() -> None:
    rows = run("handshake").as_json()["segments"]
    assert isinstance(rows, list)
    assert [row["states"] for row in rows[:3]] == [
        ["SYN-SENT", "SYN-RECEIVED"],
        ["ESTABLISHED", "SYN-RECEIVED"],
        ["ESTABLISHED", "ESTABLISHED"],
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_text_keeps_to_its_width_and_shows_each_scene(name: str) -> None:
    result = run(name)
    text = render(result, width=90)
    for each in result.played:
        assert each.scene.title in text
    rows = [line for line in text.splitlines() if not line.startswith("   ")]
    assert max(map(len, rows)) <= 90
    assert f"as expected: {result.what[:30]}" in text


def test_the_text_names_what_was_removed() -> None:
    text = render(run("reset", "in-window-reset"), ascii_only=True)
    assert "Without in-window-reset: A RST anywhere in the window resets" in text
    assert "broken: A blind RST" in text
    assert "│" not in text


def test_every_lesson_explains_itself() -> None:
    for lesson in LESSONS.values():
        assert lesson.shows
        assert len(lesson.text) > 200
        assert lesson.learned.endswith(".")


def test_an_unknown_lesson_is_told_with_those_that_are_there() -> None:
    with pytest.raises(ValueError, match="there is no lesson 'quick'; there are: two-generals, handshake"):
        run("quick")


def test_a_defence_that_a_lesson_does_not_have_is_told_with_those_that_it_has() -> None:
    with pytest.raises(ValueError, match="cannot be run without 'no-time-wait'; its defences: fin-out-of-order"):
        run("close", "no-time-wait")


def test_a_scene_that_goes_wrong_makes_the_lesson_unexpected() -> None:
    def fails(stage: Stage) -> Finding:
        stage.build()
        return stage.judge(False, "The sun rises in the west.")

    result = Lesson("wrong", "", "", "", (Scene("", fails),)).run()
    assert (result.outcome, result.ok) == (Outcome.UNEXPECTED, False)
    assert result.what == "Not so: The sun rises in the west."


@pytest.mark.parametrize(
    ("broken", "what"),
    [(True, "Without in-window-reset the change had no effect."), (False, "Without in-window-reset the change")],
)
def test_a_mutation_that_had_no_effect_breaks_nothing(broken: bool, what: str) -> None:
    def idle(stage: Stage) -> Finding:
        stage.build()
        return stage.judge(True, "", broken=broken, but="It broke.")

    result = Lesson("idle", "", "", "", (Scene("", idle, ("in-window-reset",)),)).run("in-window-reset")
    assert result.outcome is Outcome.UNEXPECTED
    assert result.what.startswith(what)


def test_a_lesson_is_the_same_in_every_process() -> None:
    script = "import json; from estab.lessons import run; print(json.dumps(run('transfer').as_json()))"
    outputs = set()
    for seed in ("0", "4711"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(PATHS)}
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1
