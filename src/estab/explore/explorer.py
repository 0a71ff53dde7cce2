"""Breadth first through the states of a world: counts, witnesses, and the shortest way to each kind of violation."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection
from itertools import pairwise
from typing import Final, NamedTuple

from estab.explore.graph import State, Step, World
from estab.explore.network import Contents
from estab.explore.properties import WITNESSES, delivered
from estab.explore.setting import Budget

_UNKNOWN: Final = -2
_END: Final = -1
_REPORT: Final = 4096
"""States between two reports of progress."""

Progress = Callable[[int, int, int], None]
"""(states, transitions, states that wait to be looked at) → None."""


class Violation(NamedTuple):
    """A property, how it fails, and the shortest way there."""

    property: str
    text: str
    steps: tuple[Step, ...]
    labels: tuple[str, ...]
    dooms: int
    """Liveness: from here on nothing goes wrong any more, and still the end is not reached; else ``len(steps)``."""


class Graph:
    """What was found of a world. ``complete``: every reachable state was looked at."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.states: list[State] = []
        self.numbers: dict[State, int] = {}
        self.parents = array("q")
        self.fair = array("q")
        """The state that follows when nothing goes wrong."""
        self.transitions: int = 0
        self.depth: int = 0
        self.witnesses: int = 0
        self.violations: dict[str, Violation] = {}
        self.complete: bool = False
        # Most of what states are made of is in many of them: held once, that halves the memory.
        self._contents: dict[Contents, Contents] = {}
        self._budgets: dict[Budget, Budget] = {}

    @property
    def seen(self) -> tuple[str, ...]:
        """The names of what was witnessed."""
        return tuple(name for place, name in enumerate(WITNESSES) if self.witnesses >> place & 1)

    # ------------------------------------------------------------------ building it

    def explore(
        self, *, until: Collection[str] = (), limit: int | None = None, progress: Progress | None = None
    ) -> Graph:
        """Look at every state, or until one of these properties is violated, or at ``limit`` states."""
        self._reach(self.world.root(), -1)
        looked = 0
        while looked < len(self.states):
            if limit is not None and len(self.states) > limit:
                break
            if until and self._is_over(until, looked):
                return self
            if progress is not None and looked % _REPORT == 0:
                progress(len(self.states), self.transitions, len(self.states) - looked)
            self._look(looked)
            looked += 1
        else:
            self.complete = True
        self._drain()
        return self

    def _is_over(self, until: Collection[str], looked: int) -> bool:
        """What was looked for is found; liveness is asked about whenever the graph has doubled."""
        if looked and looked & (looked - 1) == 0 and not _LIVENESS.isdisjoint(until):
            self._drain()
        return not self.violations.keys().isdisjoint(until)

    def _look(self, number: int) -> None:
        state = self.states[number]
        world, numbers = self.world, self.numbers
        follows = _END
        steps = world.steps(state)
        self.transitions += len(steps)
        for step in steps:
            at = numbers.get(step.state)
            findings = step.outcome.findings
            if at is None:
                at = self._reach(step.state, number)
                together, both = world.together(step.state)
                if both:
                    self.witnesses |= 1
                findings += together
            if follows == _END and step.fair:
                follows = at
            self.witnesses |= step.outcome.witnesses
            for name, text in findings:
                if name not in self.violations:
                    self._violated(name, text, number, step)
        self.fair[number] = follows
        if follows == _END and world.is_goal(state):
            a, b = world.known(state)
            for name, text in (*delivered(a, b), *delivered(b, a)):
                if name not in self.violations:
                    self._violated(name, text, number)

    def _reach(self, state: State, parent: int) -> int:
        """A state that is new."""
        a, b, contents, budget = state
        contents, budget = self._contents.setdefault(contents, contents), self._budgets.setdefault(budget, budget)
        state = a, b, contents, budget
        number = self.numbers[state] = len(self.states)
        self.states.append(state)
        self.parents.append(parent)
        self.fair.append(_UNKNOWN)
        return number

    # ------------------------------------------------------------------ liveness

    def _drain(self) -> None:
        """From every state, let nothing go wrong any more: the end must be reached, and nothing seen twice."""
        verdicts = bytearray(len(self.states))
        for number in range(len(self.states)):
            chain = []
            at = number
            while at >= 0 and not verdicts[at]:
                verdicts[at] = _WALKING
                chain.append(at)
                at = self.fair[at]
            if at == _UNKNOWN:
                verdict = _GOOD
            elif at == _END:
                verdict = _GOOD if self.world.is_goal(self.states[chain[-1]]) else _STUCK
            else:
                verdict = _LOOPS if verdicts[at] == _WALKING else verdicts[at]
            for each in chain:
                verdicts[each] = verdict
            if verdict != _GOOD:
                self._doomed(number, verdict)

    def _doomed(self, number: int, verdict: int) -> None:
        name = "P13" if verdict == _STUCK else "P14"
        if name in self.violations:
            return
        chain, at = [number], self.fair[number]
        while at >= 0 and at not in chain:
            chain.append(at)
            at = self.fair[at]
        if at >= 0:
            chain.append(at)
        path = self._path(number)
        steps, labels = self._walk([*path, *chain[1:]])
        text = "a state comes back" if verdict == _LOOPS else self._left_over(self.states[chain[-1]])
        self.violations[name] = Violation(name, text, steps, labels, len(path) - 1)

    def _left_over(self, state: State) -> str:
        """What is not as it should be at the end."""
        left = [name for at, name in enumerate("AB") if not self.world.facts[at][state[:2][at]].at_rest]
        return f"without another fault {' and '.join(left) or 'the network'} never comes to rest"

    # ------------------------------------------------------------------ ways

    def _violated(self, name: str, text: str, number: int, step: Step | None = None) -> None:
        steps, labels = self._walk(self._path(number))
        if step is not None:
            steps, labels = (*steps, step), (*labels, self.world.label(self.states[number], step))
        self.violations[name] = Violation(name, text, steps, labels, len(steps))

    def _path(self, number: int) -> list[int]:
        path = []
        while number >= 0:
            path.append(number)
            number = self.parents[number]
        return path[::-1]

    def way(self, number: int) -> tuple[Step, ...]:
        """The shortest way from the root to a state."""
        return self._walk(self._path(number))[0]

    def _walk(self, path: list[int]) -> tuple[tuple[Step, ...], tuple[str, ...]]:
        """The steps from the root along these states."""
        steps, labels = [], []
        for before, after in pairwise(path):
            state, wanted = self.states[before], self.states[after]
            step = next(each for each in self.world.steps(state) if each.state == wanted)
            steps.append(step)
            labels.append(self.world.label(state, step))
        return tuple(steps), tuple(labels)


_LIVENESS: Final = frozenset({"P13", "P14"})
_GOOD: Final = 1
_STUCK: Final = 2
_LOOPS: Final = 3
_WALKING: Final = 4
