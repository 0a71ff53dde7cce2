"""All commands together, and what becomes of their errors."""

from __future__ import annotations

import io
import os
import sys
from importlib.metadata import version
from typing import Annotated, Final

import typer

from estab import COMPILED
from estab.cli.demo import demo
from estab.cli.errors import FAILED, INTERRUPTED, MISUSED, CommandError, describe
from estab.cli.explore import explore
from estab.cli.get import get
from estab.cli.lessons import lessons
from estab.cli.nc import nc
from estab.cli.packetdrill import packetdrill
from estab.cli.path import path
from estab.cli.plot import plot
from estab.cli.serve import serve
from estab.cli.ss import ss
from estab.cli.sweep import sweep

# typer keeps click's base of all wrong usage to itself, in a place that changed: a documented class leads there.
_USAGE: Final[type[Exception]] = next(each for each in typer.BadParameter.__mro__ if each.__name__ == "ClickException")

app: Final = typer.Typer(
    name="estab",
    help="TCP as a Python library: a complete userspace TCP/IP endpoint that runs on any packet pipe.\n\n"
    "Begin with: estab demo",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"estab {version('estab')} ({'compiled' if COMPILED else 'pure'})\n")
        raise typer.Exit


@app.callback()
def _before_any_command(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Version and form: pure or compiled."),
    ] = False,
) -> None: ...


for command in (demo, lessons, explore, sweep, get, serve, nc, ss, path, plot, packetdrill):
    app.command()(command)


def run(arguments: list[str]) -> int:
    """One command; every error that the user can mend is one line on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name or an arrow that the terminal cannot show is no reason to fail.
            stream.reconfigure(errors="replace")
    try:
        status = app(arguments or ["--help"], standalone_mode=False, prog_name="estab")
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except CommandError as error:
        return _complain(str(error), error.status)
    except ModuleNotFoundError as error:
        if error.name != "lark":
            raise
        return _complain("lark is missing: pip install 'estab[packetdrill]'", FAILED)
    except _USAGE as error:
        return _complain(" ".join(str(getattr(error, "format_message", error.__str__)()).split()), MISUSED)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return FAILED
    except (OSError, typer.Abort) as error:
        return _complain(describe(error), FAILED)


def _complain(line: str, status: int) -> int:
    sys.stderr.write(f"estab: {line}\n")
    return status
