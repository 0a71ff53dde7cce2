"""Make the goodput table anew, or the rows of ``python -m tests.goodput bbr '600-*-cubic'``, on every core."""

from __future__ import annotations

import os
import sys
from fnmatch import fnmatchcase
from multiprocessing import Pool

from tests.goodput import snapshot
from tests.goodput.cell import Cell, cells, measure


def row(cell: Cell) -> str:
    return snapshot.line(cell, measure(cell))


def asked_for(cell: Cell, patterns: tuple[str, ...]) -> bool:
    """By the name of its control, or by its own as the tests have it: RTT, loss, rate, control."""
    name = "-".join(map(str, cell))
    return any(cell.control == pattern or fnmatchcase(name, pattern) for pattern in patterns)


def main(patterns: tuple[str, ...]) -> None:
    """Rows that were not asked for stay as they are in the file."""
    known = snapshot.read() if snapshot.FILE.exists() else {}
    wanted = [cell for cell in cells() if asked_for(cell, patterns)]
    with Pool(len(os.sched_getaffinity(0))) as pool:
        for number, (cell, made) in enumerate(zip(wanted, pool.imap(row, wanted), strict=True), 1):
            if made != known.get(cell):
                print(f"{number}/{len(wanted)} {made}", flush=True)  # noqa: T201
            known[cell] = made
    snapshot.write({cell: known[cell] for cell in cells() if cell in known})


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or ("*",))
