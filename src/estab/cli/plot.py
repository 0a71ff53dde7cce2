"""``estab plot``: what ``--trace`` wrote, as pictures."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from estab.cli.errors import MISUSED, CommandError, explained
from estab.cli.stdio import say

Row = dict[str, Any]

FORMATS: Final = (".png", ".svg")
INSTALL: Final = "drawing needs matplotlib: pip install 'estab[plot]'"
_SECOND: Final = 1_000_000_000
_KILO: Final = 1000
_MARKS: Final = {
    "loss": ("loss", "v", "tab:orange"),
    "timeout": ("timeout", "X", "tab:red"),
    "undo": ("undone", "^", "tab:green"),
}
"""What is drawn of the congestion events: name, shape, colour."""


def plot(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="Written by --trace.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="A .png or .svg. [default: FILE.svg]", show_default=False),
    ] = None,
    flow: Annotated[
        int | None,
        typer.Option(metavar="N", help="Which connection. [default: the one that sent most]", show_default=False),
    ] = None,
) -> None:
    """Draw the congestion window, the flight and the losses of a connection over time, and its sequence numbers.

    sudo estab serve . --trace served.jsonl --loss 1%
    estab plot served.jsonl -o served.png
    """
    target = output or file.with_name(f"{file.name}.svg")
    if target.suffix not in FORMATS:
        raise CommandError(f"{target} is no picture that can be drawn: {' or '.join(FORMATS)} is expected", MISUSED)
    with explained(f"cannot plot {file}"):
        rows = choose(read(file), flow)
        draw(rows, target)
    say(f"{target}: {len(rows):,} lines of connection {rows[0]['flow']}, {rows[0].get('remote', '')}".rstrip(", "))


def read(file: Path) -> list[Row]:
    """The lines of a trace. Raises ``ValueError`` for what is none."""
    rows = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            row["t"], row["flow"], row["event"], row["cwnd"], row["pipe"]
        except (ValueError, TypeError, KeyError):
            raise ValueError(f"line {number} is no line of a trace") from None
        rows.append(row)
    return rows


def choose(rows: list[Row], flow: int | None) -> list[Row]:
    """The lines of one connection. Raises ``ValueError`` when there are none."""
    if flow is None:
        flow = max((row.get("end", 0), row["flow"]) for row in rows)[1] if rows else 0
    chosen = [row for row in rows if row["flow"] == flow]
    if not chosen:
        raise ValueError(f"there is no connection {flow} in it")
    return chosen


def draw(rows: list[Row], target: Path) -> None:
    """Two pictures above each other, on one axis of time."""
    try:
        figure = importlib.import_module("matplotlib.figure").Figure(figsize=(10, 7), layout="constrained")
        settings = importlib.import_module("matplotlib").rc_context({"svg.hashsalt": "estab"})
    except ImportError:
        raise CommandError(INSTALL) from None
    with settings:
        above, below = figure.subplots(2, sharex=True)
        _windows(above, rows)
        _sequence(below, rows)
        # Without a date the same trace gives the same file.
        figure.savefig(target, metadata={"Date": None} if target.suffix == ".svg" else None)


def _windows(axes: Any, rows: list[Row]) -> None:
    times = _times(rows)
    axes.step(times, [row["cwnd"] / _KILO for row in rows], where="post", label="cwnd", color="tab:blue")
    axes.plot(times, [row["pipe"] / _KILO for row in rows], label="in flight", color="tab:gray", linewidth=0.7)
    limits = [(row["t"] / _SECOND, row["ssthresh"] / _KILO) for row in rows if row.get("ssthresh") is not None]
    if limits:
        axes.step(*zip(*limits, strict=True), where="post", label="ssthresh", color="tab:purple", linestyle=":")
    for event, style in _MARKS.items():
        _dots(axes, [row for row in rows if row["event"] == event], "cwnd", style)
    axes.set_ylabel("KB")
    axes.legend(loc="upper right")


def _sequence(axes: Any, rows: list[Row]) -> None:
    """What was sent, what was sent again, what was acknowledged, and how far it might have gone."""
    sent = [row for row in rows if row["event"] == "sent"]
    _dots(axes, [row for row in sent if not row["again"]], "end", ("sent", ".", "tab:blue"))
    _dots(axes, [row for row in sent if row["again"]], "end", ("sent again", "x", "tab:red"))
    heard = [row for row in rows if row["event"] == "received"]
    for key, name, colour in (("ack", "acknowledged", "tab:green"), ("window", "window", "tab:gray")):
        axes.step(
            _times(heard), [row[key] / _KILO for row in heard], where="post", label=name, color=colour, linewidth=0.8
        )
    # The window is often far above what is sent.
    axes.set_ylim(0, max((row["end"] for row in sent), default=1) * 1.1 / _KILO)
    axes.set_xlabel("s")
    axes.set_ylabel("sequence number, KB")
    axes.legend(loc="upper left")


def _dots(axes: Any, rows: list[Row], key: str, style: tuple[str, str, str]) -> None:
    if rows:
        name, shape, colour = style
        axes.plot(_times(rows), [row[key] / _KILO for row in rows], shape, label=name, color=colour, markersize=4)


def _times(rows: Iterable[Row]) -> list[float]:
    return [row["t"] / _SECOND for row in rows]
