"""The figures of an exploration: small, so that the graph is small, and with nothing that only adds to it."""

from __future__ import annotations

from typing import Final, NamedTuple

from estab.tcp.config import MODERN, SECOND, Config

RTO: Final = 2 * SECOND
RETRIES: Final = 2
"""R: how often a segment is sent again before its sender gives up."""
SPACING: Final = 1 << 16
"""How much further the initial sequence number of a host's next connection is: more than any window here."""
BASES: Final = (1 << 20, 5 << 20)
"""Where the two hosts' sequence numbers begin."""


class Budget(NamedTuple):
    """What the adversary may do, in all. Reordering costs nothing."""

    loss: int = 0
    dup: int = 0
    """A copy stays in the network for up to one ``lifetime``."""
    delay: int = 0
    """Segments that may still be under way when time passes, for up to one ``lifetime``."""
    crash: int = 0
    forge: int = 0

    def __str__(self) -> str:
        named = (f"{count} {name}" for name, count in zip(self._fields, self, strict=True) if count)
        return ", ".join(named) or "no faults"


def lifetime(budget: Budget) -> int:
    """How long (ns) the network keeps a segment at most: the MSL that the stacks are told.

    2 MSL is enough for k losses if MSL > k·RTO; a shorter one makes a smaller graph."""
    return RTO * (2 * max(budget.loss, 1) + 1) // 2


def figures(budget: Budget) -> Config:
    """A fixed RTO, R retransmissions of everything, TIME-WAIT lasts two lifetimes; ACKs are not delayed.

    Every loss and every delay may cost one retransmission, the silence after a crash two; R is not less than that."""
    retries = max(RETRIES, budget.loss + budget.delay + 2 * budget.crash)
    return MODERN.but(
        profile="explore",
        send_buffer=1000,
        receive_buffer=1000,
        window_scale=False,
        timestamps=False,
        sack=False,
        congestion="newreno",
        super_segments=False,
        rto_initial=RTO,
        rto_minimum=RTO,
        rto_maximum=RTO,
        rto_after_syn_loss=RTO,
        syn_retries=retries,
        syn_ack_retries=retries,
        data_retries=retries,
        user_timeout=None,
        delayed_ack=0,
        nagle=False,
        restart_after_idle=False,
        tail_probe=False,
        msl=lifetime(budget),
        fin_wait_2_timeout=60 * RTO,
    )
