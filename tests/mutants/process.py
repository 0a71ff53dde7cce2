"""Runs tests without a defence, each time in a process of its own; all are forked from one that has pytest already."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from tests.mutants.verdict import Verdict
from tests.where import PATHS, ROOT

LIMIT: Final = 240
"""Seconds of processor time for the tests of one mutation; one that makes them hang is no use."""
MEMORY: Final = 2 << 30
"""Bytes."""
PRELOADED: Final = ["pytest", "hypothesis.strategies", "estab.mutations.install"]
OPTIONS: Final = (
    *("-q", "--tb=no", "-p", "no:cacheprovider", "-p", "tests.mutants.plugin", "--hypothesis-profile=mutant"),
    *("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"),
)


def verdicts(jobs: Mapping[str | None, Iterable[str]]) -> Iterator[tuple[str | None, Verdict]]:
    """For each mutation, as it is done, which of its tests fail; ``None``: with all defences."""
    context = get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    workers = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(workers, mp_context=context, max_tasks_per_child=1) as pool:
        running = {pool.submit(run, mutation, sorted(tests)): mutation for mutation, tests in jobs.items()}
        for done in as_completed(running):
            yield running[done], done.result()


def run(mutation: str | None, tests: list[str]) -> Verdict:
    """To be called in a process that ends afterwards."""
    import pytest  # noqa: PLC0415

    os.chdir(ROOT)
    sys.path[:0] = PATHS
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT, LIMIT + 5))
    signal.signal(signal.SIGXCPU, lambda *_: pytest.exit(f"no end within {LIMIT} s"))
    with tempfile.TemporaryDirectory() as directory, Path(directory, "output").open("w+", encoding="utf-8") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
        file = Path(directory) / "verdict"
        mutate = ("--mutate", mutation) if mutation else ()
        where = ("--override-ini", f"pythonpath={' '.join(PATHS)}")
        code = pytest.main([*OPTIONS, *where, "--verdict", str(file), *mutate, *tests])
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            sys.stdout.flush()
            return Verdict(frozenset(), Path(directory, "output").read_text(encoding="utf-8")[-500:])
        return Verdict(frozenset(json.loads(file.read_text(encoding="utf-8"))))
