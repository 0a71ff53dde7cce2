"""The command line: every command parses, calls the library and prints.

One file per command; ``app.py`` puts them together. What they share: ``options.py`` (options and their meaning),
``host.py`` (a host from the options), ``http.py``, ``control.py`` (how ``estab ss`` finds the others), ``errors.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

_PACKAGES: Final = {"typer", "rich", "h11"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, 1 (it failed), 2 (it was called wrongly) or 130 (interrupted)."""
    try:
        from estab.cli.app import run  # noqa: PLC0415 (the library is there without what the command line needs)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _PACKAGES:
            raise
        sys.stderr.write(f"estab: {package} is missing: pip install 'estab[cli]'\n")
        return 1
    return run(sys.argv[1:] if arguments is None else list(arguments))
