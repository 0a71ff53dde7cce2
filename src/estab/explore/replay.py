"""A counterexample as a file can hold it, and the same run again from it: on stacks that are never restored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from estab.explore.case import Case
from estab.explore.graph import State, Step, World
from estab.explore.properties import Finding, delivered
from estab.explore.setting import Budget
from estab.explore.story import Story, tell


def as_json(case: Case, name: str, text: str, labels: Sequence[str]) -> dict[str, Any]:
    """What is needed to see it again."""
    return {"case": asdict(case) | {"budget": case.budget._asdict()}, "property": name, "text": text, "steps": labels}


def case_from(value: Any) -> tuple[Case, tuple[str, ...]]:
    """The case and the steps. Raises ``ValueError`` for what ``as_json`` has not made."""
    try:
        fields = dict(value["case"])
        fields["budget"] = Budget(**fields["budget"])
        fields["until"] = tuple(fields["until"])
        fields["bases"] = None if fields["bases"] is None else tuple(fields["bases"])
        fields["changes"] = tuple(map(tuple, fields["changes"]))
        case = Case(**fields)
        steps = tuple(map(str, value["steps"]))
        case.world()
    except (KeyError, TypeError) as error:
        raise ValueError(f"this is no counterexample of estab explore: {error!r}") from error
    return case, steps


def replay(case: Case, labels: Sequence[str]) -> tuple[Story, list[Finding]]:
    """Follow the labels from the beginning, and tell what is violated on the way.

    Raises ``ValueError`` where a step is not possible, and ``AssertionError`` where the stacks, never restored, come
    to something else than the graph says."""
    world, _ = case.world()
    state = world.root()
    steps: list[Step] = []
    findings: list[Finding] = []
    states = [state]
    for number, label in enumerate(labels, 1):
        step = next((each for each in world.steps(state) if world.label(state, each) == label), None)
        if step is None:
            raise ValueError(f"step {number}, {label!r}, is not possible here")
        state = step.state
        steps.append(step)
        states.append(state)
        findings += [*step.outcome.findings, *world.together(state)[0]]
    story = tell(world, steps, tuple(labels))
    if story.ends != ends(world, state):
        raise AssertionError("the stacks come to something else than the graph says")
    return story, list(dict.fromkeys([*findings, *_at_the_end(world, states)]))


def ends(world: World, state: State) -> tuple[Any, Any]:
    """The values of both hosts in a state."""
    return world.hosts[0].values[state[0]], world.hosts[1].values[state[1]]


def _at_the_end(world: World, states: list[State]) -> list[Finding]:
    last = states[-1]
    if last in states[:-1]:
        return [("P14", "a state comes back")]
    if any(step.fair for step in world.steps(last)):
        return []
    if not world.is_goal(last):
        return [("P13", "nothing more happens without another fault, and not all is done and let go")]
    a, b = world.known(last)
    return [*delivered(a, b), *delivered(b, a)]
