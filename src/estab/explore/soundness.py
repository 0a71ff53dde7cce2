"""Why the graphs may be believed: three things about them that are tried out, not argued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Final, NamedTuple

from estab.explore.case import Case
from estab.explore.explorer import Graph
from estab.explore.replay import ends
from estab.explore.scenarios import SCENARIOS
from estab.explore.setting import Budget
from estab.explore.story import tell

_SHIFTS: Final = ((2**32 - 1, 2**31 - 1), (2**31 - 1, 2**32 - 1))
"""Other first sequence numbers: those that follow lie beyond 2^32 and 2^31."""
_SHIFTS_OF_CLOSED: Final = ((2**31 - 1, 2**31 - 1),)
"""Where nobody listens, CLOSED answers a SYN by a reset with the number 0 (RFC 9293 §3.10.7.1), which no shift moves:
where 0 is in the window the graph is rightly another."""
_FEW: Final = 30
_MANY: Final = 200


class Trial(NamedTuple):
    """A graph, and how many of its states are to be reached again without snapshots."""

    case: Case
    samples: int = _FEW


class Verdict(NamedTuple):
    """What was tried on a graph, and what is not so."""

    trial: Trial
    states: int
    replayed: int
    runs: int
    """How often a host was really run."""
    runs_anew: int
    """The same without memory."""
    wrong: tuple[str, ...]


def trials() -> list[Trial]:
    """Every scenario without faults of the network, and one with a loss."""
    return [Trial(Case("data", Budget(loss=1)), _MANY), *(Trial(Case(name, Budget())) for name in SCENARIOS)]


def check(trial: Trial, seed: int = 1) -> Verdict:
    """Try all three."""
    case = trial.case
    world, _ = case.world()
    graph = Graph(world).explore()
    numbers = Random(seed).sample(range(len(graph.states)), min(trial.samples, len(graph.states)))
    anew, _ = case.world(remember=False)
    wrong = [f"state {number} is not what stacks come to that are never restored" for number in strays(graph, numbers)]
    for bases in _SHIFTS if willing(case) else _SHIFTS_OF_CLOSED:
        if not same(graph, Graph(replace(case, bases=bases).world()[0]).explore()):
            wrong.append(f"P18: with sequence numbers from {bases} on, the graph is another")
    if not same(graph, Graph(anew).explore()):
        wrong.append("with every event worked out anew, the graph is another")
    named = tuple(f"{case.scenario}, {case.whole_budget}: {each}" for each in wrong)
    return Verdict(trial, len(graph.states), len(numbers), world.runs, anew.runs, named)


def willing(case: Case) -> bool:
    """Somebody listens."""
    return any(script.listens for script in SCENARIOS[case.scenario].scripts)


def strays(graph: Graph, numbers: Sequence[int]) -> list[int]:
    """Of these states those to which stacks that are never restored do not come, on the shortest way."""
    return [
        number
        for number in numbers
        if tell(graph.world, graph.way(number)).ends != ends(graph.world, graph.states[number])
    ]


def same(one: Graph, other: Graph) -> bool:
    """The same states in the same order, with the same values behind their numbers."""
    worlds = one.world, other.world
    values = [
        (world.hosts[0].values, world.hosts[1].values, world.network.entries.values, world.facts) for world in worlds
    ]
    return one.states == other.states and list(one.fair) == list(other.fair) and values[0] == values[1]


def summary(verdicts: Sequence[Verdict]) -> list[str]:
    """A sentence for each of the three, then what is not so."""
    graphs, states = len(verdicts), sum(each.states for each in verdicts)
    replayed = sum(each.replayed for each in verdicts)
    runs, anew = sum(each.runs for each in verdicts), sum(each.runs_anew for each in verdicts)
    return [
        f"snapshots: {replayed:,} states of {graphs} graphs ({states:,} states) reached again without them",
        f"P18: sequence numbers that pass 2^32 and 2^31, on either side, and the same {graphs} graphs",
        f"memory: every event worked out anew ({anew:,} runs of a host, not {runs:,}), and the same {graphs} graphs",
        *(wrong for each in verdicts for wrong in each.wrong),
    ]
