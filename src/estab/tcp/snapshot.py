"""What a decision reads, as a value: relative in time, normalised in sequence numbers.

An object lists its slots by kind. A test checks that every slot is listed exactly once, so state that is not in
the snapshot cannot exist unnoticed.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, ClassVar, NamedTuple

from estab.wire.form import mypyc_attr

Slots = tuple[str, ...]


class Origin(NamedTuple):
    """What a snapshot is relative to: the present (ns) and the initial sequence numbers of both directions."""

    now: int
    iss: int
    irs: int


@mypyc_attr(allow_interpreted_subclasses=True)
class Snapshot:
    """Base of everything with state. The value is a tuple in the order of the lists below."""

    __slots__ = ()

    PLAIN: ClassVar[Slots] = ()
    """Hashable values, taken as they are."""
    TIMES: ClassVar[Slots] = ()
    """Instants in ns, or None."""
    SENT: ClassVar[Slots] = ()
    """Positions in the sequence space that we send in, or None."""
    RECEIVED: ClassVar[Slots] = ()
    """Positions in the sequence space of the peer, or None."""
    PARTS: ClassVar[Slots] = ()
    """Objects with a snapshot of their own that are there for the whole life of this one."""
    DERIVED: ClassVar[Slots] = ()
    """Not state: statistics, references, what can be computed again."""

    def snapshot(self, origin: Origin) -> Hashable:
        """A hashable value; equal values decide equally from here on."""
        return (
            *(getattr(self, name) for name in self.PLAIN),
            *(_minus(getattr(self, name), origin.now) for name in self.TIMES),
            *(_minus(getattr(self, name), origin.iss) for name in self.SENT),
            *(_minus(getattr(self, name), origin.irs) for name in self.RECEIVED),
            *(getattr(self, name).snapshot(origin) for name in self.PARTS),
        )

    def restore(self, value: Any, origin: Origin) -> None:
        """The inverse of ``snapshot``, onto an object built with the same arguments."""
        values = iter(value)
        for name in self.PLAIN:
            setattr(self, name, next(values))
        for base, names in ((origin.now, self.TIMES), (origin.iss, self.SENT), (origin.irs, self.RECEIVED)):
            for name in names:
                setattr(self, name, _plus(next(values), base))
        for name in self.PARTS:
            getattr(self, name).restore(next(values), origin)


def _minus(value: int | None, base: int) -> int | None:
    return None if value is None else value - base


def _plus(value: int | None, base: int) -> int | None:
    return None if value is None else value + base
