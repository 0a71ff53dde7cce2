"""Which tests show which requirement: the marks ``@pytest.mark.req("RFC9293-MUST-10")``, read from their text."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
TESTS: Final = ROOT / "tests"


def marked_tests() -> dict[str, tuple[str, ...]]:
    """The tests of each requirement as pytest names them, in the order of files and lines."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        for test, requirement in marks(path.read_text(encoding="utf-8"), place):
            found[requirement].append(f"{place}::{test}")
    return {requirement: tuple(tests) for requirement, tests in found.items()}


def marks(source: str, place: str) -> Iterator[tuple[str, str]]:
    """(test, requirement) for each mark in a file. Raises ``ValueError`` for one that stands anywhere but on a test."""
    if ".req" not in source:
        return
    tree = ast.parse(source)
    seen: set[ast.AST] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            for mark in filter(_is_mark, node.decorator_list):
                seen.add(mark)
                yield from ((node.name, name) for name in _arguments(mark, place))
    astray = [node for node in ast.walk(tree) if _is_mark(node) and node not in seen]
    if astray:
        raise ValueError(f"{place}:{astray[0].lineno}: a requirement is marked on a test function")  # type: ignore[attr-defined]


def _is_mark(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.req"


def _arguments(mark: ast.AST, place: str) -> Iterator[str]:
    assert isinstance(mark, ast.Call)
    for argument in mark.args:
        if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
            raise ValueError(f"{place}:{mark.lineno}: the id of a requirement is a string as it stands")
        yield argument.value
