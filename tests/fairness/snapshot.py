"""The table of fairness as a file: a row for each race, its shares with the seed in the middle."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from statistics import median_low
from typing import Final

from tests.fairness.flows import FLOWS, Race, jain
from tests.goodput.cell import CONTROLS

FILE: Final = Path(__file__).with_name("snapshot.tsv")
HEADER: Final = ("control", "flows", "jain", "least", "sum", "shares")
RACES: Final = [Race(*each) for each in product(CONTROLS, FLOWS)]
LEAST: Final = {"newreno": 0.95, "cubic": 0.95, "bbr": 0.9}
"""The index that the median of the seeds is to reach."""


def line(race: Race, runs: list[list[float]]) -> str:
    """``runs``: the shares in Mbit/s of every seed. The median of the indices, their least; sum and shares of the
    median."""
    indices = [jain(shares) for shares in runs]
    middle = median_low(indices)
    shares = runs[indices.index(middle)]
    each = " ".join(f"{share:.3f}" for share in shares)
    return "\t".join([*map(str, race), f"{middle:.4f}", f"{min(indices):.4f}", f"{sum(shares):.3f}", each])


def read() -> dict[Race, str]:
    """The rows of the file by their races."""
    rows = {}
    for row in FILE.read_text(encoding="ascii").splitlines()[1:]:
        control, flows, _ = row.split("\t", 2)
        rows[Race(control, int(flows))] = row
    return rows


def write(rows: dict[Race, str]) -> None:
    """Replace the file."""
    ordered = [rows[race] for race in RACES if race in rows]
    FILE.write_text("\n".join(["\t".join(HEADER), *ordered, ""]), encoding="ascii")
