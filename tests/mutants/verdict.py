"""What survives: a requirement whose tests do not notice that it is no longer met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from docs.make_rfc_map import Row


class Verdict(NamedTuple):
    """What came out of running tests without one defence."""

    failed: frozenset[str]
    trouble: str = ""
    """Why the run says nothing; empty: it does."""


def survivors(rows: Sequence[Row], verdicts: Mapping[str | None, Verdict]) -> list[str]:
    """A line for each complaint. ``None`` is the run in which nothing was taken away.

    Every test of a requirement fails under one of its mutations; every mutation makes one of its tests fail."""
    found = [f"{name or 'nothing taken away'}: {each.trouble}" for name, each in verdicts.items() if each.trouble]
    found += [f"{test} fails although nothing was taken away" for test in sorted(verdicts[None].failed)]
    for row in rows:
        noticed = [verdicts[name].failed for name in row.mutations]
        for test in row.tests:
            if not any(test in failed for failed in noticed):
                found.append(f"{row.id}: {test} passes without {' or '.join(row.mutations)}")
        for name, failed in zip(row.mutations, noticed, strict=True):
            if failed.isdisjoint(row.tests):
                found.append(f"{row.id}: none of its tests fails without {name}")
    return found
