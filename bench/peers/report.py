"""The table in the terminal."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from bench.peers.figures import figure

Row = dict[str, Any]


def show(rows: list[Row], targets: list[Row], about: dict[str, Any]) -> None:
    """A table for each case, then one of the targets."""
    console = Console()
    cases = dict.fromkeys(row["case"] for row in rows)
    for case in cases:
        console.print(_case(case, sorted((row for row in rows if row["case"] == case), key=lambda row: -row["value"])))
    table = Table("what", "target", "got", "", title="targets", box=box.SIMPLE_HEAD)
    for each in targets:
        met = {True: "met", False: "[bold]missed[/bold]", None: "not measured"}[each["met"]]
        table.add_row(each["what"], each["target"], "" if each["got"] is None else f"{each['got']:,g}", met)
    console.print(table)
    console.print(", ".join(f"{key} {value}" for key, value in about.items()), highlight=False)


def _case(case: str, rows: list[Row]) -> Table:
    unit = rows[0]["unit"]
    cpu = "CPU s/GB" if unit == "Gbit/s" else "CPU µs each"
    table = Table("stack", "variant", unit, "range", cpu, title=case, box=box.SIMPLE_HEAD)
    for column in table.columns[2:]:
        column.justify = "right"
    for row in rows:
        low, high = row.get("range") or (None, None)
        between = "" if low is None else f"{figure(low)} – {figure(high)}"
        name = f"[bold]{row['stack']}[/bold]" if row["stack"] == "estab" else row["stack"]
        table.add_row(name, row["variant"], figure(row["value"]), between, figure(row["cpu"]))
    return table
