"""What ``estab explore`` shows: progress, tables, counterexamples."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, MutableSequence, Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column, Table
from rich.text import Text

from estab.cli.errors import explained
from estab.cli.measured import EACH, Measured
from estab.cli.paint import WIDEST, ascii_only, paint, width_of
from estab.cli.stdio import note, say
from estab.explain.ladder import ladder
from estab.explore import PROPERTIES, Found, Result, as_json
from estab.explore.laws import General, Length
from estab.explore.setting import RTO
from estab.explore.story import Story
from estab.links.pcapng import PcapngWriter
from estab.tcp.config import SECOND


class _Figures(ProgressColumn):
    """Read anew whenever the bar is drawn."""

    def __init__(self, says: Callable[[], str]) -> None:
        super().__init__()
        self._says = says

    def render(self, task: Task) -> Text:
        return Text(self._says(), no_wrap=True, overflow="ellipsis")


class Watch:
    """A progress bar on standard error, and how long it took. Quiet where nobody looks.

    ``figures``: of each exploration its states, its transitions and the states that wait; others may write them."""

    def __init__(
        self, what: str, quiet: bool, total: int | None = None, figures: MutableSequence[int] | None = None
    ) -> None:
        self.seconds: float = 0
        self._began = time.monotonic()
        self._figures = [0] * EACH if figures is None else figures
        console = Console(stderr=True)
        columns = [SpinnerColumn(), TextColumn("{task.description}"), _Figures(self._says), TimeElapsedColumn()]
        if total is not None:
            columns[2:2] = [BarColumn(10), MofNCompleteColumn()]
        self._bar = Progress(*columns, console=console, disable=quiet or not console.is_terminal)
        self._bar.add_task(what, total=total)

    def __enter__(self) -> Watch:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        self.seconds = time.monotonic() - self._began

    def done(self, number: int, result: Result) -> None:
        """One exploration of several has ended."""
        for place, value in enumerate((result.states, result.transitions, 0), number * EACH):
            self._figures[place] = value
        self.step()

    def step(self) -> None:
        """One of several has ended."""
        self._bar.update(self._bar.task_ids[0], advance=1)

    def _says(self) -> str:
        states, transitions, waiting = (sum(self._figures[place::EACH]) for place in range(EACH))
        rate = transitions / max(time.monotonic() - self._began, 1e-9)
        return f"{states:,} states, {waiting:,} to look at, {rate:,.0f}/s" if states else ""


def result_table(measured: Measured, seconds: float) -> None:
    """Everything about one exploration."""
    result, memory = measured.result, measured.memory
    table = Table("", "", show_header=False)
    holds = "nothing: P1 to P17 hold" if result.complete else "nothing in what was seen"
    rows = {
        "scenario": result.case.scenario,
        "budget": str(result.budget),
        "without": result.case.mutation or "",
        "states": f"{result.states:,}" + ("" if result.complete else " (not all)"),
        "transitions": f"{result.transitions:,}",
        "host values, segments": f"{result.hosts:,}, {result.segments:,}",
        "host steps really run": f"{result.runs:,}",
        "time, memory": f"{seconds:.1f} s, {memory:,.0f} MiB",
        "violated": ", ".join(each.property for each in result.violations) or holds,
        "seen": ", ".join(result.seen),
        "missing": ", ".join(result.missing) or "nothing",
    }
    for what, value in rows.items():
        if value:
            table.add_row(what, value)
    _console().print(table)


def campaign_tables(done: Sequence[Measured], seconds: float) -> None:
    """The scenarios, then the removed defences."""
    numbers = ("states", "transitions", "host values", "time", "MiB")
    table = Table("scenario", "budget", *(Column(name, justify="right") for name in numbers), "violated", "witnesses")
    for each in done:
        result = each.result
        if not result.case.until:
            violated = ", ".join(found.property for found in result.violations) or "nothing"
            count = f"{result.states:,}" + ("" if result.complete else "+")
            lacks = f"lacks {', '.join(result.missing)}" if result.missing else f"{len(result.seen)} seen"
            table.add_row(
                *(result.case.scenario, str(result.budget), count, f"{result.transitions:,}", f"{result.hosts:,}"),
                *(f"{each.seconds:.1f} s", f"{each.memory:,}", violated, lacks),
            )
    _console().print(table)
    mutants = Table("without", "scenario", "budget", "violates", "after")
    for result in (each.result for each in done if each.result.case.until):
        found = result.killed_by
        killed = ("survives", "") if found is None else (found.property, f"{found.dooms} steps")
        mutants.add_row(result.case.lacks, result.case.scenario, str(result.budget), *killed)
    if mutants.rows:
        _console().print(mutants)
    states = sum(each.result.states for each in done)
    transitions = sum(each.result.transitions for each in done)
    processor = sum(each.seconds for each in done)
    say(f"{len(done)} explorations, {states:,} states, {transitions:,} transitions")
    say(f"{processor:.1f} s of processor time, {seconds:.1f} s in all")


def laws_tables(generals: Sequence[General], lengths: Sequence[Length], as_json: bool) -> None:
    """The Two Generals, and the law of TIME-WAIT."""
    if as_json:
        rows = {"generals": [each._asdict() for each in generals], "lengths": [each._asdict() for each in lengths]}
        say(json.dumps(rows))
        return
    table = Table("retransmissions", "losses", "open", "close", "states")
    for one in generals:
        ways = [
            "survives" if steps is None else f"fails after {steps} steps" for steps in (one.open_fails, one.close_fails)
        ]
        table.add_row(str(one.retries), str(one.losses), *ways, f"{one.states:,}")
    _console().print(table)
    table = Table("losses k", "RTO", "MSL", "TIME-WAIT", "", "states")
    for each in lengths:
        times = (f"{time / SECOND:.10g} s" for time in (RTO, each.life, each.time_wait))
        table.add_row(str(each.losses), *times, "survives" if each.survives else "fails", f"{each.states:,}")
    _console().print(table)


def say_findings(results: Sequence[Result]) -> None:
    """What should not be: counterexamples of what ships, mutants that survive, scenarios that show nothing."""
    for each in results:
        if each.case.until:
            if not each.ok:
                why = "" if each.effective else ": it had no effect"
                say(f"without {each.case.lacks}, {each.case.scenario} finds nothing wrong{why}")
            continue
        for found in each.violations:
            draw(found)
        if each.violations:
            loss, dup, delay = each.case.budget[:3]
            options = f"--loss {loss} --dup {dup} --delay {delay}"
            say(f"to replay, and as a capture: estab explore {each.case.scenario} {options} --save DIR")
        if each.missing:
            say(f"{each.case.scenario} is void: it has not shown {', '.join(each.missing)}")


def draw(found: Found | Story) -> None:
    """The steps, then the segments as a ladder."""
    console = _console()
    story = found.story if isinstance(found, Found) else found
    if isinstance(found, Found):
        say(f"\n{found.property} {PROPERTIES[found.property]}: {found.text}")
    for number, label in enumerate(story.labels, 1):
        doomed = isinstance(found, Found) and number == found.dooms + 1
        if doomed:
            say("     from here on nothing goes wrong any more")
        say(f"{number:>4} {label}")
    say("")
    start = story.passages[0].sent_at if story.passages else 0
    text = ladder(story.passages, "A", "B", fold=0, start=start, width=width_of(console), ascii_only=ascii_only())
    for line in text.splitlines():
        console.print(paint(line), soft_wrap=True)
    say("")


def save(into: Path | None, result: Result) -> None:
    """Each violation as a file to replay and a capture."""
    if into is None or not result.violations:
        return
    with explained(f"cannot write to {into}"):
        into.mkdir(parents=True, exist_ok=True)
        for found in result.violations:
            name = "-".join(filter(None, (result.case.scenario, result.case.mutation, found.property)))
            value = as_json(result.case, found.property, found.text, found.labels)
            (into / f"{name}.json").write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
            _capture(into / f"{name}.pcapng", found.story)
            note(f"{into / name}.json and .pcapng: estab explore --replay {into / name}.json")


def _capture(file: Path, story: Story) -> None:
    with file.open("wb") as out:
        writer = PcapngWriter(out)
        writer.interface("between A and B")
        for each in sorted(story.passages, key=lambda each: each.sent_at):
            fate = "" if each.fate == "delivered" else each.fate
            writer.packet(each.data, each.sent_at, "", comment=f"{each.src} to {each.dst} {fate}".rstrip())


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDEST)
