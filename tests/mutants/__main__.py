"""Takes away what meets each requirement and runs its tests: ``python -m tests.mutants [--json] [NAME …]``.

The names are those of requirements or of mutations; none: all. The exit status is 1 when anything survives.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

from docs.make_rfc_map import Row, load
from tests.mutants.process import run
from tests.mutants.verdict import Verdict, survivors


def main(names: list[str], as_json: bool) -> int:
    rows = [row for row in load() if row.mutations and (not names or {row.id, *row.mutations} & {*names})]
    jobs = {None: set[str]()} | {name: set[str]() for row in rows for name in row.mutations}
    for row in rows:
        for name in (None, *row.mutations):
            jobs[name].update(row.tests)
    began = monotonic()
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        verdicts = dict(zip(jobs, pool.map(run, jobs, map(sorted, jobs.values())), strict=True))
    found = survivors(rows, verdicts)
    seconds = round(monotonic() - began)
    if as_json:
        figures = {"requirements": len(rows), "mutations": len(jobs) - 1, "survivors": found, "seconds": seconds}
        print(json.dumps(figures))  # noqa: T201
    else:
        print_table(rows, verdicts)
        print(*found, sep="\n", end="\n" * bool(found))  # noqa: T201
        print(f"{len(jobs) - 1} mutations, {len(rows)} requirements, {len(found)} survivors, {seconds} s")  # noqa: T201
    return bool(found)


def print_table(rows: list[Row], verdicts: dict[str | None, Verdict]) -> None:
    """One line for each mutation: the tests that failed of those that were run, and the requirements."""
    for name in sorted(filter(None, verdicts)):
        served = [row for row in rows if name in row.mutations]
        tests = {test for row in served for test in row.tests}
        failed = len(tests & verdicts[name].failed)
        print(f"{name:44} {failed:3}/{len(tests):<3} {' '.join(row.id for row in served)}")  # noqa: T201


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(main([each for each in arguments if each != "--json"], "--json" in arguments))
