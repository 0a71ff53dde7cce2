"""Running a command in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from estab.cli import main


class Done(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def estab(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """``estab("get", URL)`` runs the command and gives its exit status and what it printed."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str) -> Done:
        status = main(arguments)
        out, err = capsys.readouterr()
        return Done(status, out, err)

    return run
