"""``setup.py`` refuses what would quietly give another form than the one that was asked for."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

SETUP = Path(__file__).parent.parent / "setup.py"
GCC = ("#define __GNUC__ 12",)
CLANG = ("#define __GNUC__ 4", "#define __clang__ 1")


@pytest.fixture(name="script")
def fixture_script(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What setup.py defines; nothing is built."""
    for name in ("ESTAB_FORM", "ESTAB_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with patch("setuptools.setup"):
        return runpy.run_path(str(SETUP))


@pytest.fixture(name="here")
def fixture_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it is built, by what calls itself gcc."""
    monkeypatch.chdir(tmp_path)
    compiler(tmp_path, monkeypatch, GCC)
    return tmp_path


def compiler(place: Path, monkeypatch: pytest.MonkeyPatch, macros: tuple[str, ...]) -> None:
    program = place / "cc"
    program.write_text("\n".join(["#!/bin/sh", *(f"echo '{each}'" for each in macros)]), encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("CC", str(program))


def counts_of(place: Path, root: Path) -> Path:
    """A directory with counts of what was built in ``root``."""
    counts = place / "counts"
    counts.mkdir()
    (counts / f"{str(root).replace('/', '#')}#build#temp#core.gcda").touch()
    return counts


def test_a_form_that_there_is_not_is_refused(script: dict[str, Any]) -> None:
    with pytest.raises(SystemExit, match="expected pure or compiled"):
        script["extensions"]("compield")


@pytest.mark.parametrize("profile", ["record", "use:", "train:/counts", "/counts"])
def test_a_profile_is_a_word_and_a_place(script: dict[str, Any], profile: str) -> None:
    with pytest.raises(SystemExit, match=r"expected record:DIR or use:DIR"):
        script["profiling"](profile)


def test_a_profile_wants_gcc(script: dict[str, Any], here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler(here, monkeypatch, CLANG)
    with pytest.raises(SystemExit, match="is not gcc; leave it out"):
        script["profiling"]("record:/counts")


def test_a_profile_wants_a_compiler(script: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "/no/such/compiler")
    with pytest.raises(SystemExit, match="is not gcc; leave it out"):
        script["profiling"]("record:/counts")


def test_what_was_never_recorded_is_not_used(script: dict[str, Any], here: Path) -> None:
    with pytest.raises(SystemExit, match="nothing was recorded there"):
        script["profiling"](f"use:{here}/counts")


def test_what_was_recorded_in_another_place_is_not_used(script: dict[str, Any], here: Path) -> None:
    counts = counts_of(here, Path("/another/place"))
    with pytest.raises(SystemExit, match=r"nothing was recorded there by what was built in .*"):
        script["profiling"](f"use:{counts}")


def test_every_extension_is_compiled_and_linked_by_what_was_recorded_here(script: dict[str, Any], here: Path) -> None:
    counts = counts_of(here, here)
    built = [script["Extension"](name, [], extra_compile_args=["-O3"]) for name in ("first", "second")]
    for each in script["profiled"](built, f"use:{counts}"):
        assert each.extra_compile_args[:2] == ["-O3", f"-fprofile-use={counts}"]
        assert f"-fprofile-use={counts}" in each.extra_link_args


def test_without_a_profile_extensions_stay_as_they_are(script: dict[str, Any]) -> None:
    (each,) = script["profiled"]([script["Extension"]("first", [], extra_compile_args=["-O3"])], "")
    assert (each.extra_compile_args, each.extra_link_args) == (["-O3"], [])
