"""Make the goodput table anew: ``python -m tests.goodput [CONTROL ...]``, on every core."""

from __future__ import annotations

import os
import sys
from multiprocessing import Pool

from tests.goodput import snapshot
from tests.goodput.cell import CONTROLS, Cell, cells, measure


def row(cell: Cell) -> str:
    return snapshot.line(cell, measure(cell))


def main(controls: tuple[str, ...]) -> None:
    """Rows of controls that were not asked for stay as they are in the file."""
    known = snapshot.read() if snapshot.FILE.exists() else {}
    wanted = list(cells(controls))
    with Pool(len(os.sched_getaffinity(0))) as pool:
        for number, (cell, made) in enumerate(zip(wanted, pool.imap(row, wanted), strict=True), 1):
            if made != known.get(cell):
                print(f"{number}/{len(wanted)} {made}", flush=True)  # noqa: T201
            known[cell] = made
    snapshot.write({cell: known[cell] for cell in cells() if cell in known})


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or CONTROLS)
