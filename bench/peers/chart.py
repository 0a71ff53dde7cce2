"""The chart of the page of a run: ``python -m bench.peers.chart < REPORT.json > docs/peers.svg``."""

from __future__ import annotations

import io
import json
import sys
from typing import Any, Final

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

PANELS: Final = (("bulk_in", "into the stack"), ("bulk_out", "out of the stack"))
OURS: Final = "#1f6f8b"
THEIRS: Final = "#b8bfc6"


def draw(rows: list[dict[str, Any]]) -> str:
    """SVG: Gbit/s of every stack, best variant, one connection at MTU 1500."""
    plt.rcParams["svg.hashsalt"] = "estab"
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True)
    best: dict[str, dict[str, float]] = {case: {} for case, _ in PANELS}
    for row in rows:
        if row["case"] in best and row["stack"] != "relay":
            name = f"estab ({row['variant']})" if row["stack"] == "estab" else row["stack"]
            best[row["case"]][name] = max(best[row["case"]].get(name, 0.0), row["value"])
    order = sorted(best["bulk_in"], key=lambda name: best["bulk_in"][name])
    for axis, (case, title) in zip(axes, PANELS, strict=True):
        values = [best[case].get(name, 0.0) for name in order]
        bars = axis.barh(order, values, color=[OURS if "estab" in name else THEIRS for name in order])
        axis.bar_label(bars, [f"{value:.2g}" for value in values], padding=3, fontsize=8)
        axis.set_title(f"Gbit/s {title}", fontsize=10)
        axis.margins(x=0.15)
        axis.tick_params(labelsize=9)
        for side in ("top", "right", "bottom"):
            axis.spines[side].set_visible(False)
        axis.set_xticks([])
    figure.tight_layout()
    text = io.StringIO()
    # Without a date the same figures make the same file.
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


if __name__ == "__main__":
    sys.stdout.write(draw(json.load(sys.stdin)["rows"]))
