"""Runs tests in a process of their own, from this checkout, without one defence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.mutants.verdict import Verdict

LIMIT: Final = 240
"""Seconds for the tests of one mutation; one that makes them hang is no use."""
ROOT: Final = Path(__file__).parent.parent.parent
ENVIRONMENT: Final = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
PYTEST: Final = (sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider")
WITHOUT: Final = ("-p", "tests.mutants.plugin", "--hypothesis-profile=mutant")


def run(mutation: str | None, tests: Iterable[str]) -> Verdict:
    """Which of the tests fail without this defence; ``None``: with all of them."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "verdict"
        mutate = () if mutation is None else ("--mutate", mutation)
        command = (*PYTEST, *WITHOUT, *mutate, "--verdict", str(file), *tests)
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=LIMIT, check=False
            )
        except subprocess.TimeoutExpired:
            return Verdict(frozenset(), f"no end within {LIMIT} s")
        if not file.exists():
            return Verdict(frozenset(), done.stderr[-500:] or done.stdout[-500:])
        said = json.loads(file.read_text(encoding="utf-8"))
        return Verdict(frozenset(said["failed"]), "" if said["effect"] else "took no effect")
