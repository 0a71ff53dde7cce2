"""``estab plot``: traces that are none, and pictures of one that is."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from estab.cli import plot
from tests.cli.conftest import Run
from tests.netns import missing

HERE = {"cwnd": 14_480, "ssthresh": None, "pipe": 1448, "srtt": 20, "rto": 200, "phase": "open"}
ROWS = [
    {"t": 0, "flow": 1, "event": "open", "local": "10.0.0.1 port 1", "remote": "10.0.0.2 port 80"},
    {"t": 5, "flow": 1, "event": "sent", "seq": 0, "end": 1, "again": False},
    {"t": 7, "flow": 2, "event": "open", "local": "10.0.0.1 port 2", "remote": "10.0.0.2 port 81"},
    {"t": 8, "flow": 2, "event": "sent", "seq": 0, "end": 9000, "again": False},
    {"t": 9, "flow": 2, "event": "received", "ack": 9, "window": 60_000},
    {"t": 10, "flow": 2, "event": "loss", "ssthresh": 7240},
    {"t": 11, "flow": 2, "event": "sent", "seq": 0, "end": 1448, "again": True},
]


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    file = tmp_path / "trace.jsonl"
    file.write_text("".join(json.dumps(HERE | row) + "\n" for row in ROWS))
    return file


def require_matplotlib() -> None:
    if importlib.util.find_spec("matplotlib") is None:
        missing("matplotlib", "pip install 'estab[plot]'")


@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_a_picture(estab: Run, trace: Path, suffix: str, magic: bytes) -> None:
    require_matplotlib()
    target = trace.with_suffix(suffix)
    done = estab("plot", str(trace), "-o", str(target))
    assert (done.status, done.err) == (0, "")
    assert done.out == f"{target}: 5 lines of connection 2, 10.0.0.2 port 81\n"
    first = target.read_bytes()
    assert first.startswith(magic)
    estab("plot", str(trace), "-o", str(target))
    assert target.read_bytes() == first


def test_a_part_of_it(estab: Run, trace: Path) -> None:
    require_matplotlib()
    done = estab("plot", str(trace), "--until", "9e-9")
    assert done.out == f"{trace}.svg: 3 lines of connection 2, 10.0.0.2 port 81\n"


def test_the_title_says_what_became_of_it() -> None:
    rows = plot.choose([HERE | row for row in ROWS], 2)
    assert plot.title(rows) == "to 10.0.0.2 port 81: 9 KB in 4e-09 s, 1 segments sent again, 0 timeouts"


def test_the_connection_that_sent_most_or_the_one_that_is_named() -> None:
    rows = [HERE | row for row in ROWS]
    assert {row["flow"] for row in plot.choose(rows, None)} == {2}
    assert {row["flow"] for row in plot.choose(rows, 1)} == {1}


@pytest.mark.parametrize(
    ("text", "arguments", "complaint"),
    [
        ("", (), "no connection has left anything in it"),
        (json.dumps(HERE | ROWS[0]), ("--flow", "7"), "there is no connection 7 in it"),
        (json.dumps(HERE | ROWS[0]), ("--since", "1"), "nothing happens between 1 s and inf s"),
        (json.dumps(HERE | ROWS[0]) + "\nnonsense", (), "line 2 is no line of a trace"),
        ('{"t": 1}', (), "line 1 is no line of a trace"),
        ("[]", (), "line 1 is no line of a trace"),
        ("", ("-o", "x.gif"), "is no picture that can be drawn: .png or .svg"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(
    estab: Run, tmp_path: Path, text: str, arguments: tuple[str, ...], complaint: str
) -> None:
    file = tmp_path / "trace"
    file.write_text(text)
    done = estab("plot", str(file), *arguments)
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert complaint in done.err
