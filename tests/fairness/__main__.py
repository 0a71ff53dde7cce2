"""Make the table of fairness anew: ``python -m tests.fairness [CONTROL ...]``, on every core, in the simulator."""

from __future__ import annotations

import os
import sys
from itertools import product
from multiprocessing import Pool

from tests.fairness import snapshot
from tests.fairness.flows import FLOWS, SEEDS, Race, shares
from tests.goodput.cell import CONTROLS


def main(controls: tuple[str, ...]) -> None:
    """Rows of controls that were not asked for stay as they are in the file."""
    races = [Race(*each) for each in product(controls, FLOWS)]
    runs: dict[Race, list[list[float]]] = {race: [] for race in races}
    rows = snapshot.read()
    with Pool(len(os.sched_getaffinity(0))) as pool:
        waiting = [(race, pool.apply_async(shares, (race, seed))) for race in races for seed in SEEDS]
        for race, result in waiting:
            runs[race].append(result.get())
            if len(runs[race]) == len(SEEDS):
                rows[race] = snapshot.line(race, runs[race])
                print(rows[race], flush=True)  # noqa: T201
    snapshot.write(rows)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or CONTROLS)
