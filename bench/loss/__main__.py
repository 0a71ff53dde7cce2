"""Let estab and the kernel take turns on the same paths, with the same seeds; print both rates and their ratio."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
from collections.abc import Iterator
from typing import Any, Final

from bench.loss.cells import CONTROLS, FULL, QUICK, Cell
from bench.loss.stage import Run, run

SECONDS: Final = 5.0
"""Of each run, from when the connection is accepted."""
ROLES: Final = {"kernel": (False, False), "sender": (True, False), "receiver": (False, True)}
"""Who sends and who receives: is it estab?"""
INSIDE: Final = "ESTAB_BENCH_NAMESPACE"


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.loss", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of the table")
    parser.add_argument("--quick", action="store_true", help="a quarter of the cells, median of three: under 5 minutes")
    arguments = parser.parse_args()
    if INSIDE not in os.environ:
        _move_into_namespace()
    rows: list[dict[str, Any]] = []
    try:
        for row in measure(QUICK if arguments.quick else FULL, 3 if arguments.quick else 5):
            rows.append(row)
            if not arguments.json:
                print(line(row), flush=True)  # noqa: T201
    except (OSError, RuntimeError) as error:
        print(f"cannot measure: {error}", file=sys.stderr)  # noqa: T201
        return 1
    summary = summarize(rows)
    if arguments.json:
        print(json.dumps({"cells": [public(row) for row in rows]} | summary))  # noqa: T201
    else:
        print(f"geometric mean {summary['geomean']:.3f}, least {summary['min']:.3f}")  # noqa: T201
    return 0


def measure(cells: tuple[Cell, ...], rounds: int) -> Iterator[dict[str, Any]]:
    """Two rows for each cell: estab as the sender and as the receiver, against the kernel in both roles."""
    for cell in cells:
        runs: dict[str, list[Run]] = {role: [] for role in ROLES}
        for seed in range(rounds):
            for role, estab in ROLES.items():
                runs[role].append(run(cell, *estab, seed, SECONDS))
        kernel = statistics.median(each.mbit for each in runs["kernel"])
        for role in ("sender", "receiver"):
            estab_mbit = statistics.median(each.mbit for each in runs[role])
            yield {
                "rtt_ms": cell.rtt_ms,
                "loss": cell.loss,
                "rate_mbit": cell.rate_mbit,
                "cc": CONTROLS[cell.control],
                "role": role,
                "n": rounds,
                "counted": cell.counted,
                "estab_mbit": round(estab_mbit, 3),
                "kernel_mbit": round(kernel, 3),
                "ratio": round(estab_mbit / kernel, 3),
                "used": f"{runs[role][0].control} beside {runs['kernel'][0].control}",
                "late_ms": max(each.report.late_p99 for each in (*runs[role], *runs["kernel"])) / 1e6,
            }


def public(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in ("used", "late_ms")}


def summarize(rows: list[dict[str, Any]]) -> dict[str, float]:
    ratios = [row["ratio"] for row in rows if row["counted"]]
    return {"geomean": round(statistics.geometric_mean(ratios), 3), "min": min(ratios)}


def line(row: dict[str, Any]) -> str:
    """A row for people; the controls are those that the senders said they use."""
    path = f"{row['rtt_ms']:>4} ms {row['loss']:>6.1%} {row['rate_mbit']:>4} Mbit/s"
    rates = f"estab {row['estab_mbit']:>8.3f}  kernel {row['kernel_mbit']:>8.3f} Mbit/s  ratio {row['ratio']:.3f}"
    remark = "" if row["counted"] else "  (not counted)"
    used = f"{row['used']}, path late by {row['late_ms']:.1f} ms (99 %)"
    return f"{path}  estab as {row['role']:8}  {rates}{remark}  [{used}]"


def _move_into_namespace() -> None:
    """Start this program again where it may make namespaces; anybody but root needs a user namespace for that."""
    unshare = shutil.which("unshare")
    if unshare is None:
        sys.exit("unshare is missing: apt-get install util-linux")
    options = ["-n"] if os.geteuid() == 0 else ["-Urn"]
    os.environ[INSIDE] = "1"
    os.execv(unshare, [unshare, *options, sys.executable, "-m", "bench.loss", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
