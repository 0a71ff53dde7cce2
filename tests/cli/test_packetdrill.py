"""``estab packetdrill``: what it prints for each script, and its status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from estab.cli import main
from estab.cli.packetdrill import profile_of

PASSES = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
FAILS = PASSES + "+0 listen(3, 1) = 7\n"
FOREIGN = "0 levitate() = 0\n"


def write(directory: Path, **scripts: str) -> Path:
    for name, text in scripts.items():
        (directory / f"{name}.pkt").write_text(text)
    return directory


def test_each_file_has_a_line_and_all_together_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, a=PASSES, b=FAILS, c=FOREIGN)
    assert main(["packetdrill", str(tmp_path)]) == 1
    lines = [line.replace(str(tmp_path), "").strip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "pass        /a.pkt",
        "fail        /b.pkt:2",
        "listen: expected 7, seen 0",
        "unsupported /c.pkt:1",
        "the system call levitate",
        "1 pass, 1 fail, 1 unsupported",
    ]


def test_the_status_is_good_when_all_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["packetdrill", str(write(tmp_path, a=PASSES) / "a.pkt")]) == 0


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_json_has_an_object_for_each_file(tmp_path: Path, capsys: pytest.CaptureFixture[str], jobs: str) -> None:
    write(tmp_path, a=PASSES, b=FAILS, c=FOREIGN)
    assert main(["packetdrill", "--json", "--jobs", jobs, str(tmp_path)]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(Path(row["file"]).name, row["result"], row["line"], row["why"]) for row in rows] == [
        ("a.pkt", "pass", 0, ""),
        ("b.pkt", "fail", 2, "listen: expected 7, seen 0"),
        ("c.pkt", "unsupported", 1, "the system call levitate"),
    ]


def test_words_and_options_are_passed_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, a=PASSES + "+0 bind(3, ..., ...) = OK\n")
    assert main(["packetdrill", "-D", "OK=0", "-o", "bind_port=99", str(tmp_path)]) == 0
    assert main(["packetdrill", "-D", "OK", str(tmp_path)]) == 2
    assert "--define wants NAME=VALUE, not 'OK'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.pkt"], "nowhere.pkt: no such file or directory"),
        (["--profile", "vms", "."], "there is no profile 'vms'"),
    ],
)
def test_a_wrong_call_is_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["packetdrill", *arguments]) in (1, 2)
    assert words in capsys.readouterr().err


def test_a_directory_without_scripts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["packetdrill", str(tmp_path)]) == 1
    assert "no scripts are there" in capsys.readouterr().err


def test_the_name_of_a_script_may_say_its_profile() -> None:
    assert [profile_of(Path(name)) for name in ("a.freebsd.pkt", "a.pkt", "a.b.pkt", "linux-3.x.pkt")] == [
        *("freebsd", "linux", "linux", "linux"),
    ]
