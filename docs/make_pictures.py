"""Draws the pictures of lossy-paths.md in virtual time, the same every time: `make pictures`."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure
from PIL import Image

from estab.cli import plot
from estab.drivers.trace import Trace
from estab.faults.path import Line, bandwidth_delay
from estab.faults.path import Path as LossyPath
from estab.sim import Network
from estab.tcp.config import MILLISECOND, MODERN, SECOND
from tests.goodput import snapshot
from tests.goodput.cell import CONTROLS, LOSSES, RATES, RTTS, Cell, Sink

HERE: Final = Path(__file__).parent / "pictures"
RATE: Final = 10_000_000
RTT: Final = 40 * MILLISECOND
LOSS: Final = 0.001
DPI: Final = 85
"""Of 10 by 7 inches: files below 100 KB."""
DURATION: Final = 10 * SECOND
PAYLOAD: Final = 1448 / 1500
"""The share of a full packet that is the application's."""


def trace(control: str) -> list[plot.Row]:
    """One flow over the path of the pictures, as ``--trace`` writes it."""
    rows: list[plot.Row] = []
    network = Network(1, recording=False)
    writer = Trace(lambda line: rows.append(json.loads(line)))
    source = network.host("source", "10.0.0.1/24", config=MODERN.but(congestion=control), observer=writer)
    target = network.host("target", "10.0.0.2/24")
    line = Line(RATE, bandwidth_delay(RATE, RTT), RTT // 2, loss=LOSS)
    network.connect(source, target, path=LossyPath(line))
    Sink(target, network)
    flow = source.stack.open(("10.0.0.2", 80), 0)
    block = bytes(1 << 16)

    def write(_: object) -> None:
        while flow.send(block, network.clock.now) == len(block):
            pass

    source.on_event = write
    write(flow)
    network.run_until(DURATION)
    return rows


def heat_map(target: Path) -> None:
    """The goodput table: how much of what the path can carry each control got."""
    rows = snapshot.read()
    figure = Figure(figsize=(10, 6.3), layout="constrained")
    columns = [(rate, rtt) for rate in RATES for rtt in RTTS]
    for axes, control in zip(figure.subplots(len(CONTROLS), sharex=True), CONTROLS, strict=True):
        shares = [[_share(rows[Cell(rtt, loss, rate, control)], rate) for rate, rtt in columns] for loss in LOSSES]
        image = axes.imshow(shares, vmin=0, vmax=1, cmap="RdYlGn", aspect="auto")
        for y, row in enumerate(shares):
            for x, share in enumerate(row):
                colour = "black" if 0.15 < share < 0.9 else "white"
                axes.text(x, y, f"{share:.0%}", ha="center", va="center", fontsize=8, color=colour)
        _label(axes, control, columns)
    figure.colorbar(image, ax=figure.axes, label="goodput, of what the path carries", shrink=0.6)
    drawn = BytesIO()
    figure.savefig(drawn, dpi=DPI)
    # All shades of a colour bar take twice the place.
    Image.open(drawn).quantize(64).save(target, optimize=True)


def _share(row: str, rate: int) -> float:
    return float(row.split("\t")[snapshot.HEADER.index("goodput")]) / (rate * PAYLOAD)


def _label(axes: Any, control: str, columns: list[tuple[int, int]]) -> None:
    axes.set_title(control, loc="left", fontsize=11)
    axes.set_yticks(range(len(LOSSES)), [f"loss {loss}" if loss[0].isdigit() else loss for loss in LOSSES], fontsize=8)
    axes.set_xticks(range(len(columns)), [f"{rate} Mbit/s\n{rtt} ms" for rate, rtt in columns], fontsize=7)
    for x in range(len(RTTS), len(columns), len(RTTS)):
        axes.axvline(x - 0.5, color="white", linewidth=3)


def main() -> None:
    HERE.mkdir(exist_ok=True)
    for control in CONTROLS:
        rows = trace(control)
        plot.draw(rows, HERE / f"{control}.png", f"{control}, {plot.title(rows)}", DPI)
    heat_map(HERE / "goodput.png")


if __name__ == "__main__":
    main()
