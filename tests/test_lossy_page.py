"""The page on lossy paths is that of the tables, and has its pictures."""

from __future__ import annotations

import re

from docs import make_lossy_paths as page

LARGEST_PICTURE = 100_000


def test_the_page_is_up_to_date() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.render(), "make docs"


def test_its_pictures_are_small() -> None:
    found = re.findall(r"\]\((pictures/[\w.]+)\)", page.render())
    assert len(found) == 4
    assert all(0 < (page.HERE / name).stat().st_size < LARGEST_PICTURE for name in found)


def test_what_is_short_is_said() -> None:
    short = [line for line in page.shares().splitlines() if "short of" in line]
    indices = {race: float(row.split("\t")[2]) for race, row in page.fairness.read().items()}
    assert len(short) == sum(index < page.fairness.LEAST[race.control] for race, index in indices.items())


def test_what_was_measured_becomes_a_table() -> None:
    """In the shape in which the benchmarks print it."""
    path = {"rate_mbit": 10, "rtt_ms": 20, "carried_mbit": 9.9, "of_rate": 0.99, "late_p50_ms": 0.1, "late_p99_ms": 0.2}
    assert page.path({"path": [path | {"busy": 0.5, "cpu": 0.4, "core_carries_mbit": 25}]}).splitlines()[-1] == (
        "| 10 Mbit/s, 20 ms | 9.9 | 99.0% | 0.100 ms | 0.200 ms | 40% | 25 |"
    )
    cell = {"rtt_ms": 20, "loss": 0.05, "rate_mbit": 10, "cc": "bbr", "role": "sender", "n": 5, "counted": False}
    rates = {"estab_mbit": 1.0, "kernel_mbit": 2.0, "ratio": 0.5}
    assert page.loss({"cells": [cell | rates], "geomean": 1.0, "min": 0.9}).splitlines()[2] == (
        "| 20 ms, 5.0%, 10 Mbit/s, bbr, sender | 1.000 | 2.000 | 0.500 (not counted) |"
    )
    assert page.rivals({"share": 0.5, "n": 3}) == "estab's flow gets 50.0% of what both get, the median of 3 runs."


def test_what_was_not_measured_says_how() -> None:
    assert page.measured("nowhere.json", page.path).startswith("Not measured yet: `make measured`")
