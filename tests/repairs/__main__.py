"""Make the tables of repairs anew, on every core, and print what holes cost: ``python -m tests.repairs``."""

from __future__ import annotations

import os
from multiprocessing import Pool

from tests.repairs import holes, tables

HOLES = (10, 100, 1000, 10_000)


def main() -> None:
    with Pool(len(os.sched_getaffinity(0))) as pool:
        for table, make in ((tables.LATENCY, tables.latency), (tables.REORDERING, tables.reordering)):
            rows = []
            for about, made in zip(table.about, pool.imap(make, table.about), strict=True):
                rows.append(about + made)
                print("\t".join(rows[-1]), flush=True)  # noqa: T201
            table.write(rows)
    for control in tables.CONTROLS:
        for count in HOLES:
            work = holes.acknowledgements(count, control)
            say(f"{count} holes, an acknowledgement that tells of one more, {control}", work)
    for count in HOLES:
        say(f"{count} holes, a segment that comes behind one more", holes.arrivals(count))


def say(what: str, work: holes.Work) -> None:
    print(f"{what}: at most {work.lines} lines, {work.microseconds:.0f} CPU µs on average", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
