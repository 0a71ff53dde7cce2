"""Rules of the house that neither linter nor type checker knows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for path in (ROOT / "src").rglob("*.py") if path.stat().st_size)
PLACES = ("src", "docs", "tests", "bench", "requirements", ".ci")
KINDS = {"", ".py", ".md", ".toml", ".txt", ".in", ".sh", ".tsv", ".pkt", ".svg", ".html"}
TEXTS = sorted(
    path
    for files in (ROOT.glob("*"), *((ROOT / place).rglob("*") for place in PLACES))
    for path in files
    if path.is_file() and path.suffix in KINDS and not path.name.startswith(".")
)

LONGEST_FUNCTION = 60
"""Lines, docstring not counted: what does not fit has more than one idea."""

MAY_BE_LONGER: dict[str, str] = {}
"""``path:function`` and the reason why cutting it would make it harder to read."""

# Cut in two, or this file would name them.
ELSEWHERE = re.compile(r"\.\./" "shared" r"|\bshared/" "reference" r"|/work/" "main")

CONFLICT = re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE)
"""What git leaves where a merge was not finished."""


def long_functions(source: str) -> Iterator[tuple[str, int]]:
    """Name and length of each function that is too long."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1 - docstring_lines(node)
            if lines > LONGEST_FUNCTION:
                yield node.name, lines


def docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    if ast.get_docstring(node, clean=False) is None:
        return 0
    first = node.body[0]
    return (first.end_lineno or first.lineno) - first.lineno + 1


def dangling_links(text: str, directory: Path) -> list[str]:
    """Relative targets of Markdown links that are not there."""
    targets = re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", text)
    return [target for target in targets if "://" not in target and not (directory / target).exists()]


def test_there_is_something_to_check() -> None:
    assert SOURCES
    assert ROOT / "Makefile" in TEXTS
    assert Path(__file__) in TEXTS


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_functions_are_short() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{name}": lines
        for path in SOURCES
        for name, lines in long_functions(path.read_text(encoding="utf-8"))
    }
    assert found.keys() == MAY_BE_LONGER.keys(), found


def test_a_long_function_is_found() -> None:
    body = "    pass\n" * LONGEST_FUNCTION
    assert list(long_functions(f"def f():\n{body}")) == [("f", LONGEST_FUNCTION + 1)]
    assert list(long_functions(f'async def f():\n    """One\n    two."""\n{body}')) == [("f", LONGEST_FUNCTION + 1)]
    assert list(long_functions(f'def f():\n    """One\n    two."""\n{body[9:]}')) == []


def test_the_repository_stands_alone() -> None:
    assert [path for path in TEXTS if ELSEWHERE.search(path.read_text(encoding="utf-8"))] == []


def test_no_merge_is_left_half_done() -> None:
    assert [path for path in TEXTS if CONFLICT.search(path.read_text(encoding="utf-8"))] == []


def test_a_merge_that_is_half_done_is_found() -> None:
    assert CONFLICT.search("a\n" + "<" * 7 + " HEAD\nb\n")
    assert not CONFLICT.search("a <<<<<<< b\n=======\n")


def test_links_between_documents_lead_somewhere() -> None:
    documents = [path for path in TEXTS if path.suffix == ".md"]
    found = {path.name: dangling_links(path.read_text(encoding="utf-8"), path.parent) for path in documents}
    assert {name: links for name, links in found.items() if links} == {}


def test_a_dangling_link_is_found() -> None:
    text = "[a](test_house.py) [b](no_such_file.md#part) [c](https://example.org/x.md) [d](#here)"
    assert dangling_links(text, Path(__file__).parent) == ["no_such_file.md"]


def test_documents_name_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    documents = [path.read_text(encoding="utf-8") for path in TEXTS if path.suffix == ".md"]
    named = {name for text in documents for name in re.findall(r"(?:`|^    )make ([a-z-]+)", text, re.MULTILINE)}
    assert "test" in named
    assert named <= targets
