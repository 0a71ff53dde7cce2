"""Writes rfc-map.md from requirements.tsv, rfc-map.tsv and the marks on the tests: `make docs`."""

from __future__ import annotations

import csv
from collections import Counter
from itertools import groupby
from pathlib import Path
from textwrap import fill
from typing import Final, NamedTuple

from docs.marks import marked_tests

HERE: Final = Path(__file__).parent
REQUIREMENTS: Final = HERE / "requirements.tsv"
MAP: Final = HERE / "rfc-map.tsv"
PAGE: Final = HERE / "rfc-map.md"
README: Final = HERE.parent / "README.md"
BEGINNING: Final = "The requirement map holds"
"""Of the paragraph of the README about this page."""

STATUSES: Final = ("met", "deviation", "not-applicable")
LEVELS: Final = ("MUST", "SHOULD", "MAY")
NONE: Final = "none: "
"""Begins the reason why no mutation can take a requirement away."""

INTRODUCTION: Final = """\
# The requirement map

Every numbered requirement of RFC 9293, and what the other RFCs of TCP ask, in our own words: what meets it, which tests
show that, and which mutation of `estab.mutations` takes it away and makes those tests fail. The map holds under the
profile `rfc` (`estab.PROFILES["rfc"]`); where the default, `modern`, does otherwise, the note says so.

`make docs` writes this page from `requirements.tsv` (what is asked), `rfc-map.tsv` (what is done) and the marks on the
tests (`@pytest.mark.req("RFC9293-MUST-10")`). A test fails when a function, a mutation or a requirement named there
does not exist, or when a requirement is missing. `make req-mutants` runs the tests of each requirement under its
mutations: every test must fail under one of them.

- **met**: the functions do it, the tests show it
- **deviation**: we do otherwise, and the note says why; never of a MUST
- **not-applicable**: it speaks to others, or it is about something that is not offered, or it is an option not taken

Names of functions begin with `estab.`, those of tests with `tests/`; both prefixes are left out below.
"""

TITLES: Final = {
    "9293": "Transmission Control Protocol",
    "1122": "Requirements for hosts",
    "7323": "Window scale and timestamps",
    "2018": "Selective acknowledgement",
    "2883": "Duplicate SACK",
    "3042": "Limited transmit",
    "6675": "Loss recovery by SACK",
    "6298": "Retransmission timer",
    "5681": "Congestion control",
    "6928": "Initial window of ten segments",
    "6582": "NewReno",
    "5961": "Blind in-window attacks",
    "6528": "Initial sequence numbers",
    "8985": "RACK and tail loss probes",
    "9438": "CUBIC",
    "7413": "Fast open",
    "3168": "Explicit congestion notification",
    "8311": "Experiments with ECN",
    "9768": "Accurate ECN",
    "5482": "User timeout option",
    "4987": "SYN floods",
    "1337": "TIME-WAIT assassination",
    "6191": "TIME-WAIT and timestamps",
    "5925": "Authentication option",
    "5926": "Algorithms of the authentication option",
    "4821": "Path MTU discovery without ICMP",
    "8899": "Path MTU discovery of datagram transports",
    "5927": "ICMP attacks",
    "6633": "Source quench",
    "6056": "Ephemeral ports",
    "6937": "Proportional rate reduction (experimental)",
    "9937": "Proportional rate reduction",
    "5682": "F-RTO",
    "4015": "Eifel response",
    "6691": "Options and MSS",
    "6093": "Urgent mechanism",
    "9040": "Sharing of control blocks",
    "8504": "Requirements for IPv6 nodes",
    "8961": "Requirements for loss timers",
}


class Row(NamedTuple):
    """One requirement, and what is done about it."""

    id: str
    rfc: str
    section: str
    level: str
    requirement: str
    status: str
    functions: tuple[str, ...]
    tests: tuple[str, ...]
    mutations: tuple[str, ...]
    """Names in ``estab.mutations``: each makes one of the tests fail, and each of the tests fails under one."""
    immune: str
    """Or else why no mutation can."""
    note: str


def read(path: Path) -> dict[str, dict[str, str]]:
    """The lines of a table by their id, in order. Raises ``ValueError`` for an id that comes twice."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    twice = [name for name, count in Counter(line["id"] for line in lines).items() if count > 1]
    if twice:
        raise ValueError(f"{path.name} has {', '.join(twice)} twice")
    return {line["id"]: line for line in lines}


def load() -> list[Row]:
    """All requirements. Raises ``ValueError`` when the two tables and the marks do not speak of the same ids."""
    asked, done, tests = read(REQUIREMENTS), read(MAP), marked_tests()
    check_ids(set(asked), set(done), set(tests))
    return [make(line, done[name], tests.get(name, ())) for name, line in asked.items()]


def check_ids(asked: set[str], done: set[str], marked: set[str]) -> None:
    """Raises ``ValueError`` unless both tables have the same requirements, and all that are marked."""
    different = (asked ^ done) | (marked - asked)
    if different:
        raise ValueError(f"only in one of the tables, or only on a test: {', '.join(sorted(different))}")


def make(asked: dict[str, str], done: dict[str, str], tests: tuple[str, ...]) -> Row:
    """One row out of what is asked, what is done and what is shown."""
    immune = done["mutations"].startswith(NONE)
    return Row(
        asked["id"],
        asked["rfc"],
        asked["section"],
        asked["level"],
        asked["requirement"],
        done["status"],
        tuple(done["functions"].split()),
        tests,
        () if immune else tuple(done["mutations"].split()),
        done["mutations"].removeprefix(NONE) if immune else "",
        done["note"],
    )


def render(rows: list[Row]) -> str:
    """The page."""
    parts = [INTRODUCTION, totals(rows), shortcomings(rows), reasons(rows)]
    for rfc, group in groupby(rows, key=lambda row: row.rfc):
        parts.append(f"## RFC {rfc}: {TITLES[rfc]}\n")
        parts.append(table([entry(row) for row in group]))
    return "\n".join(parts)


def totals(rows: list[Row]) -> str:
    counts = Counter((level(row), row.status) for row in rows)
    lines = ["| | " + " | ".join(STATUSES) + " | all |", "|---|" + "--:|" * (len(STATUSES) + 1)]
    for name in LEVELS:
        numbers = [counts[name, status] for status in STATUSES]
        lines.append(f"| {name} | " + " | ".join(map(str, numbers)) + f" | {sum(numbers)} |")
    numbers = [sum(counts[name, status] for name in LEVELS) for status in STATUSES]
    lines.append("| all | " + " | ".join(map(str, numbers)) + f" | {sum(numbers)} |")
    return "\n".join(["## Totals\n", *lines, ""])


def summary(rows: list[Row]) -> str:
    """The paragraph of the README about this page."""
    counts = Counter((level(row), row.status) for row in rows)
    musts, shoulds = (sum(counts[name, status] for status in STATUSES) for name in ("MUST", "SHOULD"))
    taken = [row for row in rows if level(row) == "MUST" and row.mutations]
    mutations = {name for row in taken for name in row.mutations}
    return (
        f"{BEGINNING} {len(rows)} requirements of {len({row.rfc for row in rows})} RFCs under the profile"
        f" `rfc`. Of {musts} MUSTs {counts['MUST', 'met']} are met, each shown by tests; `make req-mutants` takes"
        f" {len(taken)} of them away by {len(mutations)} mutations, and their tests fail. The other"
        f" {counts['MUST', 'not-applicable']} do not apply, each for a reason that is given. Of {shoulds} SHOULDs"
        f" {counts['SHOULD', 'met']} are met, {counts['SHOULD', 'not-applicable']} do not apply, and"
        f" {counts['SHOULD', 'deviation']} have a line that says why not."
    )


def shortcomings(rows: list[Row]) -> str:
    """Every MUST and SHOULD that we meet in another way than it is written."""
    found = [row for row in rows if row.status == "deviation" and level(row) != "MAY"]
    lines = [f"- **{row.id}** ({row.level}): {row.requirement} *{row.note}*" for row in found]
    return "\n".join(["## Deviations\n", *lines, ""])


def reasons(rows: list[Row]) -> str:
    """What does not apply, by the reason."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.status == "not-applicable":
            found.setdefault(row.note, []).append(row.id)
    lines = [f"- {note} {', '.join(names)}" for note, names in found.items()]
    return "\n".join(["## What does not apply, and why\n", *lines, ""])


def entry(row: Row) -> tuple[str, ...]:
    functions = "<br>".join(f"`{name.removeprefix('estab.')}`" for name in row.functions)
    tests = "<br>".join(f"`{name.removeprefix('tests/')}`" for name in row.tests)
    asked = f"{row.requirement} (§{row.section})" if row.section[:1].isdigit() else row.requirement
    mutations = "<br>".join(f"`{name}`" for name in row.mutations) or (row.immune and f"*none: {row.immune}*")
    return row.id, row.level, asked, row.status, functions, tests, mutations, row.note


def table(entries: list[tuple[str, ...]]) -> str:
    head = ("id", "level", "requirement", "status", "functions", "tests", "mutations", "note")
    lines = [head, ("---",) * len(head), *entries]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def level(row: Row) -> str:
    """MUST, SHOULD or MAY; "MUST NOT" is a MUST."""
    return row.level.removesuffix(" NOT")


def with_summary(readme: str, rows: list[Row]) -> str:
    """The README with today's paragraph in place of the one that begins alike."""
    start = readme.index(BEGINNING)
    end = readme.index("\n\n", start)
    return readme[:start] + fill(summary(rows), 118, break_on_hyphens=False) + readme[end:]


if __name__ == "__main__":
    PAGE.write_text(render(load()), encoding="utf-8")
    README.write_text(with_summary(README.read_text(encoding="utf-8"), load()), encoding="utf-8")
