"""Every script in ``scripts/AREA/`` holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from estab.packetdrill import run_script
from estab.tcp.config import PROFILES

SCRIPTS = Path(__file__).parent / "scripts"
PATHS = sorted(SCRIPTS.rglob("*.pkt"))


def profile_of(path: Path) -> str:
    """``NAME.freebsd.pkt`` is for that profile, ``NAME.pkt`` for linux."""
    return path.suffixes[0][1:] if len(path.suffixes) > 1 else "linux"


def test_there_are_scripts() -> None:
    assert PATHS


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(SCRIPTS)))
def test_the_script_holds(path: Path) -> None:
    profile = profile_of(path)
    outcome = run_script(path.read_text(encoding="utf-8"), config=PROFILES[profile], system=profile)
    assert (outcome.result, f"{outcome.line}: {outcome.why}") == ("pass", "0: ")
