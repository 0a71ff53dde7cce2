"""What the defences of TCP are made of, as one value that a stack is given. The default is what the RFCs say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from dataclasses import replace as _replace
from typing import TYPE_CHECKING, Final

from estab.tcp import arrives
from estab.tcp.fast_open import is_cookie, make_cookie
from estab.tcp.isn import initial_sequence_number
from estab.tcp.states import TRANSITIONS, Transitions
from estab.tcp.time_wait import TIME_WAIT_STEPS, TimeWaitStep
from estab.wire.tcp import Segment

if TYPE_CHECKING:
    from estab.tcp.connection import Connection

Step = Callable[["Connection", Segment, int], bool]
"""True: the segment is finished with."""


_FLAGGED: Final[tuple[Step, ...]] = (arrives.check_rst, arrives.check_syn, arrives.check_urg)
"""Nothing to do with a segment that has none of ``arrives.RARE``."""


def retransmits(c: Connection, start: int) -> bool:
    """May the range that begins at ``start`` be sent again? Always."""
    return True


def tries_timeouts(c: Connection) -> bool:
    """Is it tried whether a timeout came too early (RFC 5682)? Where no timestamp tells (RFC 3522)."""
    return not c.ts_ok


@dataclass(frozen=True, slots=True)
class Rules:
    """Immutable; derive a weaker one with ``RULES.but(...)``: see ``estab.mutations``."""

    transitions: Transitions = field(default_factory=lambda: TRANSITIONS)
    closed: Callable[[Segment], Segment | None] = arrives.answer_closed
    listen: Callable[[Segment], arrives.Listening] = arrives.answer_listen
    syn_sent: tuple[Step, ...] = (arrives.syn_sent_ack, arrives.syn_sent_reset, arrives.syn_sent_syn)
    synchronized: tuple[Step, ...] = (
        arrives.check_timestamp,
        arrives.check_sequence,
        arrives.check_rst,
        arrives.check_syn,
        arrives.check_ack,
        arrives.check_urg,
        arrives.take_text,
        arrives.check_fin,
    )
    time_wait: tuple[TimeWaitStep, ...] = TIME_WAIT_STEPS
    isn: Callable[[bytes, bytes, int], int] = initial_sequence_number
    """(secret, key of the connection, now in ns) → 32 bits: RFC 6528."""
    retransmits: Callable[[Connection, int], bool] = retransmits
    tries_timeouts: Callable[[Connection], bool] = tries_timeouts
    make_cookie: Callable[[bytes, bytes, bytes, int], bytes] = make_cookie
    """(secret, client, server, epoch) → what a client has to show: RFC 7413 §4.1.2."""
    is_cookie: Callable[[bytes, bytes, bytes, int, bytes], bool] = is_cookie
    """(secret, client's address, ours, epoch, cookie): RFC 7413 §4.1.2."""

    ordinary: tuple[Step, ...] = field(init=False, repr=False, compare=False)
    """Those of ``synchronized`` that a segment without SYN, RST and URG meets."""

    def __post_init__(self) -> None:
        ordinary = tuple(step for step in self.synchronized if step not in _FLAGGED)
        object.__setattr__(self, "ordinary", ordinary)

    def but(self, **changes: object) -> Rules:
        """The same rules with these exchanged."""
        return _replace(self, **changes)  # type: ignore[arg-type]

    def without_step(self, step: Step, instead: Step | None = None) -> Rules:
        """The same rules with a step of segment arrival left out or exchanged."""
        if step not in self.syn_sent + self.synchronized:
            raise ValueError(f"no such step: {step!r}")

        def exchange(steps: tuple[Step, ...]) -> tuple[Step, ...]:
            kept = (instead if each is step else each for each in steps)
            return tuple(each for each in kept if each is not None)

        return self.but(syn_sent=exchange(self.syn_sent), synchronized=exchange(self.synchronized))


RULES: Final = Rules()
