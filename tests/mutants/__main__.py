"""Takes away what meets each requirement and runs its tests: ``python -m tests.mutants [--json] [NAME …]``.

The names are those of requirements or of mutations; none: all. The exit status is 1 when anything survives.
"""

from __future__ import annotations

import json
import sys
from time import monotonic

from docs.make_rfc_map import Row, load
from tests.mutants.process import verdicts
from tests.mutants.verdict import Verdict, survivors


def main(names: list[str], as_json: bool) -> int:
    rows = [row for row in load() if row.mutations and (not names or {row.id, *row.mutations} & {*names})]
    began = monotonic()
    said: dict[str | None, Verdict] = {}
    for mutation, verdict in verdicts(jobs(rows)):
        said[mutation] = verdict
        if not as_json:
            print(line(mutation, verdict, rows), flush=True)  # noqa: T201
    found = survivors(rows, said)
    seconds = round(monotonic() - began)
    if as_json:
        figures = {"requirements": len(rows), "mutations": len(said) - 1, "survivors": found, "seconds": seconds}
        print(json.dumps(figures))  # noqa: T201
    else:
        print("", *found, sep="\n")  # noqa: T201
        print(f"{len(said) - 1} mutations, {len(rows)} requirements, {len(found)} survivors, {seconds} s")  # noqa: T201
    return bool(found)


def jobs(rows: list[Row]) -> dict[str | None, set[str]]:
    """Each mutation and the tests of all requirements that it takes away; ``None`` and all tests."""
    found: dict[str | None, set[str]] = {None: set()}
    for row in rows:
        for name in (None, *row.mutations):
            found.setdefault(name, set()).update(row.tests)
    return found


def line(mutation: str | None, verdict: Verdict, rows: list[Row]) -> str:
    """How many tests of how many failed, and of which requirements they are."""
    served = [row for row in rows if mutation is None or mutation in row.mutations]
    tests = {test for row in served for test in row.tests}
    failed = len(tests & verdict.failed)
    named = "all" if mutation is None else " ".join(row.id for row in served)
    return f"{mutation or 'nothing taken away':44} {failed:3}/{len(tests):<3} {named}"


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(main([each for each in arguments if each != "--json"], "--json" in arguments))
