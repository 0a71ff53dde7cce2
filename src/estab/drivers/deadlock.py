"""Who waits for what, when nothing can ever happen again."""

from __future__ import annotations

import asyncio
import linecache
from collections.abc import Iterable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

_ASYNCIO: Final = str(Path(asyncio.__file__).parent)


class DeadlockError(RuntimeError):
    """Tasks wait, but nothing is scheduled and no packet is under way. The text names each task and its line."""


def describe(tasks: Iterable[asyncio.Task[Any]]) -> str:
    """One line for each unfinished task: its name, where its own code stands, and what that awaits."""
    lines = sorted(f"  {task.get_name()} waits {_place(task)}" for task in tasks if not task.done())
    return "\n".join(lines) or "  no task waits: the future that was to be run has no one to resolve it"


def _place(task: asyncio.Task[Any]) -> str:
    """The innermost line outside asyncio, and the innermost call if that is inside."""
    chain = list(_await_chain(task.get_coro()))
    own = [(code, frame) for code, frame in chain if frame and not code.co_filename.startswith(_ASYNCIO)]
    if not own:
        return "to be started" if not chain else f"in {_name(chain[-1][0])}"
    code, frame = own[-1]
    text = linecache.getline(code.co_filename, frame.f_lineno).strip()
    inner = chain[-1][0]
    within = "" if inner is code else f" (in {_name(inner)})"
    return f"in {_name(code)}, {Path(code.co_filename).name}:{frame.f_lineno}: {text}{within}"


def _await_chain(awaited: Any) -> Iterable[tuple[CodeType, FrameType | None]]:
    """Code and frame of a coroutine, of what it awaits, and so on."""
    while awaited is not None:
        for prefix, following in (("cr", "cr_await"), ("gi", "gi_yieldfrom"), ("ag", "ag_await")):
            code = getattr(awaited, f"{prefix}_code", None)
            if code is not None:
                yield code, getattr(awaited, f"{prefix}_frame")
                awaited = getattr(awaited, following)
                break
        else:
            return


def _name(code: CodeType) -> str:
    return code.co_qualname.replace("<locals>.", "")
