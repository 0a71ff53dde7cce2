"""``estab explore``: every interleaving of two stacks and a network that misbehaves within a budget."""

from __future__ import annotations

import json
from collections.abc import MutableSequence
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from estab.cli.errors import FAILED, MISUSED, CommandError, explained
from estab.cli.executors import PROCESSES, Jobs, Where, executor
from estab.cli.explore_report import (
    Watch,
    campaign_tables,
    draw,
    laws_tables,
    result_table,
    save,
    say_findings,
)
from estab.cli.measured import EACH, Measured, measured, share
from estab.cli.options import Json
from estab.cli.stdio import note, say
from estab.explore import PROPERTIES, SCENARIOS, Budget, Case, Result, campaign, case_from, replay
from estab.explore.laws import generals, lengths
from estab.explore.matrix import kills, plan
from estab.explore.soundness import Verdict, check, summary, trials
from estab.mutations import MUTATIONS

ALL: Final = "all"


def explore(  # noqa: PLR0917
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[SCENARIO]",
            help="Which, or all; none lists them, or runs all on an executor that is given.",
            show_default=False,
        ),
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
      estab explore --executor dask://10.0.0.1:8786
    """
    name = name or (ALL if where != PROCESSES else None)
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
        if not _one(case, where, into, as_json):
            raise typer.Exit(FAILED)


def _case(name: str, budget: Budget, without: str | None, limit: int | None) -> Case:
    if name not in SCENARIOS:
        raise CommandError(f"there is no scenario {name!r}; there are: {', '.join(SCENARIOS)}, and all", MISUSED)
    if without is not None and without not in MUTATIONS:
        raise CommandError(f"there is no defence {without!r}; there are: {', '.join(MUTATIONS)}", MISUSED)
    return Case(name, budget, without, () if without is None else tuple(PROPERTIES), limit=limit)


def _one(case: Case, where: str, into: Path | None, as_json: bool) -> bool:
    figures = _figures(1)
    share(figures)
    with Watch(case.scenario, as_json, figures=figures) as watch:
        if where == PROCESSES:
            done = measured((0, case))
        else:
            with executor(where, jobs=1) as pool:
                [(_, done)] = campaign(measured, [(0, case)], pool)
    result = done.result
    if as_json:
        say(json.dumps(result.row()))
    else:
        result_table(done, watch.seconds)
        for found in result.violations:
            draw(found)
    save(into, result)
    return result.ok


def _all(cases: list[Case], where: str, jobs: int, into: Path | None, as_json: bool) -> bool:
    # The longest first, so that no core waits for the last; then in the order in which they were given.
    order = sorted(range(len(cases)), key=lambda number: bool(cases[number].until))
    work = [(number, cases[number]) for number in order]
    figures = _figures(len(cases))
    done: dict[int, Measured] = {}
    sound: dict[int, Verdict] = {}
    with executor(where, jobs, figures) as pool, Watch("explorations", as_json, len(cases), figures) as watch:
        for place, one in campaign(measured, work, pool):
            done[order[place]] = one
            watch.done(order[place], one.result)
    with executor(where, jobs) as pool, Watch("soundness", as_json, len(trials())) as tried:
        for number, verdict in campaign(check, trials(), pool):
            sound[number] = verdict
            tried.step()
    results = [done[number].result for number in range(len(cases))]
    verdicts = [sound[number] for number in sorted(sound)]
    if as_json:
        say(json.dumps(_row(results, verdicts)))
    else:
        campaign_tables([done[number] for number in range(len(cases))], watch.seconds)
        say_findings(results)
        for line in summary(verdicts):
            say(line)
    for result in results:
        if not result.ok:
            save(into, result)
    return all(result.ok for result in results) and not any(verdict.wrong for verdict in verdicts)


def _figures(count: int) -> MutableSequence[int]:
    """Memory that processes can share."""
    figures: MutableSequence[int] = RawArray("q", count * EACH)
    return figures


def _row(results: list[Result], verdicts: list[Verdict]) -> dict[str, Any]:
    return {
        "scenarios": [result.row() for result in results if not result.case.until],
        "mutants": [result.row() for result in results if result.case.until],
        "survivors": [result.case.lacks for result in results if result.case.until and not result.ok],
        "soundness": summary(verdicts),
        "unsound": [wrong for verdict in verdicts for wrong in verdict.wrong],
    }


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
