"""What docs/how-to-add.md shows works as it stands, section by section; files that the documents name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "how-to-add.md"
PLACES = (ROOT, ROOT / "src" / "estab", ROOT / "tests")


def sections() -> dict[str, str]:
    """Heading → all the Python below it; line numbers are those of the page."""
    found: dict[str, str] = {}
    heading, quoted = "", False
    for number, line in enumerate(PAGE.read_text(encoding="utf-8").splitlines()):
        if line.startswith("## "):
            heading = line[3:]
            found[heading] = "\n" * number
        elif line.startswith("```"):
            quoted = line == "```python"
        if heading:
            found[heading] += (line if quoted and not line.startswith("```") else "") + "\n"
    return found


@pytest.mark.parametrize("heading", sections())
def test_the_section_runs(heading: str) -> None:
    exec(compile(sections()[heading], str(PAGE), "exec"), {"__name__": "how_to_add"})


def test_every_section_has_something_to_run() -> None:
    assert list(sections()) == ["A link", "A fault", "A congestion control", "A TCP option", "A driver"]
    assert all(code.strip() for code in sections().values())


def missing(text: str) -> list[str]:
    """Files in code quotes that are nowhere; what has NAME in it is an example."""
    named = re.findall(r"`([\w.-]+/[\w/.-]+\.(?:py|tsv|md))`", text)
    return [name for name in named if "NAME" not in name and not any((place / name).exists() for place in PLACES)]


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_files_that_are_named_exist(page: Path) -> None:
    assert missing(page.read_text(encoding="utf-8")) == []


def test_a_missing_file_is_found() -> None:
    assert missing("`tcp/plan.py` `tcp/attic.py` `links/NAME.py` `tests/test_attic.py`") == [
        "tcp/attic.py",
        "tests/test_attic.py",
    ]
