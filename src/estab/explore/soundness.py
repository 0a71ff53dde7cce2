"""Why the graph may be believed: three things about it that are tried out, not argued."""

from __future__ import annotations

from random import Random
from typing import Final

from estab.explore.case import Case
from estab.explore.explorer import Graph
from estab.explore.replay import ends
from estab.explore.setting import Budget
from estab.explore.story import tell

_CASE: Final = Case("data", Budget(loss=1))
_SHIFTED: Final = (2**31 - 3, 2**32 - 7)
_SAMPLES: Final = 200


def check(case: Case = _CASE, samples: int = _SAMPLES, seed: int = 1) -> list[str]:
    """A sentence for each. Raises ``AssertionError`` with what is not so."""
    world, _ = case.world()
    graph = Graph(world).explore()
    return [replays(graph, samples, seed), shifts(case, graph), forgets_nothing(case, graph)]


def replays(graph: Graph, samples: int, seed: int) -> str:
    """Snapshots are complete: stacks that are never restored come to the same values, on every way tried."""
    numbers = Random(seed).sample(range(len(graph.states)), min(samples, len(graph.states)))
    for number in numbers:
        story = tell(graph.world, graph.way(number))
        if story.ends != ends(graph.world, graph.states[number]):
            raise AssertionError(f"state {number} is not what stacks come to that are never restored")
    return f"{len(numbers)} states of {len(graph.states):,}, replayed without snapshots, are the same"


def shifts(case: Case, graph: Graph) -> str:
    """P18: where the sequence numbers begin makes no difference."""
    world, _ = Case(case.scenario, case.budget, case.mutation, bases=_SHIFTED).world()
    if not same(graph, Graph(world).explore()):
        raise AssertionError(f"P18: with sequence numbers from {_SHIFTED} on, the graph is another")
    return f"P18: with sequence numbers from {_SHIFTED[0]:,} and {_SHIFTED[1]:,} on, the graph is the same"


def forgets_nothing(case: Case, graph: Graph) -> str:
    """What is remembered of a host's steps is what the host would do again."""
    world, _ = case.world(remember=False)
    if not same(graph, Graph(world).explore()):
        raise AssertionError("with every event worked out anew, the graph is another")
    return f"with every event worked out anew ({world.runs:,} instead of {graph.world.runs:,}), the graph is the same"


def same(one: Graph, other: Graph) -> bool:
    """The same states in the same order, with the same values behind their numbers."""
    worlds = one.world, other.world
    values = [
        (world.hosts[0].values, world.hosts[1].values, world.network.entries.values, world.facts) for world in worlds
    ]
    return one.states == other.states and list(one.fair) == list(other.fair) and values[0] == values[1]
