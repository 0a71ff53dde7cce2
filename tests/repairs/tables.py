"""The tables of repairs as files, in columns: a change shows in few lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.goodput.cell import CONTROLS
from tests.repairs import holes
from tests.repairs.burst import SEGMENTS, repair
from tests.repairs.reordering import WAYS, flow

HERE: Final = Path(__file__).parent

Row = tuple[str, ...]


class Table(NamedTuple):
    """A file, its columns, and what its rows are about: the first columns."""

    file: Path
    columns: Row
    about: tuple[Row, ...]

    def read(self) -> dict[Row, Row]:
        """The rows of the file: what each is about, and what it says."""
        keys = len(self.about[0])
        rows = [tuple(row.split("\t")) for row in self.file.read_text(encoding="utf-8").splitlines()[1:]]
        return {row[:keys]: row[keys:] for row in rows}

    def write(self, rows: Iterable[Sequence[str]]) -> None:
        lines = ["\t".join(row) for row in (self.columns, *rows)]
        self.file.write_text("\n".join([*lines, ""]), encoding="utf-8")


LATENCY: Final = Table(
    HERE / "latency.tsv",
    ("control", "lost", "round_trips", "again", "timeouts"),
    tuple((control, str(lost)) for control in CONTROLS for lost in range(1, SEGMENTS + 1)),
)
REORDERING: Final = Table(
    HERE / "reordering.tsv",
    ("control", "way", "steady", "before", "packets", "again"),
    tuple((control, way) for control in CONTROLS for way in WAYS),
)
HOLES: Final = Table(
    HERE / "holes.tsv",
    ("what", "holes", "lines"),
    tuple((what, str(count)) for what in (*CONTROLS, "receiver") for count in (10, 100, 1000, 10_000)),
)
"""``what``: the control of a sender that is told of one more hole, or a receiver that sees one."""


def latency(about: Row) -> Row:
    """Makes the rest of a row of ``LATENCY``."""
    control, lost = about
    made = repair(control, int(lost))
    return f"{made.round_trips:.3f}", str(made.again), str(made.timeouts)


def work(about: Row) -> holes.Work:
    """What makes a row of ``HOLES``, and how long it took."""
    what, count = about
    return holes.arrivals(int(count)) if what == "receiver" else holes.acknowledgements(int(count), what)


def reordering(about: Row) -> Row:
    """Makes the rest of a row of ``REORDERING``."""
    made = flow(*about)
    return f"{made.steady:.3f}", str(made.before), str(made.packets), str(made.again)
