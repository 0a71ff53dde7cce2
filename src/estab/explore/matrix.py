"""Which explorations there are: every scenario, and every removed defence with the scenario that misses it."""

from __future__ import annotations

from typing import Final, NamedTuple

from estab.explore.case import Case
from estab.explore.scenarios import SCENARIOS
from estab.explore.setting import Budget

NOTHING: Final = Budget()
LOSS: Final = Budget(loss=1)
DUP: Final = Budget(dup=1)
BOTH: Final = Budget(loss=1, dup=1)


class Kill(NamedTuple):
    """A removed defence, where it is missed, and which properties fail for want of it."""

    mutation: str
    scenario: str
    budget: Budget
    violates: tuple[str, ...]
    quiet: bool = True

    def case(self) -> Case:
        return Case(self.scenario, self.budget, self.mutation, self.violates, self.quiet)


KILLS: Final = (
    Kill("two-way-handshake", "incarnations", DUP, ("P2",)),
    Kill("fixed-isn", "incarnations", DUP, ("P2",)),
    Kill("fixed-isn", "incarnations", DUP, ("P13", "P14")),
    Kill("slow-isn", "incarnations+data", DUP, ("P2", "P7")),
    Kill("any-ack-in-syn-received", "incarnations", DUP, ("P2",)),
    Kill("any-ack-in-syn-sent", "crash", DUP, ("P12", "P13", "P1")),
    Kill("no-time-wait", "open+close", LOSS, ("P6",)),
    Kill("no-time-wait", "open+close", DUP, ("P6",)),
    Kill("no-time-wait-fixed-isn", "incarnations+data", DUP, ("P3",)),
    Kill("no-time-wait-slow-isn", "incarnations+data", DUP, ("P7",)),
    Kill("no-time-wait-reack", "open+close", LOSS, ("P6",)),
    Kill("no-answer-to-unacceptable", "server-close", LOSS, ("P13",)),
    Kill("no-answer-to-unacceptable", "crash", NOTHING, ("P12",)),
    Kill("time-wait-obeys-rst", "open+close", DUP, ("P10",)),
    Kill("one-msl", "open+close", Budget(loss=1, delay=1), ("P6",)),
    Kill("no-fin-retransmission", "open+close", LOSS, ("P13",)),
    Kill("no-syn-retransmission", "open+close", LOSS, ("P12", "P13")),
    Kill("no-syn-ack-retransmission", "open+close", LOSS, ("P12", "P13", "P6")),
    Kill("no-data-retransmission", "data", LOSS, ("P13", "P6")),
    Kill("no-reset", "crash", NOTHING, ("P12",)),
    Kill("fin-out-of-order", "data", NOTHING, ("P4",)),
    Kill("no-sequence-check", "data", DUP, ("P3",)),
    Kill("any-ack-of-fin", "simultaneous-close", NOTHING, ("P5",)),
    Kill("reset-answers-reset", "simultaneous-open", DUP, ("P8",)),
    Kill("reset-answers-reset", "simultaneous-open", DUP, ("P14",)),
    Kill("no-reset-check", "crash", BOTH, ("P9",), quiet=False),
    Kill("fin-closes-both", "half-close", NOTHING, ("P11",)),
    Kill("fixed-isn", "crash", DUP, ("P2",), quiet=False),
    Kill("fixed-isn", "crash", DUP, ("P7",), quiet=False),
    Kill("fixed-isn", "crash+data", DUP, ("P3",), quiet=False),
    Kill("any-ack-in-syn-sent", "crash", DUP, ("P2",), quiet=False),
    Kill("in-window-reset", "forged-reset", NOTHING, ("P9",)),
    Kill("no-reset-check", "forged-reset", NOTHING, ("P9",)),
    Kill("syn-resets", "forged-syn", NOTHING, ("P6",)),
    Kill("ack-of-unsent", "forged-ack", NOTHING, ("P7",)),
    Kill("ack-from-anywhere", "forged-data", NOTHING, ("P7",)),
    Kill("two-way-handshake", "open+close", NOTHING, ("P1",)),
    Kill("text-is-not-delivered", "data", NOTHING, ("P15",)),
    Kill("old-text-moves-back", "data", DUP, ("P16",)),
    Kill("no-closing", "simultaneous-close", NOTHING, ("P17",)),
    Kill("numbers-do-not-wrap", "wrap", NOTHING, ("P6", "P12", "P13")),
)
"""Each with the least budget that is known to be enough."""


DEEP: Final = (
    *("open+close", "data", "server-close", "half-close", "simultaneous-open", "simultaneous-close", "early-close"),
    *("abort", "incarnations"),
)


def plan(deep: bool = False) -> list[Case]:
    """The scenarios with all defences in place, the largest graphs first: those must not be last on a core."""
    if deep:
        return [Case(name, Budget(2, 1)) for name in DEEP] + [Case("open+close", Budget(2, 1, 1))]
    return [Case("open+close", Budget(1, 1, 1)), *(Case(name, BOTH) for name in reversed(SCENARIOS))]


def kills() -> list[Case]:
    """The mutation matrix."""
    return [kill.case() for kill in KILLS]
