"""``estab plot``: what ``--trace`` wrote, as pictures."""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from estab.cli.errors import MISUSED, CommandError, explained
from estab.cli.stdio import say

Row = dict[str, Any]

FORMATS: Final = (".png", ".svg")
INSTALL: Final = "drawing needs matplotlib: pip install 'estab[plot]'"
_STYLE: Final = {"svg.hashsalt": "estab", "svg.fonttype": "none", "path.simplify_threshold": 0.5}
"""The same trace gives the same file; text stays text."""
_SECOND: Final = 1_000_000_000
_KILO: Final = 1000
_MARKS: Final = {
    "loss": ("loss found", "v", "tab:orange"),
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
    since: Annotated[float, typer.Option(metavar="SECONDS", help="Begin here, to see single segments.")] = 0.0,
    until: Annotated[
        float, typer.Option(metavar="SECONDS", help="End here. [default: where the trace ends]", show_default=False)
    ] = math.inf,
) -> None:
    """Draw the congestion window, the flight and the losses of a connection over time, and its sequence numbers.

    sudo estab serve . --trace served.jsonl --loss 1%
    estab plot served.jsonl -o served.png
    estab plot served.jsonl -o loss.png --since 2 --until 2.5
    """
    target = output or file.with_name(f"{file.name}.svg")
    if target.suffix not in FORMATS:
        raise CommandError(f"{target} is no picture that can be drawn: {' or '.join(FORMATS)} is expected", MISUSED)
    with explained(f"cannot plot {file}"):
        rows = choose(read(file), flow)
        shown = within(rows, since, until)
        draw(shown, target, title(rows))
    say(f"{target}: {len(shown):,} lines of connection {rows[0]['flow']}, {rows[0].get('remote', '')}".rstrip(", "))


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
    if not rows:
        raise ValueError("no connection has left anything in it")
    if flow is None:
        flow = max((row.get("end", 0), row["flow"]) for row in rows)[1]
    chosen = [row for row in rows if row["flow"] == flow]
    if not chosen:
        raise ValueError(f"there is no connection {flow} in it")
    return chosen


def within(rows: list[Row], since: float, until: float) -> list[Row]:
    """The lines between two times (s). Raises ``ValueError`` when there are none."""
    shown = [row for row in rows if since <= row["t"] / _SECOND <= until]
    if not shown:
        raise ValueError(f"nothing happens between {since:g} s and {until:g} s")
    return shown


def title(rows: list[Row]) -> str:
    """What became of the connection in one line."""
    sent = [row for row in rows if row["event"] == "sent"]
    again = sum(row["again"] for row in sent)
    timeouts = sum(row["event"] == "timeout" for row in rows)
    taken = (rows[-1]["t"] - rows[0]["t"]) / _SECOND
    size = max((row["end"] for row in sent), default=0) / _KILO
    name = f"to {rows[0]['remote']}" if "remote" in rows[0] else f"connection {rows[0]['flow']}"
    return f"{name}: {size:,.0f} KB in {taken:.3g} s, {again} segments sent again, {timeouts} timeouts"


def draw(rows: list[Row], target: Path, heading: str = "", dpi: int = 100) -> None:
    """Two pictures above each other, on one axis of time. ``dpi``: of a PNG of 10 by 7 inches."""
    try:
        figure = importlib.import_module("matplotlib.figure").Figure(figsize=(10, 7), layout="constrained")
        settings = importlib.import_module("matplotlib").rc_context(_STYLE)
    except ImportError:
        raise CommandError(INSTALL) from None
    with settings:
        above, below = figure.subplots(2, sharex=True)
        _windows(above, rows)
        _sequence(below, rows)
        above.set_title(heading, fontsize=11, loc="left")
        for axes in (above, below):
            axes.grid(alpha=0.25, linewidth=0.6)
            axes.spines[["top", "right"]].set_visible(False)
            axes.margins(x=0.01)
        # Without a date the same trace gives the same file.
        figure.savefig(target, dpi=dpi, metadata={"Date": None} if target.suffix == ".svg" else None)


def _windows(axes: Any, rows: list[Row]) -> None:
    times = _times(rows)
    flight = [row["pipe"] / _KILO for row in rows]
    axes.fill_between(times, flight, step="post", label="in flight", color="tab:gray", alpha=0.4, linewidth=0)
    axes.step(times, [row["cwnd"] / _KILO for row in rows], where="post", label="cwnd", color="tab:blue", linewidth=1.2)
    limits = [(row["t"] / _SECOND, row["ssthresh"] / _KILO) for row in rows if row.get("ssthresh") is not None]
    if limits:
        axes.step(*zip(*limits, strict=True), where="post", label="ssthresh", color="tab:purple", linestyle=":")
    for event, style in _MARKS.items():
        _dots(axes, [row for row in rows if row["event"] == event], "cwnd", style)
    # The legend has its place above what is drawn.
    axes.set_ylim(0, axes.get_ylim()[1] * 1.15)
    axes.set_ylabel("window and flight, KB")
    axes.legend(loc="upper right", ncols=5, fontsize=9)


def _sequence(axes: Any, rows: list[Row]) -> None:
    """What was sent, what was sent again, what was acknowledged, and how far it might have gone."""
    sent = [row for row in rows if row["event"] == "sent"]
    _bars(axes, [row for row in sent if not row["again"]])
    _dots(axes, [row for row in sent if row["again"]], "end", ("sent again", "x", "tab:red"))
    heard = [row for row in rows if row["event"] == "received"]
    for key, name, colour in (("ack", "acknowledged", "tab:green"), ("window", "window", "tab:gray")):
        axes.step(
            _times(heard), [row[key] / _KILO for row in heard], where="post", label=name, color=colour, linewidth=0.8
        )
    # The window is often far above what is sent.
    low, high = min((row["seq"] for row in sent), default=0), max((row["end"] for row in sent), default=1)
    axes.set_ylim((low - (high - low) / 20) / _KILO, (high + (high - low) / 10) / _KILO)
    axes.set_xlabel("seconds")
    axes.set_ylabel("sequence number, KB")
    axes.legend(loc="upper left", fontsize=9)


def _bars(axes: Any, rows: list[Row]) -> None:
    """One line for each segment, from its first byte to its last; one path for all, so that the file stays small."""
    if rows:
        times = [time for row in rows for time in (row["t"] / _SECOND,) * 3]
        ends = [each for row in rows for each in (row["seq"] / _KILO, row["end"] / _KILO, math.nan)]
        axes.plot(times, ends, label="sent", color="tab:blue", linewidth=1.5)


def _dots(axes: Any, rows: list[Row], key: str, style: tuple[str, str, str]) -> None:
    if rows:
        name, shape, colour = style
        axes.plot(_times(rows), [row[key] / _KILO for row in rows], shape, label=name, color=colour, markersize=4)


def _times(rows: Iterable[Row]) -> list[float]:
    return [row["t"] / _SECOND for row in rows]
