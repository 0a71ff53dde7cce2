"""One exploration as a value that can be sent to another process, and what came of it as another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from estab.explore.explorer import Graph, Progress
from estab.explore.graph import World
from estab.explore.host import Site
from estab.explore.scenarios import SCENARIOS, Scenario
from estab.explore.setting import Budget, figures, lifetime
from estab.explore.story import Story, tell
from estab.mutations import MUTATIONS, Mutant
from estab.tcp.rules import RULES, Rules

_LEAST_FAULTS: Final = Budget(loss=1, dup=1)
"""With this much all of a scenario's witnesses must be seen."""


def counted(secret: bytes, key: bytes, now: int) -> int:
    """The clock of the initial sequence numbers as a counter, from a base on (RFC 9293 §3.4.1)."""
    return int.from_bytes(secret, "big") + now


_COUNTED: Final = RULES.but(isn=counted)


@dataclass(frozen=True)
class Case:
    """A scenario with a budget, perhaps without a defence. ``until``: properties whose violation ends the search."""

    scenario: str
    budget: Budget
    mutation: str | None = None
    until: tuple[str, ...] = ()
    quiet: bool = True
    limit: int | None = None
    bases: tuple[int, int] | None = None
    """Other first sequence numbers than the scenario's."""
    changes: tuple[tuple[str, int], ...] = ()
    """Figures that differ from ``figures``, by name."""
    life: int | None = None
    """How long (ns) the network keeps a segment, if not ``lifetime``."""

    @property
    def whole_budget(self) -> Budget:
        """With what makes the scenario one."""
        needs = SCENARIOS[self.scenario].needs
        return self.budget._replace(**{name: max(count, getattr(self.budget, name)) for name, count in needs.items()})

    @property
    def lacks(self) -> str:
        """What was taken away, in words."""
        return ", ".join(filter(None, (self.mutation, "" if self.quiet else "no quiet time")))

    def world(self, remember: bool = True) -> tuple[World, Mutant | None]:
        """The two hosts, and what was taken out of them."""
        scenario, budget = SCENARIOS[self.scenario], self.whole_budget
        rules: Rules = _COUNTED
        config = figures(budget).but(**dict((*scenario.changes, *self.changes)))
        mutant = None
        if self.mutation is not None:
            mutant = MUTATIONS[self.mutation].apply(rules, config)
            rules, config = mutant.rules, mutant.config
        bases = self.bases or scenario.bases
        life = lifetime(budget) if self.life is None else self.life
        quiet = life if self.quiet else 0
        forget = not config.sack
        a, b = (Site(at, scenario.scripts[at], config, rules, bases, quiet, forget) for at in (0, 1))
        world = World((a, b), budget, life, crashes=scenario.crashes, forges=scenario.forges, remember=remember)
        return world, mutant


@dataclass(frozen=True)
class Found:
    """A violated property, with the shortest way there."""

    property: str
    text: str
    labels: tuple[str, ...]
    dooms: int
    story: Story


@dataclass(frozen=True)
class Result:
    """What an exploration came to. ``missing``: what the scenario must have shown and did not."""

    case: Case
    budget: Budget
    states: int
    transitions: int
    hosts: int
    segments: int
    runs: int
    complete: bool
    seen: tuple[str, ...]
    missing: tuple[str, ...]
    violations: tuple[Found, ...]
    effective: bool
    """No defence was taken out, or it was missed at least once."""

    @property
    def killed_by(self) -> Found | None:
        """The first of the expected violations."""
        return next((each for each in self.violations if each.property in self.case.until), None)

    @property
    def ok(self) -> bool:
        """Without a mutation: complete, nothing violated, nothing missing. With one: it was found out."""
        if self.case.mutation is not None or self.case.until:
            return self.effective and self.killed_by is not None
        return self.complete and not self.violations and not self.missing

    def row(self) -> dict[str, Any]:
        """As ``make explore JSON=1`` prints it."""
        if self.case.until:
            found = self.killed_by
            return {
                "mutant": self.case.lacks,
                "scenario": self.case.scenario,
                "budget": str(self.budget),
                "killed_by": None if found is None else found.property,
                "steps": None if found is None else found.dooms,
            }
        return {
            "scenario": self.case.scenario,
            "budget": str(self.budget),
            "states": self.states,
            "transitions": self.transitions,
            "complete": self.complete,
            "violations": [each.property for each in self.violations],
            "missing_witnesses": list(self.missing),
        }


def run(case: Case, progress: Progress | None = None) -> Result:
    """Explore; every violation comes with its story."""
    world, mutant = case.world()
    graph = Graph(world).explore(until=case.until, limit=case.limit, progress=progress)
    found = tuple(
        Found(each.property, each.text, each.labels, each.dooms, tell(world, each.steps, each.labels))
        for each in sorted(graph.violations.values(), key=lambda each: each.dooms)
    )
    site = world.sites[0]
    return Result(
        case,
        case.whole_budget,
        len(graph.states),
        graph.transitions,
        sum(len(each.values) for each in world.hosts),
        len(world.network.flights.values),
        world.runs,
        graph.complete,
        graph.seen,
        _missing(SCENARIOS[case.scenario], case, graph),
        found,
        mutant is None or mutant.took_effect(site.rules, site.config),
    )


def _missing(scenario: Scenario, case: Case, graph: Graph) -> tuple[str, ...]:
    wanted = scenario.always
    if case.budget.loss >= _LEAST_FAULTS.loss and case.budget.dup >= _LEAST_FAULTS.dup:
        wanted += scenario.witnesses
    return tuple(name for name in dict.fromkeys(wanted) if name not in graph.seen)
