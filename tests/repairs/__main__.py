"""Make the tables of repairs anew, on every core: ``python -m tests.repairs``."""

from __future__ import annotations

import os
from multiprocessing import Pool

from tests.repairs import tables


def main() -> None:
    with Pool(len(os.sched_getaffinity(0))) as pool:
        for table, make in ((tables.LATENCY, tables.latency), (tables.REORDERING, tables.reordering)):
            rows = []
            for about, made in zip(table.about, pool.imap(make, table.about), strict=True):
                rows.append(about + made)
                print("\t".join(rows[-1]), flush=True)  # noqa: T201
            table.write(rows)
    rows = []
    for about in tables.HOLES.about:
        work = tables.work(about)
        rows.append((*about, str(work.lines)))
        print(*rows[-1], f"lines at most, {work.microseconds:.0f} CPU µs on average", flush=True)  # noqa: T201
    tables.HOLES.write(rows)


if __name__ == "__main__":
    main()
