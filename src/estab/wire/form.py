"""Which form of the core runs: this source as it is, or compiled by mypyc. Both do the same.

This file itself is never compiled. Its decorators say what a class is in the compiled form.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from estab.wire.sequence import unwrap

_Class = TypeVar("_Class", bound=type)

if TYPE_CHECKING:
    from mypy_extensions import mypyc_attr
else:

    def mypyc_attr(**_: Any) -> Any:
        """``allow_interpreted_subclasses=True``: anybody may derive from the class."""
        return lambda cls: cls


def interpreted(cls: _Class) -> _Class:
    """Marks a class that stays an ordinary one: others derive from it, or it from a builtin.

    mypyc leaves a class as it is when it has a decorator that mypyc does not know."""
    return cls


COMPILED: Final = not isinstance(unwrap, FunctionType)
"""Whether this process runs the compiled form."""

__all__ = ["COMPILED", "interpreted", "mypyc_attr"]
