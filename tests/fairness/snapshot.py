"""The table of fairness as a file: a row for each race, its shares with the seed in the middle."""

from __future__ import annotations

from pathlib import Path
from statistics import median_low
from typing import Final

from tests.fairness.flows import Race, jain

FILE: Final = Path(__file__).with_name("snapshot.tsv")
HEADER: Final = ("control", "flows", "jain", "least", "sum", "shares")
LEAST: Final = {"newreno": 0.95, "cubic": 0.95, "bbr": 0.9}
"""The index that the median of the seeds is to reach."""
SHORT: Final = {Race("newreno", 4), Race("newreno", 8), Race("cubic", 2), Race("cubic", 4), Race("cubic", 8)}
"""Races that do not reach it yet."""


def line(race: Race, runs: list[list[float]]) -> str:
    """``runs``: the shares in Mbit/s of every seed. The median of the indices, their least; sum and shares of the
    median."""
    indices = [jain(shares) for shares in runs]
    middle = median_low(indices)
    shares = runs[indices.index(middle)]
    each = " ".join(f"{share:.3f}" for share in shares)
    return "\t".join([*map(str, race), f"{middle:.4f}", f"{min(indices):.4f}", f"{sum(shares):.3f}", each])


def read() -> dict[Race, list[str]]:
    """The rows of the file by their races, as cells."""
    rows = {}
    for row in FILE.read_text(encoding="ascii").splitlines()[1:]:
        control, flows, *rest = row.split("\t")
        rows[Race(control, int(flows))] = rest
    return rows


def write(rows: list[str]) -> None:
    """Replace the file."""
    FILE.write_text("\n".join(["\t".join(HEADER), *rows, ""]), encoding="ascii")
