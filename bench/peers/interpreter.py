"""The interpreter on which every stack in Python runs: of this version the one that is fastest here.

Distributions build theirs by profile and as a whole, which makes it a fifth faster, and not all of them say so in what
``sysconfig`` knows. So it is measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

ROUNDS: Final = 5
CLEARLY: Final = 0.95
"""Of the time of the interpreter that measures: less of a difference does not tell two builds apart."""
LIMIT: Final = 60

_ABOUT: Final = """
import json, os, platform, sys, sysconfig, venv
how = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
where = os.path.realpath(sys.executable)
print(json.dumps([where, platform.python_version(), sysconfig.get_config_var("SOABI"), how]))
"""
_WORK: Final = """
import time

class Counter:
    __slots__ = ("total", "seen")
    def __init__(self):
        self.total, self.seen = 0, {}
    def take(self, number, data):
        self.total += number & 0xFF
        self.seen[number % 97] = data[number % 50 : 60]
        return len(self.seen) < 50 or number > self.total

counter, data = Counter(), bytes(100)
begun = time.process_time()
for number in range(300_000):
    if counter.take(number, data):
        counter.total -= 1
print(time.process_time() - begun)
"""


class Interpreter(NamedTuple):
    """``share``: of the time of the one that measures. ``declared``: it says that it is an optimised build."""

    path: str
    version: str
    declared: bool
    share: float

    def __str__(self) -> str:
        build = "built with --enable-optimizations" if self.declared else "does not say how it was built"
        if self.share == 1:
            return f"{self.version} (none here is faster; {build})"
        own = sys.version.split()[0]
        return f"{self.version} ({self.path}, {1 / self.share:.2f} times as fast as {own}, which measures; {build})"


@cache
def best(known: Path) -> Interpreter:
    """Kept in the file ``known``, so that what is built for it is of use in the next run too; chosen again when others
    have come or gone."""
    found = list(candidates())
    try:
        before = json.loads(known.read_text(encoding="utf-8"))
        if before["candidates"] == found:
            return Interpreter(*before["chosen"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    chosen = choose(found)
    known.write_text(json.dumps({"candidates": found, "chosen": chosen}), encoding="utf-8")
    return chosen


def candidates() -> Iterator[list[Any]]:
    """What each says of itself: where it is, its version, and whether it was configured to be optimised. Ours first."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    places = [sys.executable, *(str(Path(place, name)) for place in ("/usr/bin", *os.get_exec_path()))]
    seen = set()
    for place in places:
        try:
            path, version, abi, declared = json.loads(_run(place, _ABOUT))
        except (OSError, ValueError, subprocess.SubprocessError):
            continue
        # What is compiled for one has to run on the other.
        if path not in seen and abi == sysconfig.get_config_var("SOABI"):
            seen.add(path)
            yield [path, version, declared]


def choose(found: list[list[Any]]) -> Interpreter:
    """The least of some rounds each, in turns."""
    least = [min(times) for times in zip(*([cost(each[0]) for each in found] for _ in range(ROUNDS)), strict=True)]
    shares = [each / least[0] for each in least]
    at = shares.index(min(shares))
    if shares[at] > CLEARLY:
        at = 0
    return Interpreter(*found[at], shares[at])


def cost(path: str) -> float:
    """CPU seconds of some ordinary Python."""
    return float(_run(path, _WORK))


def _run(path: str, program: str) -> str:
    command = [path, "-I", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=True).stdout
