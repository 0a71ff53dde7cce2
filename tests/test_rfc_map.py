"""The requirement map: every requirement is in it, and all that it names exists."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docs.make_rfc_map import (
    LEVELS,
    MAP,
    PAGE,
    README,
    STATUSES,
    TITLES,
    Row,
    check_ids,
    level,
    load,
    read,
    render,
    with_summary,
)
from docs.marks import marks
from estab.mutations import MUTATIONS, TRANSFORMS

ROWS = load()


def resolve(name: str) -> Any:
    """The object of a dotted name. Raises ``ImportError`` or ``AttributeError``."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        module = ".".join(parts[:count])
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or not module.startswith(error.name):
                raise
            continue
        for attribute in parts[count:]:
            found = getattr(found, attribute)
        return found
    raise ModuleNotFoundError(name)


def complaints(row: Row) -> Iterator[str]:
    """What is wrong with one row, a line each."""
    if row.status not in STATUSES:
        yield f"{row.id}: no such status: {row.status!r}"
    if row.status == "met" and not (row.functions and row.tests):
        yield f"{row.id}: what is met names a function and a test"
    if row.status == "met" and level(row) == "MUST" and not (row.mutations or row.immune):
        yield f"{row.id}: a MUST that is met names a mutation that takes it away, or says why there is none"
    if row.status == "deviation" and level(row) == "MUST":
        yield f"{row.id}: a MUST is met, or it does not apply"
    if row.status != "met" and not row.note:
        yield f"{row.id}: {row.status} without a reason"
    for name in row.functions:
        try:
            resolve(name)
        except (ImportError, AttributeError):
            yield f"{row.id}: no such function: {name}"
    for name in row.mutations:
        if name not in MUTATIONS | TRANSFORMS:
            yield f"{row.id}: no such mutation: {name}"


def row(**fields: Any) -> Row:
    good = {
        "id": "RFC1-1",
        "rfc": "1",
        "section": "1",
        "level": "MUST",
        "requirement": "Do.",
        "status": "met",
        "functions": ("estab.tcp.arrives.check_rst",),
        "tests": ("tests/tcp/test_reset.py::test_sweep",),
        "mutations": ("in-window-reset",),
        "immune": "",
        "note": "",
    }
    return Row(**(good | fields))


def test_nothing_dangles() -> None:
    assert [line for each in ROWS for line in complaints(each)] == []


def test_the_tables_are_well_formed() -> None:
    """One line for each requirement; ``load`` refuses an id that is missing, unknown or there twice."""
    assert [each.id for each in ROWS] == list(read(MAP))
    assert {level(each) for each in ROWS} == set(LEVELS)
    assert {each.rfc for each in ROWS} == TITLES.keys()


def test_all_numbered_requirements_of_rfc_9293_are_there() -> None:
    numbers = [*(f"MUST-{n}" for n in range(1, 70)), *(f"SHLD-{n}" for n in range(1, 32))]
    numbers += [f"MAY-{n}" for n in range(1, 19)]
    assert {f"RFC9293-{number}" for number in numbers} <= {each.id for each in ROWS}


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(ROWS), "make docs"


def test_the_totals_of_the_readme_are_up_to_date() -> None:
    readme = README.read_text(encoding="utf-8")
    assert readme == with_summary(readme, ROWS), "make docs"


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({}, None),
        ({"functions": ("estab.tcp.connection.Connection.send", "estab.tcp.config.Config.ttl")}, None),
        ({"status": "done", "note": "So it is."}, "status"),
        ({"functions": ()}, "names a function"),
        ({"tests": ()}, "names a function"),
        ({"status": "later", "note": "Some day."}, "status"),
        ({"status": "not-applicable"}, "reason"),
        ({"status": "not-applicable", "level": "SHOULD"}, "reason"),
        ({"status": "deviation", "level": "SHOULD"}, "reason"),
        ({"status": "deviation", "level": "SHOULD", "note": "For a reason."}, None),
        ({"status": "deviation", "note": "For a reason."}, "met, or it does not apply"),
        ({"status": "deviation", "level": "MUST NOT", "note": "For a reason."}, "met, or it does not apply"),
        ({"functions": ("estab.tcp.arrives.check_nothing",)}, "function"),
        ({"functions": ("estab.tcp.attic.check_rst",)}, "function"),
        ({"functions": ("attic.check_rst",)}, "function"),
        ({"mutations": (), "immune": "It is an absence."}, None),
        ({"mutations": (), "level": "SHOULD"}, None),
        ({"mutations": ()}, "names a mutation"),
        ({"mutations": (), "level": "MUST NOT"}, "names a mutation"),
        ({"mutations": ("no-such-defence",)}, "mutation"),
    ],
)
def test_what_dangles_is_found(fields: dict[str, Any], complaint: str | None) -> None:
    found = list(complaints(row(**fields)))
    assert len(found) == (complaint is not None)
    assert complaint is None or complaint in found[0]


def test_an_id_that_comes_twice_is_found(tmp_path: Path) -> None:
    table = tmp_path / "twice.tsv"
    table.write_text("id\tstatus\nRFC1-1\tmet\nRFC1-1\tlater\n")
    with pytest.raises(ValueError, match="RFC1-1 twice"):
        read(table)


@pytest.mark.parametrize("sets", [("AB", "A", "A"), ("A", "AB", "A"), ("AB", "AB", "AX")])
def test_a_requirement_that_a_table_or_nobody_knows_is_found(sets: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError, match=r": [BX]$"):
        check_ids(*map(set, sets))


def test_marks_are_read_from_the_text_of_tests() -> None:
    source = """
@pytest.mark.parametrize("n", [1])
@pytest.mark.req("RFC1-1", "RFC1-2")
def test_one(n): ...

@pytest.mark.req("RFC1-2")
async def test_two(): ...
"""
    assert list(marks(source, "x")) == [("test_one", "RFC1-1"), ("test_one", "RFC1-2"), ("test_two", "RFC1-2")]


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ('@pytest.mark.req("RFC1-1")\ndef helper(): ...', "x:1: a requirement is marked on a test function"),
        ('class C:\n    @pytest.mark.req("RFC1-1")\n    def test(self): ...', "x:2: a requirement is marked on"),
        ('pytestmark = pytest.mark.req("RFC1-1")', "x:1: a requirement is marked on a test function"),
        ("@pytest.mark.req(NAME)\ndef test(): ...", "x:1: the id of a requirement is a string"),
    ],
)
def test_a_mark_that_nobody_would_see_is_found(source: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        list(marks(source, "x"))
