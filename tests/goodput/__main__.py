"""Make the goodput table anew: ``python -m tests.goodput [WORD ...]``, on every core.

Words choose cells: ``bbr``, ``100ms``, ``loss=1%``, ``loss=burst``, ``10M``; of one kind any, of several kinds each."""

from __future__ import annotations

import os
import sys
from multiprocessing import Pool

from tests.goodput import snapshot
from tests.goodput.cell import Cell, cells, measure


def words(cell: Cell) -> tuple[str, str, str, str]:
    """The words that choose a cell."""
    return f"{cell.rtt_ms}ms", f"loss={cell.loss}", f"{cell.rate_mbit}M", cell.control


def chosen(wanted: tuple[str, ...]) -> list[Cell]:
    """Those that are most work come first, so that no core is left alone with them at the end."""
    kinds = [set(kind) for kind in zip(*map(words, cells()), strict=True)]
    if unknown := set(wanted).difference(*kinds):
        sys.exit(f"no cell is called {', '.join(sorted(unknown))}; there are: {', '.join(sorted(set().union(*kinds)))}")
    asked = [kind & set(wanted) or kind for kind in kinds]
    found = [cell for cell in cells() if all(word in kind for word, kind in zip(words(cell), asked, strict=True))]
    known = snapshot.read() if snapshot.FILE.exists() else {}
    return sorted(found, key=lambda cell: -_packets(known.get(cell), cell))


def _packets(row: str | None, cell: Cell) -> float:
    """That it took the last time; before, how many the path carries."""
    if row is None:
        return cell.rate_mbit * cell.duration
    return float(row.split("\t")[snapshot.HEADER.index("sent")])


def row(cell: Cell) -> tuple[Cell, str]:
    return cell, snapshot.line(cell, measure(cell))


def main(wanted: tuple[str, ...]) -> None:
    """Rows that were not asked for stay as they are in the file, which is written cell by cell."""
    known = snapshot.read() if snapshot.FILE.exists() else {}
    todo = chosen(wanted)
    with Pool(len(os.sched_getaffinity(0))) as pool:
        for number, (cell, made) in enumerate(pool.imap_unordered(row, todo), 1):
            if made != known.get(cell):
                print(f"{number}/{len(todo)} {made}", flush=True)  # noqa: T201
                known[cell] = made
                snapshot.write({each: known[each] for each in cells() if each in known})


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
