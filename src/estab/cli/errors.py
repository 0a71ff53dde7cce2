"""Errors that are the user's to mend: one clear line and an exit status, never a traceback."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

FAILED: Final = 1
MISUSED: Final = 2
INTERRUPTED: Final = 130
"""128 + SIGINT, as a shell reports it."""


class CommandError(Exception):
    """Ends the command; its text is the line that is printed."""

    def __init__(self, line: str, status: int = FAILED) -> None:
        super().__init__(line)
        self.status: int = status


@contextmanager
def explained(what: str) -> Iterator[None]:
    """What fails inside ends the command with ``what: why``: an ``OSError``, or a ``ValueError`` (a bad value).

    A file that ``what`` names already is not named again."""
    try:
        yield
    except OSError as error:
        named = error.filename is not None and what.endswith(f" {error.filename}")
        raise CommandError(f"{what}: {error.strerror if named else describe(error)}") from error
    except EOFError as error:
        raise CommandError(f"{what}: {describe(error)}") from error
    except ValueError as error:
        raise CommandError(f"{what}: {error}", MISUSED) from error


def describe(error: BaseException) -> str:
    """One line without the number that Python puts before it."""
    if isinstance(error, TimeoutError) and not error.args:
        return os.strerror(errno.ETIMEDOUT)
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{where}"
    text = " ".join(str(error).split())
    return text or type(error).__name__
