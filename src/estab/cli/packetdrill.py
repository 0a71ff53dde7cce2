"""``estab packetdrill``: scripts that say what passes the wire and the sockets interface, run in virtual time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from estab.cli.errors import FAILED, MISUSED, CommandError, explained
from estab.cli.options import Json
from estab.cli.stdio import say
from estab.tcp.config import PROFILES

if TYPE_CHECKING:
    from estab.packetdrill import Outcome

SUFFIX: Final = ".pkt"
_CHUNK: Final = 8
"""Scripts given to a process at a time."""


def packetdrill(  # noqa: PLR0917
    files: Annotated[list[Path], typer.Argument(metavar="FILES…", help="Scripts, or directories of .pkt files.")],
    as_json: Json = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", metavar="N", min=1, help="Processes that run scripts.")] = 1,
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The stack to be: linux, linux-3.x, freebsd. NAME.freebsd.pkt says it itself."
        ),
    ] = None,
    define: Annotated[
        list[str] | None,
        typer.Option("--define", "-D", metavar="NAME=VALUE", help="What a word of scripts stands for."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="NAME=VALUE", help="As an option line of a script, which it overrules."),
    ] = None,
    system: Annotated[
        str | None, typer.Option(metavar="NAME", help="What #ifdef asks about; the profile's, if not given.")
    ] = None,
) -> None:
    """Run packetdrill scripts against the stack: pass, fail or unsupported, with the first difference.

    Nothing real is needed: no privilege, no device, no time. The exit status is 0 when all pass.

      estab packetdrill tests/packetdrill/scripts
      estab packetdrill --profile freebsd --json --jobs 4 scripts/
    """
    if profile is not None and profile not in PROFILES:
        raise CommandError(f"there is no profile {profile!r}; there are: {', '.join(PROFILES)}", MISUSED)
    run = partial(
        run_file,
        profile=profile,
        defines=_pairs(define, "--define"),
        options=tuple(_pairs(option, "--option").items()),
        system=system,
    )
    counts = {"pass": 0, "fail": 0, "unsupported": 0}
    for path, outcome in _outcomes(run, _scripts(files), jobs):
        counts[outcome.result] += 1
        _show(path, outcome, as_json)
    if not as_json:
        say(", ".join(f"{count} {result}" for result, count in counts.items()))
    if counts["fail"] or counts["unsupported"]:
        raise typer.Exit(FAILED)


def run_file(
    path: Path,
    *,
    profile: str | None,
    defines: dict[str, str],
    options: tuple[tuple[str, str], ...],
    system: str | None,
) -> tuple[Path, Outcome]:
    """One script of the file system. Raises ``OSError``."""
    from estab.packetdrill import run_script  # noqa: PLC0415 (the other commands need no parser)

    text = path.read_text(encoding="utf-8", errors="replace")
    name = profile or profile_of(path)
    system = system or ("freebsd" if name == "freebsd" else "linux")
    return path, run_script(text, config=PROFILES[name], defines=defines, options=options, system=system)


def profile_of(path: Path) -> str:
    """``NAME.freebsd.pkt`` is for that profile, anything else for linux."""
    name = path.name.removesuffix(SUFFIX).rpartition(".")[2]
    return name if name in PROFILES else "linux"


def _scripts(files: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in files:
        if path.is_dir():
            found += sorted(path.rglob(f"*{SUFFIX}"))
        elif path.exists():
            found.append(path)
        else:
            raise CommandError(f"{path}: no such file or directory")
    if not found:
        raise CommandError("no scripts are there")
    return found


def _outcomes(run: partial[tuple[Path, Outcome]], scripts: list[Path], jobs: int) -> Iterator[tuple[Path, Outcome]]:
    with explained("cannot run the scripts"):
        if jobs == 1:
            yield from map(run, scripts)
            return
        with ProcessPoolExecutor(jobs) as pool:
            yield from pool.map(run, scripts, chunksize=_CHUNK)


def _pairs(texts: Iterable[str] | None, option: str) -> dict[str, str]:
    pairs = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise CommandError(f"{option} wants NAME=VALUE, not {text!r}", MISUSED)
        pairs[name] = value
    return pairs


def _show(path: Path, outcome: Outcome, as_json: bool) -> None:
    if as_json:
        row = {"file": str(path), "result": outcome.result, "line": outcome.line, "why": outcome.why}
        say(json.dumps(row))
        return
    place = f"{path}:{outcome.line}" if outcome.line else str(path)
    say(f"{outcome.result:<11} {place}" + (f"\n            {outcome.why}" if outcome.why else ""))
    for warning in outcome.warnings:
        say(f"    warning {path}:{warning}")
