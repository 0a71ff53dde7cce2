"""What a mutation by rules is, and the proof that it took effect.

Where it replaces a decision, a ``Witness`` counts how often the replacement decided otherwise than the original
would have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from estab.tcp.config import MODERN, Config
from estab.tcp.rules import RULES, Rules
from estab.tcp.states import Fact, State, Transitions


class Witness:
    """Counts how often a defence was missing when it would have decided otherwise."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count: int = 0

    def saw(self) -> None:
        self.count += 1


class ChangedTable(dict[tuple[State, Fact], State]):
    """Transitions of which some were changed; following a changed one is seen."""

    def __init__(self, table: Transitions, changed: Transitions, witness: Witness) -> None:
        super().__init__({**table, **changed})
        self._changed = changed
        self._witness = witness

    def __getitem__(self, pair: tuple[State, Fact]) -> State:
        if pair in self._changed:
            self._witness.saw()
        return super().__getitem__(pair)


class Mutant(NamedTuple):
    """Rules and configuration with a defence taken out. Give both to the stacks that shall lack it."""

    rules: Rules
    config: Config
    witness: Witness
    original: tuple[Rules, Config]

    def took_effect(self, rules: Rules, config: Config) -> bool:
        """Whether a stack with these ran without the defence, and it was missed at least once.

        A figure has no moment at which it decides: where only figures changed, the proof is that they differ."""
        if rules is not self.rules or config is not self.config:
            return False
        if rules is self.original[0]:
            return config != self.original[1]
        return self.witness.count > 0

    @property
    def changes_figures(self) -> bool:
        return self.config != self.original[1]


Change = Callable[[Rules, Config, Witness], tuple[Rules, Config]]


@dataclass(frozen=True, slots=True)
class Mutation:
    """A defence that can be removed. ``removes`` says in one sentence what is gone, ``source`` where it is demanded."""

    name: str
    removes: str
    source: str
    change: Change

    def apply(self, rules: Rules = RULES, config: Config = MODERN) -> Mutant:
        """The weaker rules and configuration, and the witness that counts for them alone."""
        witness = Witness()
        weaker = self.change(rules, config, witness)
        return Mutant(*weaker, witness, (rules, config))
