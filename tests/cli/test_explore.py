"""``estab explore`` and ``estab sweep``: the shapes, the files, the exit statuses."""

from __future__ import annotations

import json
import signal
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from estab.cli import explore as command
from estab.cli.executors import executor
from estab.explore import SCENARIOS, Budget, Case
from estab.explore.soundness import Trial, Verdict
from tests.cli.conftest import Run

QUICK = ("--loss", "0", "--dup", "0")


def test_alone_it_lists_the_scenarios(estab: Run) -> None:
    done = estab("explore")
    assert done.status == 0
    assert [name for name in SCENARIOS if name not in done.out] == []
    assert [row["scenario"] for row in json.loads(estab("explore", "--json").out)] == list(SCENARIOS)


def test_one_scenario_is_a_table(estab: Run) -> None:
    done = estab("explore", "open+close", *QUICK)
    assert done.status == 0
    assert "both established" in done.out
    assert "P1 to P17 hold" in done.out


def test_what_is_not_seen_to_the_end_holds_nothing(estab: Run) -> None:
    done = estab("explore", "open+close", *QUICK, "--limit", "20")
    assert done.status == 1
    assert "(not all)" in done.out
    assert "hold" not in done.out


def test_one_scenario_as_json(estab: Run) -> None:
    done = estab("explore", "data", *QUICK, "--json")
    row = json.loads(done.out)
    assert (done.status, done.err, row["violations"], row["missing_witnesses"]) == (0, "", [], [])
    assert row["states"] > 100


def test_a_removed_defence_leaves_a_ladder_a_capture_and_a_file_to_replay(estab: Run, tmp_path: Path) -> None:
    options = ("--loss", "1", "--dup", "0", "--without", "no-time-wait")
    done = estab("explore", "open+close", *options, "--save", str(tmp_path))
    assert done.status == 0
    assert "P6 no spurious abort" in done.out
    assert "SYN-SENT" in done.out
    file = tmp_path / "open+close-no-time-wait-P6.json"
    assert str(file) in done.err
    assert file.with_suffix(".pcapng").read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"
    again = estab("explore", "--replay", str(file))
    assert again.status == 0
    assert "P6 no spurious abort" in again.out


def test_a_defence_that_nothing_misses_fails(estab: Run) -> None:
    assert estab("explore", "open+close", *QUICK, "--without", "no-fin-retransmission").status == 1


def test_a_replay_that_is_none_is_one_line(estab: Run, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text('{"case": 1}')
    done = estab("explore", "--replay", str(file))
    assert (done.status, done.err.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    "arguments",
    [("explore", "attic"), ("explore", "data", "--without", "sense"), ("sweep", "--without", "sense")],
)
def test_names_that_do_not_exist_are_answered_by_those_that_do(estab: Run, arguments: tuple[str, ...]) -> None:
    done = estab(*arguments)
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert "there are: " in done.err


def test_everything_as_one_line_of_json(estab: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "plan", lambda deep: [Case("open+close", Budget()), Case("data", Budget())])
    missed = [Case("open+close", Budget(loss=loss), "no-fin-retransmission", ("P13",)) for loss in (1, 0)]
    monkeypatch.setattr(command, "kills", lambda: missed)
    monkeypatch.setattr(command, "trials", lambda: [Trial(Case("open+close", Budget()), 2)])
    done = estab("explore", "all", "--jobs", "1", "--json")
    answer = json.loads(done.out)
    assert (done.status, done.out.count("\n")) == (1, 1)
    assert [row["scenario"] for row in answer["scenarios"]] == ["open+close", "data"]
    assert [row["killed_by"] for row in answer["mutants"]] == ["P13", None]
    assert answer["survivors"] == ["no-fin-retransmission"]
    assert (len(answer["soundness"]), answer["unsound"]) == (3, [])


def test_what_is_unsound_fails(estab: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "plan", lambda deep: [Case("open+close", Budget())])
    monkeypatch.setattr(command, "kills", list)
    monkeypatch.setattr(command, "trials", lambda: [Trial(Case("open+close", Budget()), 1)])
    wrong = Verdict(command.trials()[0], 1, 1, 1, 1, ("something",))
    monkeypatch.setattr(command, "campaign", lambda work, jobs, pool: iter([(0, answers[work](*jobs))]))
    answers = {command.measured: command.measured, command.check: lambda trial: wrong}
    done = estab("explore", "all", "--jobs", "1", "--json")
    assert (done.status, json.loads(done.out)["unsound"]) == (1, ["something"])


def test_everything_as_tables(estab: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "plan", lambda deep: [Case("open+close", Budget())])
    monkeypatch.setattr(command, "kills", lambda: [Case("open+close", Budget(loss=1), "no-time-wait", ("P6",))])
    monkeypatch.setattr(command, "trials", lambda: [Trial(Case("open+close", Budget()), 2)])
    done = estab("explore", "all", "--jobs", "1")
    assert done.status == 0
    assert "2 explorations" in done.out
    assert "P18: " in done.out


def test_what_is_violated_is_drawn_and_can_be_had_as_files(estab: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "plan", lambda deep: [Case("open+close", Budget(loss=1), "no-time-wait")])
    monkeypatch.setattr(command, "kills", list)
    monkeypatch.setattr(command, "trials", lambda: [Trial(Case("open+close", Budget()), 2)])
    done = estab("explore", "all", "--jobs", "1")
    assert done.status == 1
    assert "P6 no spurious abort" in done.out
    assert "SYN-SENT" in done.out
    assert "estab explore open+close --loss 1 --dup 0 --delay 0 --save DIR" in done.out


@pytest.mark.parametrize("where", ["dask://", "elsewhere"])
def test_an_executor_that_is_none_is_refused(estab: Run, where: str) -> None:
    done = estab("sweep", "--executor", where)
    assert (done.status, done.err.count("\n")) == (2, 1)


def test_who_interrupts_does_not_wait_for_what_is_under_way() -> None:
    """The job never ends; if it was waited for, neither would this test."""
    with pytest.raises(KeyboardInterrupt), executor("processes", 1) as pool:
        job = pool.submit(signal.pause)
        raise KeyboardInterrupt
    assert job.cancelled() or isinstance(job.exception(), BrokenProcessPool)


def test_a_sweep_names_the_smallest_seed_that_fails(estab: Run) -> None:
    options = ("--size", "3000", "--without", "no-data-retransmission")
    done = estab("sweep", "--seeds", "4", "--jobs", "1", *options, "--json")
    answer = json.loads(done.out)
    assert (done.status, answer["seeds"]) == (1, 4)
    smallest = min(row["seed"] for row in answer["failed"])
    assert answer["replay"].endswith(f"--seed {smallest}")
    again = estab(*answer["replay"].split()[1:])
    assert again.status == 1
    assert "TimeoutError" in again.out


def test_a_sweep_in_which_all_goes_well(estab: Run) -> None:
    done = estab("sweep", "--seeds", "2", "--jobs", "1", "--size", "1000")
    assert (done.status, done.out) == (0, "2 of 2 seeds went well\n")
    assert estab("sweep", "--seed", "1", "--size", "1000").out.endswith("all is well\n")
