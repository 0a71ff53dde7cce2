"""The network between the two hosts: what is in it, what it may do to what is sent, and what time does to it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import product
from typing import Any, Final, NamedTuple

from estab.explore.flying import Flying

PROMPT: Final = 0
"""In the network, and to arrive before time passes."""
LATE: Final = 1
"""An only copy that was delayed: it arrives before its lifetime is over."""
COPY: Final = 2
"""A duplicate: it arrives within its lifetime, or never."""

Contents = tuple[int, ...]
"""The numbers of what is in the network, in order: where nothing else tells segments apart, their order does not."""


class Entry(NamedTuple):
    """One segment in the network; ``life`` (ns) counts once it may linger."""

    flying: Flying
    kind: int
    life: int


class Carried(NamedTuple):
    """One of the things that may happen to what a host has sent."""

    copies: tuple[int, ...]
    """Of each segment: 0, 1 or 2."""
    added: Contents
    loss: int
    dup: int
    """What is left of the budget."""


class Interned:
    """Values and their numbers, in the order in which they came up."""

    __slots__ = ("numbers", "values")

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.numbers: dict[Hashable, int] = {}

    def number(self, value: Hashable) -> int:
        known = self.numbers.get(value)
        if known is None:
            known = self.numbers[value] = len(self.values)
            self.values.append(value)
        return known


class Network:
    """Everything about the network that does not depend on the hosts."""

    def __init__(self, lifetime: int) -> None:
        self.lifetime = lifetime
        """How long (ns) a segment may be in it."""
        self.flights = Interned()
        """Segments: as soon as one is on its way, only its number is handled."""
        self.entries = Interned()
        self.flight: list[int] = []
        """Of each entry the number of its segment."""
        self.kind: list[int] = []
        self._carried: dict[tuple[Contents, int, int], list[Carried]] = {}
        self._aged: dict[tuple[Contents, int, int], tuple[Contents, int] | None] = {}

    def prompt(self, flying: Flying) -> int:
        """The entry of a segment that was just sent."""
        return self._enter(Entry(flying, PROMPT, 0))

    def flying(self, entry: int) -> Flying:
        flying: Flying = self.entries.values[entry].flying
        return flying

    def carry(self, sent: Contents, loss: int, dup: int) -> list[Carried]:
        """What may happen to these segments within the budget; first, nothing."""
        key = sent, loss, dup
        known = self._carried.get(key)
        if known is None:
            known = self._carried[key] = list(self._fates(sent, loss, dup))
        return known

    def age(self, contents: Contents, elapsed: int, delay: int) -> tuple[Contents, int] | None:
        """The contents ``elapsed`` ns later and the delays left; None: what is in it does not let time pass."""
        key = contents, elapsed, delay
        if key not in self._aged:
            self._aged[key] = self._later(contents, elapsed, delay)
        return self._aged[key]

    def _later(self, contents: Contents, elapsed: int, delay: int) -> tuple[Contents, int] | None:
        aged = []
        for number in contents:
            flying, kind, life = self.entries.values[number]
            if kind == PROMPT:
                delay -= 1
                kind, life = LATE, self.lifetime
            life -= elapsed
            if delay < 0 or (life < 0 and kind == LATE):
                return None
            if life >= 0:
                aged.append(self._enter(Entry(flying, kind, life)))
        return tuple(sorted(aged)), delay

    def _fates(self, sent: Contents, loss: int, dup: int) -> Iterator[Carried]:
        for copies in product((1, 0, 2), repeat=len(sent)):
            lost, doubled = copies.count(0), copies.count(2)
            if lost <= loss and doubled <= dup:
                added = [number for number, count in zip(sent, copies, strict=True) if count]
                twice = [number for number, count in zip(sent, copies, strict=True) if count == 2]
                added += [self._enter(Entry(self.flying(number), COPY, self.lifetime)) for number in twice]
                yield Carried(copies, tuple(added), loss - lost, dup - doubled)

    def _enter(self, entry: Entry) -> int:
        number = self.entries.number(entry)
        if number == len(self.kind):
            self.kind.append(entry.kind)
            self.flight.append(self.flights.number(entry.flying))
        return number
