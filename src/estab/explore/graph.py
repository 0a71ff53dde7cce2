"""Which states follow a state: what two hosts do, and what the adversary lets happen to what they send.

A state is the values of both hosts, the segments in flight and what is left of the budget. What a host does in an
event is worked out once per (value, event) and remembered; so the speed of the stack hardly matters.
"""

from __future__ import annotations

from typing import NamedTuple

from estab.explore.flying import Flying
from estab.explore.forgery import forge
from estab.explore.ghosts import Ghosts
from estab.explore.host import NAMES, Endpoint, Event, Live, Site
from estab.explore.network import PROMPT, Contents, Interned, Network
from estab.explore.properties import Finding, both_established, compare, ended, judge, witnessed
from estab.explore.setting import Budget
from estab.tcp.config import SECOND

State = tuple[int, int, Contents, Budget]
"""The numbers of the two hosts' values, what is in the network, and what is left of the budget."""
Key = Event | int
"""An event, or the number of the segment that arrives."""


class Outcome(NamedTuple):
    """What an event did to one host."""

    host: int
    """The number of its value now."""
    sent: Contents
    findings: tuple[Finding, ...]
    witnesses: int
    """A bit for each of ``WITNESSES``."""


class Step(NamedTuple):
    """One transition: which host, what happened to it, and how many copies of what it sent are in the network."""

    at: int
    key: Key
    copies: tuple[int, ...]
    state: State
    outcome: Outcome
    fair: bool
    """No fault is in it."""


class Facts(NamedTuple):
    """What is asked of a host's value in every state that it is part of."""

    deadline: int | None
    call: str | None
    at_rest: bool
    may_crash: bool
    forged: tuple[int, ...]
    """The segments that the adversary could make up for it."""
    ghosts: int
    """The number of what the harness knows of its connections."""


class World:
    """Two hosts and the network between them. ``remember``: off, every event is worked out anew (for a test)."""

    def __init__(
        self,
        sites: tuple[Site, Site],
        budget: Budget,
        life: int,
        *,
        crashes: tuple[int, ...] = (),
        forges: tuple[str, ...] = (),
        remember: bool = True,
    ) -> None:
        self.sites = sites
        self.budget = budget
        self.crashes = crashes
        self.forges = forges
        self.remember = remember
        self.network = Network(life)
        self.hosts = (Interned(), Interned())
        self.ghosts = Interned()
        self.facts: tuple[list[Facts], list[Facts]] = ([], [])
        self.runs = 0
        """How often a host was really run."""
        self._outcomes: tuple[list[dict[Key, Outcome]], list[dict[Key, Outcome]]] = ([], [])
        self._pairs: dict[tuple[int, int], tuple[tuple[Finding, ...], bool]] = {}

    def root(self) -> State:
        first = [self._intern(at, site.begin()) for at, site in enumerate(self.sites)]
        return first[0], first[1], (), self.budget

    # ------------------------------------------------------------------ what may happen

    def steps(self, state: State) -> list[Step]:
        """All that may happen next; the first is what happens when nothing goes wrong, unless it has a fault."""
        found: list[Step] = []
        network, budget = state[2], state[3]
        facts = self.facts[0][state[0]], self.facts[1][state[1]]
        urgent = False
        for at in (0, 1):
            if facts[at].call is not None:
                urgent = True
                self._add(found, state, at, ("call",), network, budget)
        if network:
            self._arrivals(found, state)
        self._timers(found, state, facts, urgent)
        if budget.crash or budget.forge:
            self._attacks(found, state, facts)
        return found

    def _arrivals(self, found: list[Step], state: State) -> None:
        """Prompt segments first: what goes wrong least."""
        network, budget = state[2], state[3]
        kind, flight, flights = self.network.kind, self.network.flight, self.network.flights.values
        for prompt in (True, False):
            last = -1
            for place, number in enumerate(network):
                if number != last and (kind[number] == PROMPT) is prompt:
                    last = number
                    rest = network[:place] + network[place + 1 :]
                    self._add(found, state, flights[flight[number]].to, flight[number], rest, budget)

    def _timers(self, found: list[Step], state: State, facts: tuple[Facts, Facts], urgent: bool) -> None:
        """Time moves to the next deadline, if the network and the users let it; a call that is due does not wait."""
        times = [each.deadline for each in facts if each.deadline is not None]
        elapsed = min(times, default=0)
        if not times or (elapsed and urgent):
            return
        network, budget = state[2], state[3]
        fair = True
        if elapsed and network:
            aged = self.network.age(network, elapsed, budget.delay)
            if aged is None:
                return
            network, delay = aged
            if delay != budget.delay:
                budget, fair = budget._replace(delay=delay), False
        for at in (0, 1):
            if facts[at].deadline == elapsed:
                moved = state
                if elapsed:
                    other = self.react(1 - at, state[:2][1 - at], ("wait", elapsed)).host
                    moved = (state[0], other, network, budget) if at == 0 else (other, state[1], network, budget)
                self._add(found, moved, at, ("fire", elapsed), network, budget, fair)

    def _attacks(self, found: list[Step], state: State, facts: tuple[Facts, Facts]) -> None:
        """What is no fault of the network."""
        network, budget = state[2], state[3]
        if budget.crash:
            left = budget._replace(crash=budget.crash - 1)
            for at in self.crashes:
                if facts[at].may_crash:
                    self._add(found, state, at, ("crash",), network, left, False)
        if budget.forge:
            left = budget._replace(forge=budget.forge - 1)
            for at in (0, 1):
                for number in facts[at].forged:
                    self._add(found, state, at, number, network, left, False)

    # ------------------------------------------------------------------ what it does

    def _add(  # noqa: PLR0917
        self, found: list[Step], state: State, at: int, key: Key, network: Contents, budget: Budget, fair: bool = True
    ) -> None:
        """One host does what it does, and each thing it sends is lost, carried or carried twice."""
        outcome = self._outcomes[at][state[at]].get(key) if self.remember else None  # type: ignore[index]
        if outcome is None:
            outcome = self.react(at, state[:2][at], key)
        here, there = (outcome.host, state[1]) if at == 0 else (state[0], outcome.host)
        if not outcome.sent:
            found.append(Step(at, key, (), (here, there, network, budget), outcome, fair))
            return
        for copies, added, loss, dup in self.network.carry(outcome.sent, budget.loss, budget.dup):
            contents = tuple(sorted(network + added)) if network or len(added) > 1 else added
            if loss == budget.loss and dup == budget.dup:
                found.append(Step(at, key, copies, (here, there, contents, budget), outcome, fair))
            else:
                left = budget._replace(loss=loss, dup=dup)
                found.append(Step(at, key, copies, (here, there, contents, left), outcome, False))

    def react(self, at: int, number: int, key: Key) -> Outcome:
        """What an event does to a host."""
        remembered = self._outcomes[at][number]
        known = remembered.get(key) if self.remember else None
        if known is None:
            self.runs += 1
            live = self.sites[at].revive(self.hosts[at].values[number])
            account = live.apply(self.event(key))
            sent = tuple(self.network.prompt(flying) for flying, _ in account.sent)
            findings = tuple(judge(account, live))
            known = remembered[key] = Outcome(self._intern(at, live), sent, findings, witnessed(account))
        return known

    def event(self, key: Key) -> Event:
        """What a step's key stands for."""
        return ("arrive", self.network.flights.values[key]) if isinstance(key, int) else key

    def _intern(self, at: int, live: Live) -> int:
        value: Endpoint = live.value()
        number = self.hosts[at].number(value)
        if number == len(self.facts[at]):
            call = live.next_call()
            forged = forge(live, self.forges) if self.forges else ()
            self._outcomes[at].append({})
            self.facts[at].append(
                Facts(
                    live.deadline(),
                    None if call is None else str(call),
                    live.at_rest,
                    len(value.ghosts) == 1 and value.position.session == 0 and value.quiet is None,
                    tuple(self.network.flights.number(flying) for flying in forged),
                    self.ghosts.number(value.ghosts),
                )
            )
        return number

    # ------------------------------------------------------------------ what is asked of a state

    def together(self, state: State) -> tuple[tuple[Finding, ...], bool]:
        """What is wrong between the two hosts, and whether both have been established."""
        pair = self.facts[0][state[0]].ghosts, self.facts[1][state[1]].ghosts
        known = self._pairs.get(pair)
        if known is None:
            a, b = self.known(state)
            willing = any(site.script.listens for site in self.sites)
            found = (*compare(a, b), *compare(b, a), *ended(a, b, willing), *ended(b, a, willing))
            known = self._pairs[pair] = (found, both_established(a, b))
        return known

    def known(self, state: State) -> tuple[Ghosts, Ghosts]:
        """What the harness knows of both hosts' connections."""
        a, b = (self.ghosts.values[self.facts[at][state[:2][at]].ghosts] for at in (0, 1))
        return a, b

    def is_goal(self, state: State) -> bool:
        """Everything is done and let go, and the network is empty."""
        return not state[2] and self.facts[0][state[0]].at_rest and self.facts[1][state[1]].at_rest

    # ------------------------------------------------------------------ in words

    def label(self, before: State, step: Step) -> str:
        """The step in words; no two steps out of the same state have the same."""
        fates = [
            f"| {self.network.flying(number)}{('  lost', '', '  twice')[count]}"
            for number, count in zip(step.outcome.sent, step.copies, strict=True)
        ]
        return " ".join((self._what(before, step), *fates))

    def _what(self, before: State, step: Step) -> str:
        name, event = NAMES[step.at], self.event(step.key)
        if event[0] == "call":
            return f"{name} calls {self.facts[step.at][before[:2][step.at]].call}"
        if event[0] == "fire":
            return f"after {event[1] / SECOND:g} s a timer of {name}"
        if event[0] == "crash":
            return f"{name} crashes"
        return f"{name} gets {self._how(before, step, event[1])}"

    def _how(self, before: State, step: Step, flying: Flying) -> str:
        """Segments alike may differ in how long they may stay: the one that is no longer in the network arrived."""
        left = list(before[2])
        for number in step.state[2]:
            if number in left:
                left.remove(number)
        gone = [self.network.entries.values[number] for number in left]
        entry = next((each for each in gone if each.flying == flying), None)
        if entry is None or entry.kind == PROMPT:
            return str(flying)
        return f"{flying}, {('', 'late', 'the copy')[entry.kind]} ({entry.life / SECOND:g} s left)"
