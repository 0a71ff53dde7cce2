"""The demonstration: act one whole, and what is said when act two cannot be played. Act two has its test in interop."""

from __future__ import annotations

import hashlib
import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from estab.cli import act_one, act_two, demo
from estab.cli.act import Act, Transfer
from estab.cli.act_two import ActTwo, View, proc_net_tcp
from tests.cli.conftest import Run

CLIENT = ["CLOSED", "SYN-SENT", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED"]
SERVER = ["LISTEN", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSED"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a file & more"
    path.write_bytes(random.Random(9).randbytes(150_000))
    return path


@pytest.fixture(autouse=True)
def no_tun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(act_two, "DEVICE", "/no/such/tun")


def test_act_one(file: Path) -> None:
    played = act_one.act_one(file)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    [transfer] = played.act.transfers
    assert transfer == Transfer("server to client", 150_000, sha256, sha256, transfer.retransmissions)
    assert transfer.retransmissions > 0
    assert played.act.states == {"client": CLIENT, "server": SERVER}
    assert (played.act.ran, played.act.ok, played.act.time_wait_ended) == (True, True, True)
    assert {"lost", "duplicate", "delayed"} <= {each.fate for each in played.passages}


def test_act_one_plays_alike_each_time(file: Path) -> None:
    one, other = ([each.row("client") for each in act_one.act_one(file).passages] for _ in range(2))
    assert one == other


def test_json(estab: Run, file: Path) -> None:
    done = estab("demo", "--file", str(file), "--json")
    assert (done.status, done.err, done.out.count("\n")) == (0, "", 1)
    answer = json.loads(done.out)
    assert list(answer) == ["acts"]
    first, second = answer["acts"]
    assert list(first) == ["act", "ran", "why_not", "transfers", "states", "time_wait_ended"]
    assert list(first["transfers"][0]) == [
        "direction", "bytes", "sha256_sent", "sha256_received", "retransmissions"]  # fmt: skip
    assert first["states"] == {"client": CLIENT, "server": SERVER}
    assert second == {
        "act": 2,
        "ran": False,
        "why_not": "/no/such/tun is missing: modprobe tun (in a container: start it with --device /no/such/tun)",
        "transfers": [],
        "states": {"client": [], "server": []},
        "time_wait_ended": False,
    }


@pytest.mark.parametrize("columns", [80, 120])
def test_words_fit_the_terminal(estab: Run, file: Path, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    done = estab("demo", "--file", str(file))
    assert done.status == 0
    assert max(map(len, done.out.splitlines())) <= columns
    for words in ("SYN+ACK", " segments, ", "FIN", "TIME-WAIT", "2 MSL are over", "the same on both sides"):
        assert words in done.out
    assert "Not played: /no/such/tun is missing" in done.out


def test_the_default_file_is_the_source(estab: Run) -> None:
    answer = json.loads(estab("demo", "--json").out)
    assert answer["acts"][0]["transfers"][0]["bytes"] > 100_000


def second_act(**changes: Any) -> ActTwo:
    good = Transfer("estab to kernel", 10, "aa", "aa", 0)
    act = Act(2, ran=True, transfers=[good], time_wait_ended=True)
    for name, value in changes.items():
        setattr(act, name, value)
    view = View("now", [("LISTEN", "k:1", "*"), ("ESTABLISHED", "k:1", "e:2")], [("CLOSE-WAIT", "e:2", "k:1")])
    return ActTwo(act, [view])


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 0),
        ({"ran": False, "why_not": "no TUN"}, 0),
        ({"transfers": [Transfer("estab to kernel", 10, "aa", "bb", 0)]}, 1),
        ({"time_wait_ended": False}, 1),
        ({"transfers": [], "why_not": "it broke"}, 1),
    ],
    ids=["well", "not played", "another file", "TIME-WAIT stays", "broken"],
)
def test_the_exit_status(
    estab: Run, file: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], status: int
) -> None:
    monkeypatch.setattr(act_two, "act_two", lambda path: second_act(**changes))
    assert estab("demo", "--file", str(file)).status == status
    done = estab("demo", "--file", str(file), "--json")
    assert done.status == status
    acts = json.loads(done.out)["acts"]
    assert Act.from_json(acts[1]) == second_act(**changes).act


def test_both_views_stand_side_by_side() -> None:
    [line] = demo.side_by_side(second_act().views[0])
    assert line.split() == ["k:1", "ESTABLISHED", "CLOSE-WAIT", "e:2"]
    assert demo.side_by_side(View("later", [], []))[0].split() == ["nothing", "nothing"]
    [line] = demo.side_by_side(View("later", [], [("TIME-WAIT", "e:2", "k:1")]))
    assert line.split() == ["k:1", "nothing", "TIME-WAIT", "e:2"]


def test_a_machine_that_allows_nothing_is_told_how(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tun = tmp_path / "tun"
    tun.touch()
    monkeypatch.setattr(act_two, "DEVICE", str(tun))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert act_two.what_is_missing() == "the program unshare is missing: apt-get install util-linux"
    unshare = tmp_path / "unshare"
    unshare.write_text("#!/bin/sh\necho 'unshare failed: no' >&2\nexit 1\n")
    unshare.chmod(0o755)
    answer = act_two.what_is_missing()
    assert answer is not None
    assert answer.startswith("no network namespace can be made (unshare failed: no): ")
    unshare.write_text("#!/bin/sh\nexit 0\n")
    assert act_two.what_is_missing() is None


@pytest.mark.parametrize(
    ("script", "why"),
    [("exit 0", "no output"), ("echo oops >&2; exit 3", "oops")],
)
def test_a_second_act_that_breaks_off(file: Path, monkeypatch: pytest.MonkeyPatch, script: str, why: str) -> None:
    monkeypatch.setattr(act_two, "what_is_missing", lambda: None)
    monkeypatch.setattr(act_two, "_unshare", lambda: ["sh", "-c", script])
    played = act_two.act_two(file)
    assert (played.act.ran, played.act.why_not, played.act.ok) == (True, why, False)


def test_the_kernels_table_without_ss() -> None:
    little = "0100400A" if sys.byteorder == "little" else "0A400001"
    rows = f"  sl  local rem st\n   0: {little}:1F90 00000000:0000 0A x\n   1: {little}:1F90 {little}:0050 06 x\n"
    assert proc_net_tcp(rows) == [
        ("LISTEN", "10.64.0.1:8080", "0.0.0.0:*"),
        ("TIME-WAIT", "10.64.0.1:8080", "10.64.0.1:80"),
    ]
