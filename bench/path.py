"""How much ``estab path`` carries in real time, and how late it is: ``python -m bench.path``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any, Final, NamedTuple

from bench.loss.stage import run
from estab.faults.path import Line, Path, bandwidth_delay

SECONDS: Final = 5.0
PAYLOAD: Final = 1448 / 1500
"""The share of a full packet that is the application's."""


class Setting(NamedTuple):
    """A path without loss, both directions alike, and the kernel's control that fills it."""

    rate_mbit: int | None
    """None: as fast as it can."""
    rtt_ms: int
    control: str = "cubic"

    @property
    def path(self) -> Path:
        rtt = self.rtt_ms * 1_000_000
        if self.rate_mbit is None:
            return Path(Line(delay=rtt // 2))
        rate = self.rate_mbit * 1_000_000
        return Path(Line(rate, max(2 * bandwidth_delay(rate, rtt), 150_000), rtt // 2))


SETTINGS: Final = (Setting(None, 0), Setting(None, 20), Setting(10, 20), Setting(100, 20), Setting(300, 20))


def measure(setting: Setting) -> dict[str, Any]:
    """One kernel sends to another over TCP, MTU 1500, no offload: Mbit/s on the wire, and the relay's own report."""
    done = run(setting, False, False, 1, SECONDS)
    carried = done.mbit / PAYLOAD
    return {
        "rate_mbit": setting.rate_mbit,
        "rtt_ms": setting.rtt_ms,
        "carried_mbit": round(carried, 2),
        "of_rate": None if setting.rate_mbit is None else round(carried / setting.rate_mbit, 4),
        "late_p50_ms": done.report.late_p50 / 1e6,
        "late_p99_ms": done.report.late_p99 / 1e6,
        "busy": done.report.busy,
        "cpu": done.report.cpu,
        "core_carries_mbit": round(carried / max(done.report.cpu, 0.001)),
    }


def line(row: dict[str, Any]) -> str:
    rate = "no limit" if row["rate_mbit"] is None else f"{row['rate_mbit']} Mbit/s"
    share = "" if row["of_rate"] is None else f" ({row['of_rate']:.1%})"
    late = f"late by {row['late_p50_ms']:.3f} ms (half), {row['late_p99_ms']:.3f} ms (99 %)"
    carried = f"carried {row['carried_mbit']:>7.1f} Mbit/s{share}"
    work = f"busy {row['busy']:.0%}, cpu {row['cpu']:.0%}: a whole core carries {row['core_carries_mbit']} Mbit/s"
    return f"{rate:>10} {row['rtt_ms']:>3} ms  {carried}  {late}  {work}"


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.path", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of the table")
    arguments = parser.parse_args()
    rows = []
    try:
        for setting in SETTINGS:
            rows.append(measure(setting))
            if not arguments.json:
                print(line(rows[-1]), flush=True)  # noqa: T201
    except (OSError, RuntimeError) as error:
        print(f"cannot measure: {error}", file=sys.stderr)  # noqa: T201
        return 1
    if arguments.json:
        print(json.dumps({"path": rows, "cores": os.cpu_count()}))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
