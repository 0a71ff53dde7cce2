"""The page of a run: ``python -m bench.peers.page REPORT.json`` writes docs/peers.md and the chart docs/peers.svg."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench.peers import chart
from bench.peers.figures import figure
from bench.peers.stage import ROOT

Row = dict[str, Any]
TITLES: Final = {
    "bulk_in": "One connection into the stack, MTU 1500, with offload where the stack has it",
    "bulk_out": "One connection out of the stack",
    "bulk_in_100": "A hundred connections into the stack at once",
    "bulk_out_100": "A hundred connections out of the stack at once",
    "plain_in": "Into the stack without offload, as from a VPN",
    "plain_out": "Out of the stack without offload",
    "rtt": "Round trips of one byte",
    "rtt_asyncio": "Round trips of one byte through asyncio",
    "open_close": "Open, one byte there and back, close",
    "memory_super": "Two stacks in one process, super-segments",
    "memory_mtu": "Two stacks in one process, every packet 1500 bytes and checksummed",
    "mem_idle": "An idle established connection, with its entry in the stack",
    "mem_tw": "An entry of TIME-WAIT",
    "seg_100k": "A segment of one busy connection among very many idle ones, by one alone",
    "sim_pps": "Packets through two stacks in the simulator, 100 Mbit/s, super-segments in one piece",
    "sim_pps_mtu": "Packets through two stacks in the simulator, 100 Mbit/s, each of 1500 bytes with its checksum",
    "sim_conn": "Open, 1 KB, close in the simulator",
}


def page(report: dict[str, Any]) -> str:
    """Markdown."""
    about = ", ".join(f"{key} {value}" for key, value in report["about"].items())
    lines = [
        "# estab beside other TCP stacks",
        "",
        "Made by `make bench-peers JSON=1 > REPORT.json` and `.venv/bin/python -m bench.peers.page REPORT.json`;",
        "what is measured and how: [performance](performance.md). Medians, and between what the rounds lay.",
        "",
        f"{about}.",
        "",
        "![Gbit/s of each stack, one connection](peers.svg)",
        "",
    ]
    for case in dict.fromkeys(row["case"] for row in report["rows"]):
        lines += [*_table(case, [row for row in report["rows"] if row["case"] == case]), ""]
    lines += ["## Targets", "", "| what | target | got | |", "|---|--:|--:|---|"]
    for each in report["targets"]:
        met = {True: "met", False: "**missed**", None: "not measured"}[each["met"]]
        got = "" if each["got"] is None else f"{each['got']:,g}"
        lines.append(f"| {each['what']} | {each['target']} | {got} | {met} |")
    return "\n".join([*lines, ""])


def _table(case: str, rows: list[Row]) -> Iterator[str]:
    unit = rows[0]["unit"]
    cpu = "CPU s/GB" if unit == "Gbit/s" else "CPU µs each"
    yield f"## {TITLES[case]}"
    yield ""
    yield f"| | | {unit} | range | {cpu} |"
    yield "|---|---|--:|--:|--:|"
    for row in sorted(rows, key=lambda row: -row["value"]):
        between = " – ".join(map(figure, row["range"])) if "range" in row else ""
        yield f"| {row['stack']} | {row['variant']} | {figure(row['value'])} | {between} | {figure(row['cpu'])} |"


def main(source: str) -> None:
    report = json.loads(Path(source).read_text(encoding="utf-8"))
    (ROOT / "docs" / "peers.md").write_text(page(report), encoding="utf-8")
    (ROOT / "docs" / "peers.svg").write_text(chart.draw(report["rows"]), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
