"""``estab sweep``: a transfer over a bad network, once with each of many seeds; the smallest that fails."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from estab.cli.errors import FAILED, MISUSED, CommandError, explained
from estab.cli.executors import Jobs, Where, executor
from estab.cli.explore_report import Watch
from estab.cli.options import Json, parse_delay, parse_loss
from estab.cli.paint import ascii_only, paint, width_of
from estab.cli.stdio import say
from estab.explain.ladder import ladder
from estab.explore import campaign
from estab.mutations import MUTATIONS
from estab.sim.trial import CLIENT, SERVER, Trial, Verdict, attempt

_SHOWN: Final = 10


@dataclass(frozen=True)
class Job:
    """A trial, and the name of the defence that both hosts lack in it."""

    trial: Trial
    without: str | None

    def run(self) -> tuple[Verdict, str]:
        """The verdict, and the ladder of what was on the wire."""
        mutant = None if self.without is None else MUTATIONS[self.without].apply()
        weaker = () if mutant is None else (mutant.config, mutant.rules)
        verdict, passages = attempt(self.trial, *weaker)
        return verdict, ladder(passages, CLIENT, SERVER, width=width_of(Console()), ascii_only=ascii_only())


def verdict_of(job: Job) -> Verdict:
    """What another process sends back."""
    return job.run()[0]


def sweep(  # noqa: PLR0917
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="How many.")] = 100,
    first: Annotated[int, typer.Option(min=0, metavar="N", help="The first of them.")] = 1,
    seed: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Only this one, drawn.", show_default=False)
    ] = None,
    size: Annotated[int, typer.Option(min=0, metavar="BYTES", help="What each side sends.")] = 100_000,
    loss: Annotated[str, typer.Option(metavar="P", help="Packets lost each way: 0.05 or 5%.")] = "5%",
    duplicate: Annotated[str, typer.Option(metavar="P", help="Doubled.")] = "2%",
    reorder: Annotated[str, typer.Option(metavar="P", help="Overtaken.")] = "5%",
    delay: Annotated[str, typer.Option(metavar="TIME", help="Of each way: 20ms, 0.5s.")] = "20ms",
    without: Annotated[
        str | None, typer.Option(metavar="DEFENCE", help="Take this defence out.", show_default=False)
    ] = None,
    where: Where = "processes",
    jobs: Jobs = 0,
    as_json: Json = False,
) -> None:
    """Send bytes both ways over a simulated bad network and close, once per seed: all must arrive and nothing stay.

    The exit status is 0 when every seed went well. The smallest that did not is told with the command that repeats it.

      estab sweep --seeds 1000 --loss 10%
      estab sweep --executor dask://10.0.0.1:8786
    """
    if without is not None and without not in MUTATIONS:
        raise CommandError(f"there is no defence {without!r}; there are: {', '.join(MUTATIONS)}", MISUSED)
    with explained("the network"):
        trial = Trial(0, size, parse_loss(loss), parse_loss(duplicate), parse_loss(reorder), parse_delay(delay))
    if seed is not None:
        _one(Job(replace(trial, seed=seed), without), as_json)
        return
    work = [Job(replace(trial, seed=number), without) for number in range(first, first + seeds)]
    with executor(where, jobs) as pool, Watch("seeds", as_json, len(work)) as watch:
        verdicts = []
        for _, verdict in campaign(verdict_of, work, pool):
            verdicts.append(verdict)
            watch.step()
    again = ["estab sweep", f"--size {size} --loss {loss} --duplicate {duplicate} --reorder {reorder} --delay {delay}"]
    again += [] if without is None else [f"--without {without}"]
    _report(sorted(verdicts, key=lambda each: each.seed), " ".join(again), as_json)


def _one(job: Job, as_json: bool) -> None:
    verdict, drawing = job.run()
    if as_json:
        say(json.dumps(_row(verdict)))
    else:
        console = Console(highlight=False)
        for line in drawing.splitlines():
            console.print(paint(line), soft_wrap=True)
        for each in verdict.wrong or ("all is well",):
            say(each)
    if verdict.wrong:
        raise typer.Exit(FAILED)


def _report(verdicts: Sequence[Verdict], again: str, as_json: bool) -> None:
    failed = [verdict for verdict in verdicts if verdict.wrong]
    if as_json:
        replay = f"{again} --seed {failed[0].seed}" if failed else None
        say(json.dumps({"seeds": len(verdicts), "failed": [_row(each) for each in failed], "replay": replay}))
    else:
        for verdict in failed[:_SHOWN]:
            say(f"seed {verdict.seed}: {'; '.join(verdict.wrong)}")
        say(f"{len(verdicts) - len(failed):,} of {len(verdicts):,} seeds went well")
        if failed:
            say(f"the smallest that did not, again: {again} --seed {failed[0].seed}")
    if failed:
        raise typer.Exit(FAILED)


def _row(verdict: Verdict) -> dict[str, Any]:
    return {"seed": verdict.seed, "wrong": list(verdict.wrong), "lasted_ns": verdict.lasted}
