"""``estab lessons``: how a connection comes to be, lives and ends, on the real stack over a simulated network."""

from __future__ import annotations

import json
from collections.abc import Iterable
from textwrap import wrap
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.text import Text

from estab.cli.errors import FAILED, MISUSED, CommandError
from estab.cli.options import Json
from estab.cli.paint import ascii_only, paint, width_of
from estab.cli.stdio import say
from estab.lessons import LESSONS, Lesson, render

ALL: Final = "all"


def lessons(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Which lesson, or all; none lists them.", show_default=False)
    ] = None,
    without: Annotated[
        str | None,
        typer.Option(metavar="DEFENCE", help="Take this defence out and see what breaks.", show_default=False),
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="List the lessons and their defences.")] = False,
    as_json: Json = False,
) -> None:
    """How a connection begins, lives and ends: each lesson draws what was on the wire, with both sides' states.

    The exit status is 0 when the lesson went as expected, or broke as expected without its defence.

      estab lessons handshake
      estab lessons lost-last-ack --without no-time-wait
    """
    if listing or name is None:
        if name is not None or without is not None:
            raise CommandError("--list goes without a lesson and without a defence", MISUSED)
        _list(as_json)
        return
    chosen = list(LESSONS.values()) if name == ALL else [_lesson(name)]
    if without is not None:
        _check_defence(name, chosen, without)
    good = [_run(lesson, without, as_json) for lesson in chosen]
    if name == ALL and not as_json:
        say(f"{sum(good)} of {len(good)} lessons went as expected")
    if not all(good):
        raise typer.Exit(FAILED)


def _lesson(name: str) -> Lesson:
    try:
        return LESSONS[name]
    except KeyError:
        known = ", ".join(LESSONS)
        raise CommandError(f"there is no lesson {name!r}; there are: {known}, and all", MISUSED) from None


def _check_defence(name: str, chosen: Iterable[Lesson], without: str) -> None:
    if name == ALL:
        raise CommandError("--without takes a defence out of one lesson, not out of all", MISUSED)
    for lesson in chosen:
        if without not in lesson.defences:
            known = ", ".join(lesson.defences) or "it has none"
            raise CommandError(f"{name} cannot be run without {without!r}; what can be taken out: {known}", MISUSED)


def _run(lesson: Lesson, without: str | None, as_json: bool) -> bool:
    result = lesson.run(without)
    if as_json:
        say(json.dumps(result.as_json()))
    else:
        console = Console(highlight=False)
        for line in render(result, width=width_of(console), ascii_only=ascii_only()).splitlines():
            console.print(_paint(line, lesson.name), soft_wrap=True)
        console.print()
    return result.ok


def _paint(line: str, title: str) -> Text:
    if line == title:
        return Text(line, "bold")
    text = paint(line)
    text.highlight_regex(r"^(as expected|broken):", "bold green")
    text.highlight_regex(r"^unexpected:", "bold red")
    return text


def _list(as_json: bool) -> None:
    if as_json:
        rows = [
            {"lesson": each.name, "shows": each.shows, "defences": list(each.defences)} for each in LESSONS.values()
        ]
        say(json.dumps(rows))
        return
    widest = max(map(len, LESSONS))
    width = width_of(Console())
    for number, each in enumerate(LESSONS.values(), 1):
        head = f"{number:>2}  {each.name:<{widest}}  "
        blank = " " * len(head)
        text = wrap(each.shows, width, initial_indent=head, subsequent_indent=blank)
        say("\n".join([*text, *(f"{blank}--without {name}" for name in each.defences)]))
    say("\nestab lessons NAME runs one, estab lessons all runs all.")
