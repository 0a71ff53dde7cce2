"""Writes lossy-paths.md from the tables that are checked in beside the tests, and from measured/: `make docs`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from tests.fairness import snapshot as fairness
from tests.fairness.flows import SPREAD, VARIATION
from tests.goodput import snapshot as goodput
from tests.goodput.cell import CONTROLS
from tests.repairs.burst import SEGMENTS
from tests.repairs.reordering import WAYS
from tests.repairs.tables import HOLES, LATENCY, REORDERING

HERE: Final = Path(__file__).parent
PAGE: Final = HERE / "lossy-paths.md"
TEMPLATE: Final = HERE / "lossy-paths.in.md"
MEASURED: Final = HERE / "measured"
"""What `make measured` has left: it takes half an hour, root, and a machine that has nothing else to do."""
PAYLOAD: Final = 1448 / 1500
"""The share of a full packet that is the application's."""


def render() -> str:
    """The page."""
    return TEMPLATE.read_text(encoding="utf-8").format(
        full=full(),
        fairness=shares(),
        spread=SPREAD,
        variation=VARIATION,
        latency=latency(),
        reordering=reordering(),
        holes=holes(),
        path=measured("path.json", path),
        loss=measured("loss.json", loss),
        rivals=measured("rivals.json", rivals),
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """In Markdown; all columns but the first hold numbers."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def full() -> str:
    """How many of the cells without loss are full in the second half."""
    lossless = {cell: goodput.steady(row) for cell, row in goodput.read().items() if cell.loss == "0"}
    short = [cell for cell, steady in lossless.items() if steady < 0.95 * PAYLOAD * cell.rate_mbit]
    named = ", ".join(f"{cell.control} at {cell.rate_mbit} Mbit/s and {cell.rtt_ms} ms" for cell in short)
    rest = f" Short of it: {named}." if short else ""
    return f"{len(lossless) - len(short)} of {len(lossless)} cells without loss reach 95 % of the rate.{rest}"


def shares() -> str:
    rows = []
    for race, row in fairness.read().items():
        index, least, total, each = row.split("\t")[len(race) :]
        wanted = fairness.LEAST[race.control]
        remark = "" if float(index) >= wanted else f" (short of {wanted})"
        rows.append((f"{race.control}, {race.flows} flows", index + remark, least, total, each.replace(" ", ", ")))
    return table(("", "Jain's index, median", "least of the seeds", "Mbit/s together", "Mbit/s each"), rows)


def latency() -> str:
    rows = LATENCY.read()
    body = [(str(lost), *(rows[control, str(lost)][0] for control in CONTROLS)) for lost in range(1, SEGMENTS + 1)]
    timeouts = sum(int(row[2]) for row in rows.values())
    return table(("lost", *CONTROLS), body) + f"\n\nRetransmission timeouts in all of them together: {timeouts}."


def reordering() -> str:
    rows = REORDERING.read()
    body = []
    for control in CONTROLS:
        ordered = float(rows[control, "in order"][0])
        for way in WAYS:
            steady, before, packets, again = rows[control, way]
            share, spurious = f"{float(steady) / ordered:.1%}", f"{int(again) / int(packets):.3%}"
            body.append((f"{control}, {way}", steady, share, before, f"{again} of {packets}", spurious))
    return table(("", "Mbit/s", "of that in order", "sent twice before", "and after", "that is"), body)


def holes() -> str:
    rows = HOLES.read()
    counts = list(dict.fromkeys(count for _, count in rows))
    names = list(dict.fromkeys(what for what, _ in rows))
    head = ("", *(f"{int(count):,} holes" for count in counts))
    return table(head, [(name, *(rows[name, count][0] for count in counts)) for name in names])


def measured(name: str, show: Any) -> str:
    """What was measured in real time, or how that is done."""
    file = MEASURED / name
    if not file.exists():
        return f"Not measured yet: `make measured` writes `measured/{name}`, from which the table here is made."
    return str(show(json.loads(file.read_text(encoding="utf-8"))))


def path(found: dict[str, Any]) -> str:
    rows = []
    for each in found["path"]:
        rate = "no limit" if each["rate_mbit"] is None else f"{each['rate_mbit']} Mbit/s"
        share = "" if each["of_rate"] is None else f"{each['of_rate']:.1%}"
        late = (f"{each['late_p50_ms']:.3f} ms", f"{each['late_p99_ms']:.3f} ms")
        work = (f"{each['cpu']:.0%}", str(each["core_carries_mbit"]))
        rows.append((f"{rate}, {each['rtt_ms']} ms", f"{each['carried_mbit']:.1f}", share, *late, *work))
    head = ("", "Mbit/s carried", "of the setting", "late, half", "late, 99 %", "of a core", "a whole core carries")
    return table(head, rows)


def loss(found: dict[str, Any]) -> str:
    rows = []
    for cell in found["cells"]:
        place = f"{cell['rtt_ms']} ms, {cell['loss']:.1%}, {cell['rate_mbit']} Mbit/s, {cell['cc']}, {cell['role']}"
        ratio = f"{cell['ratio']:.3f}" + ("" if cell["counted"] else " (not counted)")
        rows.append((place, f"{cell['estab_mbit']:.3f}", f"{cell['kernel_mbit']:.3f}", ratio))
    summary = f"Geometric mean of the ratios {found['geomean']:.3f}, the least {found['min']:.3f}."
    return table(("", "estab, Mbit/s", "kernel, Mbit/s", "ratio"), rows) + f"\n\n{summary}"


def rivals(found: dict[str, Any]) -> str:
    return f"estab's flow gets {found['share']:.1%} of what both get, the median of {found['n']} runs."


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
