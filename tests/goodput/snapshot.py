"""The table as a file: a row for each cell, in the order of the table, so that a change shows in few lines."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.goodput.cell import Cell, Result

FILE: Final = Path(__file__).with_name("snapshot.tsv")
HEADER: Final = ("rtt_ms", "loss", "rate_mbit", "control", "goodput", "steady", "sent", "again", "timeouts")


def line(cell: Cell, result: Result) -> str:
    """A row as it stands in the file."""
    goodput, steady, *counts = result
    return "\t".join([*map(str, cell), f"{goodput:.3f}", f"{steady:.3f}", *map(str, counts)])


def read() -> dict[Cell, str]:
    """The rows of the file by their cells."""
    rows = {}
    for row in FILE.read_text(encoding="ascii").splitlines()[1:]:
        rtt, loss, rate, control, *_ = row.split("\t")
        rows[Cell(int(rtt), loss, int(rate), control)] = row
    return rows


def steady(row: str) -> float:
    """That column of a row, in Mbit/s."""
    return float(row.split("\t")[HEADER.index("steady")])


def write(rows: dict[Cell, str]) -> None:
    """Replace the file."""
    FILE.write_text("\n".join(["\t".join(HEADER), *rows.values(), ""]), encoding="ascii")
