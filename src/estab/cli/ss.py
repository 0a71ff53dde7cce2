"""``estab ss``: the sockets of the running estab processes."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any, Final

import typer

from estab.cli import control
from estab.cli.errors import explained
from estab.cli.options import Json
from estab.cli.stdio import note, say

_HEADINGS: Final = ("State", "Recv-Q", "Send-Q", "Local Address:Port", "Peer Address:Port", "Timer", "Process")
_TO_THE_RIGHT: Final = (1, 2)
_SHORT: Final = {
    "ESTABLISHED": "ESTAB",
    "SYN-RECEIVED": "SYN-RECV",
    "": "UNCONN",
}
"""Where ss has another name than RFC 9293."""


def ss(
    listening: Annotated[bool, typer.Option("--listening", "-l", help="Only what listens.")] = False,
    as_json: Json = False,
) -> None:
    """Show the sockets of your running estab processes, as `ss -tan` shows the kernel's.

    As a table, or for programs:

      estab ss
      estab ss --json | tail -n 1 | python3 -m json.tool
    """
    with explained("cannot ask the running processes"):
        reports, complaints = control.ask_all()
    for complaint in complaints:
        note(f"estab: {complaint}")
    if listening:
        for each in reports:
            each["sockets"] = [row for row in each["sockets"] if row["state"] in ("LISTEN", "")]
    if as_json:
        say(json.dumps({"processes": reports}))
    elif reports:
        sys.stdout.write(table([_row(each, row) for each in reports for row in each["sockets"]]))
        for each in reports:
            if each["omitted"]:
                note(f"estab: process {each['pid']} has {each['omitted']:,} more")
    else:
        note("estab: no other estab process of this user is running")


def _row(report: dict[str, Any], row: dict[str, Any]) -> tuple[str, ...]:
    state = _SHORT.get(row["state"], row["state"])
    process = f"pid={report['pid']} {report['command']}"
    queues = str(row["receive_queue"]), str(row["send_queue"])
    return state, *queues, row["local"], row["remote"], row["timer"] or "-", process


def table(rows: list[tuple[str, ...]]) -> str:
    """Columns as wide as they have to be; what came from elsewhere is shown without control characters."""
    clean = [_HEADINGS, *(tuple("".join(filter(str.isprintable, cell)) for cell in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*clean, strict=True)]
    lines = []
    for row in clean:
        cells = [
            cell.rjust(width) if index in _TO_THE_RIGHT else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"
