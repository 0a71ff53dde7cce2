"""The code blocks of scripts: a small, harmless part of Python, checked before it runs.

Blocks are for assertions about ``tcpi_*`` values. There are no attributes, imports, classes, lambdas or unbounded
loops, and only a few functions to call; so nothing outside the block can be reached, and every block ends.
"""

from __future__ import annotations

import ast
import textwrap
from typing import Any, Final

from estab.packetdrill.values import UnsupportedError

_ALLOWED: Final = (
    *(ast.Module, ast.Expr, ast.Assert, ast.Assign, ast.AugAssign, ast.If, ast.For, ast.Pass, ast.IfExp),
    *(ast.Compare, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Call, ast.keyword, ast.Name, ast.Constant, ast.Load),
    *(ast.Store, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.Subscript, ast.Slice, ast.JoinedStr, ast.FormattedValue),
    *(ast.boolop, ast.cmpop, ast.unaryop, ast.operator),
)
_FORBIDDEN: Final = (ast.Pow, ast.LShift, ast.MatMult)
"""What makes numbers of any size."""
_LONGEST: Final = 4096
"""Rounds of a loop."""


def _range(*bounds: int) -> range:
    rounds = range(*bounds)
    if len(rounds) > _LONGEST:
        raise ValueError(f"a loop of {len(rounds)} rounds")
    return rounds


def _print(*values: object, **_options: object) -> None:
    """Nobody listens."""


_FUNCTIONS: Final[dict[str, Any]] = {
    **{each.__name__: each for each in (abs, all, any, bool, float, int, len, max, min, round, sorted, str, sum)},
    "range": _range,
    "print": _print,
}


class Blocks:
    """All blocks of a script: in one namespace, one after the other, once the script is through.

    Each sees the variables as they were when its time had come."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, str, dict[str, object]]] = []

    def add(self, line: int, text: str, variables: dict[str, object]) -> None:
        self._waiting.append((line, text, variables))

    def run(self) -> tuple[int, str] | None:
        """The line of the first block that fails, and why. Raises ``UnsupportedError``."""
        namespace: dict[str, object] = {}
        for line, text, variables in self._waiting:
            namespace.update(variables)
            why = run(text, namespace)
            if why is not None:
                return line, why
        return None


def run(text: str, namespace: dict[str, object]) -> str | None:
    """Why the block failed, None if it did not. Raises ``UnsupportedError`` for what is not allowed in one."""
    source = textwrap.dedent(text.expandtabs()).strip()
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        return f"the code is no Python: {error.msg}"
    _check(tree)
    for statement in tree.body:
        block = compile(ast.Module([statement], []), "block", "exec")
        namespace["__builtins__"] = _FUNCTIONS | {"AssertionError": AssertionError, "True": True, "False": False}
        try:
            exec(block, namespace)
        except AssertionError as error:
            return f"{ast.unparse(statement)}: {_values(statement, namespace)}{_reason(error)}"
        except Exception as error:
            return f"{ast.unparse(statement)}: {type(error).__name__}: {error}"
    return None


def _check(tree: ast.AST) -> None:
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED) or isinstance(node, _FORBIDDEN):
            raise UnsupportedError(f"{type(node).__name__} in a code block")
        if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS):
            raise UnsupportedError(f"{ast.unparse(node.func)}() in a code block")
        if isinstance(node, ast.Name) and node.id.startswith("__"):
            raise UnsupportedError(f"{node.id} in a code block")


def _values(statement: ast.stmt, namespace: dict[str, object]) -> str:
    """What the names of an assertion stood for."""
    names = {node.id: None for node in ast.walk(statement) if isinstance(node, ast.Name)}
    return ", ".join(f"{name} is {namespace[name]!r}" for name in names if name in namespace)


def _reason(error: AssertionError) -> str:
    return f" ({error})" if str(error) else ""
