"""Measure every figure in a process and a network namespace of its own, and print a table or a line of JSON."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import timeit
from typing import Any

FIGURES = ["bulk_in", "bulk_out", "round_trips", "open_close", "memory_idle"]
UNITS = {
    "bulk_in": ("MB/s", "CPU µs a MB"),
    "bulk_out": ("MB/s", "CPU µs a MB"),
    "round_trips": ("1/s", "CPU µs each"),
    "open_close": ("1/s", "CPU µs each"),
    "memory_idle": ("bytes", ""),
}
ROUNDS = 5
LIMIT = 120
"""Seconds for one measurement."""


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of the table")
    arguments = parser.parse_args()
    try:
        plain = [median("plain", what) for what in FIGURES]
        through_asyncio = [median("asyncio", what) for what in FIGURES[:4]]
    except Unmeasurable as reason:
        print(reason, file=sys.stderr)  # noqa: T201
        return 1
    congestion = plain[0].pop("congestion_control")
    if arguments.json:
        report = {"figures": list(map(public, plain)), "asyncio": list(map(public, through_asyncio))}
        more = {"kernel_congestion_control": congestion, "python_call_ns": python_call()}
        print(json.dumps(report | more))  # noqa: T201
    else:
        print(table(plain, through_asyncio, congestion))  # noqa: T201
    return 0


def python_call() -> int:
    """What a call of an empty function costs here and now (ns): the yardstick for every other figure."""
    return round(min(timeit.repeat("f()", "def f(): pass", number=100_000, repeat=5)) * 10_000)


class Unmeasurable(Exception):  # noqa: N818
    """One line that says why."""


def median(driver: str, what: str) -> dict[str, Any]:
    """The round in the middle."""
    rounds = [measure(driver, what) for _ in range(1 if what == "memory_idle" else ROUNDS)]
    value = statistics.median_low(each["value"] for each in rounds)
    return next(each for each in rounds if each["value"] == value)


def measure(driver: str, what: str) -> dict[str, Any]:
    """One round. Raises ``Unmeasurable``."""
    namespace: list[str] = []
    if what != "memory_idle":
        if shutil.which("unshare") is None:
            raise Unmeasurable("unshare is missing: apt-get install util-linux")
        namespace = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]
    command = [*namespace, sys.executable, "-m", "bench.measure", driver, what]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise Unmeasurable(f"{what} took longer than {LIMIT} s") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise Unmeasurable(f"cannot measure {what}: {lines[-1]}")
    figure: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figure | {"what": what, "unit": UNITS[what][0]}


def public(figure: dict[str, Any]) -> dict[str, Any]:
    return {key: figure[key] for key in ("what", "value", "unit", "cpu_us")}


def table(plain: list[dict[str, Any]], through_asyncio: list[dict[str, Any]], congestion: str) -> str:
    """Both drivers side by side."""
    rows = [f"{'':14}{'plain driver':^36}{'asyncio':^36}"]
    others = {figure["what"]: figure for figure in through_asyncio}
    for figure in plain:
        other = others.get(figure["what"])
        rows.append(f"{figure['what']:14}{cell(figure):36}{cell(other) if other else ''}".rstrip())
    version = sys.version.split()[0]
    rows.append(f"Python {version}, MTU 1500 with offload, the kernel's congestion control: {congestion}")
    rows.append(f"the median of {ROUNDS}; an empty Python function takes {python_call()} ns to call here and now")
    return "\n".join(rows)


def cell(figure: dict[str, Any]) -> str:
    unit, cost = UNITS[figure["what"]]
    text = f"{figure['value']:>9,.0f} {unit}"
    return text if figure["cpu_us"] is None else f"{text:16}{figure['cpu_us']:>7.0f} {cost}"


if __name__ == "__main__":
    sys.exit(main())
