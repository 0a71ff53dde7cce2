"""``estab path``: the words of a path, and the command in a namespace of its own."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys

import pytest

from estab.cli.path_words import parse_amount, parse_path, parse_time
from estab.faults.path import Change, Line, Path
from tests.cli.conftest import Run
from tests.netns import isolated_with_tun

MS = 1_000_000


@pytest.mark.parametrize(
    ("words", "path"),
    [
        ("", Path(Line(queue=15_000), Line(queue=15_000))),
        (
            "rate=10M delay=20ms loss=1%",
            Path(*[Line(10_000_000, 50_000, 20 * MS, loss=0.01)] * 2),
        ),
        (
            "rate=10M queue=30k back.rate=1M back.delay=5ms mark=9k",
            Path(Line(10_000_000, 30_000, mark=9000), Line(1_000_000, 30_000, 5 * MS, mark=9000)),
        ),
        (
            "delay=20 jitter=5 reorder burst=0.25%/25% mask=0b101 duplicate=1%",
            Path(*[Line(None, 15_000, 20 * MS, 5 * MS, True, 0.0, (0.0025, 0.25), 5, 0.01)] * 2),
        ),
        (
            "rate=1M @2s rate=2M @3s back.loss=1",
            Path(
                *[Line(1_000_000, 15_000)] * 2,
                (
                    Change(2000 * MS, *[Line(2_000_000, 15_000)] * 2),
                    Change(3000 * MS, Line(2_000_000, 15_000), Line(2_000_000, 15_000, loss=1.0)),
                ),
            ),
        ),
    ],
)
def test_words(words: str, path: Path) -> None:
    assert parse_path(words.split()) == path


@pytest.mark.parametrize(("text", "amount"), [("3000", 3000), ("64k", 64_000), ("1.5M", 1_500_000), ("1G", 10**9)])
def test_amounts(text: str, amount: int) -> None:
    assert parse_amount(text) == amount


@pytest.mark.parametrize(("text", "time"), [("500ms", 500 * MS), ("1.5s", 1500 * MS), ("2min", 120_000 * MS)])
def test_times(text: str, time: int) -> None:
    assert parse_time(text) == time


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("speed=1", "'speed=1' says nothing about a path; there are: rate,"),
        ("rate=fast", "rate: 'fast' is no amount"),
        ("rate=0", "0 is no positive integer"),
        ("loss=2", "loss: '2' is no probability"),
        ("burst=1%", "burst: '1%' is no burst"),
        ("reorder=maybe", "reorder: 'maybe'"),
        ("@soon", "'soon' is no time"),
        ("jitter=5ms", "is larger than the delay"),
        ("mark=5k", "a threshold for marks needs a rate"),
        ("@5s rate=1M", "into none"),
        ("rate=1M @5s @2s", "in order"),
    ],
)
def test_what_is_no_path_is_one_line(estab: Run, words: str, complaint: str) -> None:
    done = estab("path", *words.split())
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith("estab: the path: ")
    assert complaint in done.err


def test_no_time_is_no_path(estab: Run) -> None:
    assert estab("path", "--time", "0s").err == "estab: --time 0s: there would be no path\n"


@isolated_with_tun
def test_a_ping_takes_the_round_trip_and_the_end_says_what_was_done() -> None:
    command = [sys.executable, "-m", "estab", "path", "delay=30ms", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        near, far = (process.stderr.readline() for _ in range(2))
        enter = re.search(r"nsenter \S+", near)
        assert enter is not None
        assert "10.77.0.2" in far
        connect = "import socket, time; t = time.monotonic(); s = socket.socket()"
        program = f"{connect}; s.connect_ex(('10.77.0.2', 1)); print(time.monotonic() - t)"
        done = subprocess.run(
            [*enter[0].split(), sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert float(done.stdout) >= 0.06
    report = json.loads(out)
    assert report["packets"] >= 2
    assert report["fates"]["delivered"] == report["packets"]
    assert 0 < report["late_p50"] <= report["late_p99"]
