"""Which interpreter the stacks in Python run on beside others: the fastest of the same kind, and ours where none is."""

from __future__ import annotations

import os
import sys
from itertools import count
from pathlib import Path

import pytest

from bench.peers import interpreter

OURS, OTHER = ["/ours", "3.11.7", False], ["/other", "3.11.2", False]


@pytest.mark.parametrize(("seconds", "chosen"), [(0.8, "/other"), (0.97, "/ours"), (1.2, "/ours")])
def test_another_is_chosen_where_it_is_clearly_faster(
    monkeypatch: pytest.MonkeyPatch, seconds: float, chosen: str
) -> None:
    monkeypatch.setattr(interpreter, "cost", {"/ours": 1.0, "/other": seconds}.__getitem__)
    assert interpreter.choose([OURS, OTHER]).path == chosen


def test_the_least_of_the_rounds_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = count()
    # The machine has other work in all turns but one of the other's.
    monkeypatch.setattr(interpreter, "cost", lambda path: 1.0 if path == "/ours" else 0.5 + next(turns) % 5)
    assert interpreter.choose([OURS, OTHER]).share == 0.5


def test_the_choice_is_kept_until_others_are_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    known, found, asked = tmp_path / "known", [OURS, OTHER], []

    def choose(candidates: list[list[object]]) -> interpreter.Interpreter:
        asked.append(len(candidates))
        return interpreter.Interpreter("/other", "3.11.2", False, 0.8)

    monkeypatch.setattr(interpreter, "candidates", lambda: iter(found))
    monkeypatch.setattr(interpreter, "choose", choose)
    fresh = interpreter.best.__wrapped__
    assert fresh(known) == fresh(known)
    assert asked == [2]
    found.append(["/third", "3.11.9", True])
    fresh(known)
    assert asked == [2, 3]


def test_ours_is_found_first_and_what_is_none_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / f"python{sys.version_info.major}.{sys.version_info.minor}"
    broken.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    first, *others = interpreter.candidates()
    assert first[0] == os.path.realpath(sys.executable)
    assert all(str(tmp_path) not in other[0] for other in others)
