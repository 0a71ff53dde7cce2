"""``estab explore``: every interleaving of two stacks and a network that misbehaves within a budget."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from estab.cli.errors import FAILED, MISUSED, CommandError, explained
from estab.cli.executors import Jobs, Where, executor
from estab.cli.explore_report import (
    Watch,
    campaign_tables,
    draw,
    laws_tables,
    result_table,
    save,
    say_findings,
)
from estab.cli.options import Json
from estab.cli.stdio import note, say
from estab.explore import PROPERTIES, SCENARIOS, Budget, Case, Result, campaign, case_from, replay, run
from estab.explore.laws import generals, lengths
from estab.explore.matrix import kills, plan
from estab.explore.soundness import check
from estab.mutations import MUTATIONS

ALL: Final = "all"


def explore(  # noqa: PLR0917
    name: Annotated[
        str | None, typer.Argument(metavar="[SCENARIO]", help="Which, or all; none lists them.", show_default=False)
    ] = None,
    loss: Annotated[int, typer.Option(min=0, metavar="N", help="Segments that may be lost.")] = 1,
    dup: Annotated[int, typer.Option(min=0, metavar="N", help="Segments that may be doubled.")] = 1,
    delay: Annotated[int, typer.Option(min=0, metavar="N", help="Segments that may be late.")] = 0,
    without: Annotated[
        str | None, typer.Option(metavar="DEFENCE", help="Take this defence out.", show_default=False)
    ] = None,
    deep: Annotated[bool, typer.Option("--deep", help="With all: two losses, a duplicate and a delay.")] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Give up at so many states.", show_default=False)
    ] = None,
    where: Where = "processes",
    jobs: Jobs = 0,
    into: Annotated[
        Path | None,
        typer.Option("--save", metavar="DIR", help="Write counterexamples there: .json to replay, .pcapng to look at."),
    ] = None,
    laws: Annotated[
        bool, typer.Option("--laws", help="Measure how many losses are survived, and how long TIME-WAIT must be.")
    ] = False,
    again: Annotated[
        Path | None,
        typer.Option("--replay", metavar="FILE", exists=True, dir_okay=False, help="Tell a counterexample again."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Explore every state that two stacks and a network can get into, and check each; shortest counterexamples.

    all: every scenario, and every removed defence with the scenario that must find it out. The exit status is 0 when
    no property is violated and every scenario has shown what it must, or a removed defence was found out.

      estab explore open+close --loss 2
      estab explore incarnations --without fixed-isn --loss 0
      estab explore all
    """
    if again is not None:
        _replay(again)
    elif laws:
        laws_tables(generals(), lengths(), as_json)
    elif name is None:
        _list(as_json)
    elif name == ALL:
        cases = [*plan(deep), *([] if deep else kills())]
        if not _all(cases, where, jobs, into, as_json):
            raise typer.Exit(FAILED)
    else:
        case = _case(name, Budget(loss, dup, delay), without, limit)
        if not _one(case, into, as_json):
            raise typer.Exit(FAILED)


def _case(name: str, budget: Budget, without: str | None, limit: int | None) -> Case:
    if name not in SCENARIOS:
        raise CommandError(f"there is no scenario {name!r}; there are: {', '.join(SCENARIOS)}, and all", MISUSED)
    if without is not None and without not in MUTATIONS:
        raise CommandError(f"there is no defence {without!r}; there are: {', '.join(MUTATIONS)}", MISUSED)
    return Case(name, budget, without, () if without is None else tuple(PROPERTIES), limit=limit)


def _one(case: Case, into: Path | None, as_json: bool) -> bool:
    with Watch(case.scenario, as_json) as watch:
        result = run(case, watch.progress)
    if as_json:
        say(json.dumps(result.row()))
    else:
        result_table(result, watch.seconds)
        for found in result.violations:
            draw(found)
    save(into, result)
    return result.ok


def _all(cases: list[Case], where: str, jobs: int, into: Path | None, as_json: bool) -> bool:
    results: list[Result | None] = [None] * len(cases)
    with executor(where, jobs) as pool, Watch("explorations", as_json, len(cases)) as watch:
        # The longest first, so that no core waits for the last.
        order = sorted(range(len(cases)), key=lambda number: bool(cases[number].until))
        for place, result in campaign(run, [cases[number] for number in order], pool):
            results[order[place]] = result
            watch.done(result)
        sound = check()
    done = [result for result in results if result is not None]
    survivors = [result.case.mutation for result in done if result.case.until and not result.ok]
    if as_json:
        scenarios = [result.row() for result in done if not result.case.until]
        mutants = [result.row() for result in done if result.case.until]
        say(json.dumps({"scenarios": scenarios, "mutants": mutants, "survivors": survivors, "soundness": sound}))
    else:
        campaign_tables(done, watch.seconds)
        say_findings(done)
        for line in sound:
            say(line)
    for result in done:
        if not result.ok:
            save(into, result)
    return all(result.ok for result in done)


def _replay(file: Path) -> None:
    with explained(f"cannot replay {file}"):
        case, labels = case_from(json.loads(file.read_text(encoding="utf-8")))
        story, findings = replay(case, labels)
    draw(story)
    for property_name, text in findings:
        say(f"{property_name} {PROPERTIES[property_name]}: {text}")
    if not findings:
        note("nothing is violated any more")
        raise typer.Exit(FAILED)


def _list(as_json: bool) -> None:
    if as_json:
        say(json.dumps([{"scenario": each.name, "shows": each.shows} for each in SCENARIOS.values()]))
        return
    widest = max(map(len, SCENARIOS))
    for each in SCENARIOS.values():
        say(f"{each.name:<{widest}}  {each.shows}")
    say("\nestab explore SCENARIO explores one, estab explore all everything, with and without its defences.")
