"""What losses have taught BBR: a long-term bound on what is in flight, short-term ones on that and on the bandwidth."""

from __future__ import annotations

from typing import ClassVar

from estab.tcp.congestion.control import UNBOUNDED
from estab.tcp.delivery import RateSample
from estab.tcp.snapshot import Slots, Snapshot


class Bounds(Snapshot):
    """Bytes and bytes/s; ``UNBOUNDED`` where nothing is known."""

    PLAIN: ClassVar[Slots] = (
        "bandwidth_latest",
        "bandwidth_shortterm",
        "before",
        "inflight_latest",
        "inflight_longterm",
        "inflight_shortterm",
        "loss_in_round",
        "lost_in_round",
        "round_end",
    )
    __slots__ = PLAIN

    def __init__(self) -> None:
        self.inflight_longterm: int = UNBOUNDED
        self.inflight_shortterm: int = UNBOUNDED
        self.bandwidth_shortterm: int = UNBOUNDED
        self.bandwidth_latest: int = 0
        """The greatest rate of this loss round; likewise what was delivered."""
        self.inflight_latest: int = 0
        self.loss_in_round: bool = False
        self.lost_in_round: int = 0
        self.round_end: int = 0
        """The loss round lasts until something is acknowledged that was sent when this much had been delivered."""
        self.before: tuple[int, int, int] = (0, 0, 0)
        """The three bounds as they were before the present losses."""

    def save(self) -> None:
        self.before = (self.inflight_longterm, self.inflight_shortterm, self.bandwidth_shortterm)

    def undo(self) -> None:
        """The losses were none."""
        self.loss_in_round = False
        self.inflight_longterm = max(self.inflight_longterm, self.before[0])
        self.inflight_shortterm = max(self.inflight_shortterm, self.before[1])
        self.bandwidth_shortterm = max(self.bandwidth_shortterm, self.before[2])

    def note_loss(self, delivered: int, size: int) -> None:
        if not self.loss_in_round:
            self.loss_in_round = True
            self.lost_in_round = 0
            self.round_end = delivered
        self.lost_in_round += size

    def on_sample(self, sample: RateSample) -> bool:
        """True when a loss round ends with it."""
        self.bandwidth_latest = max(self.bandwidth_latest, sample.rate)
        self.inflight_latest = max(self.inflight_latest, sample.delivered)
        if sample.prior_delivered < self.round_end:
            return False
        self.round_end = sample.total
        return True

    def lost_much(self, in_flight: int, mss: int) -> bool:
        """More was lost in the round than a probe would bear.

        The draft lets any loss lower the short-term bounds. A round delivers less than the bound allows, by the margin
        of the pacing and by what is lost, so on a path that loses a little in each round they would sink to no end."""
        return self.loss_in_round and loses_too_much(self.lost_in_round, in_flight, mss)

    def lower(self, max_bandwidth: int, cwnd: int) -> None:
        """A round with much loss has ended that was not meant to probe: down by 30 %, not below what did arrive."""
        if self.bandwidth_shortterm == UNBOUNDED:
            self.bandwidth_shortterm = max_bandwidth
        if self.inflight_shortterm == UNBOUNDED:
            self.inflight_shortterm = cwnd
        self.bandwidth_shortterm = max(self.bandwidth_latest, self.bandwidth_shortterm * 7 // 10)
        self.inflight_shortterm = max(self.inflight_latest, self.inflight_shortterm * 7 // 10)

    def next_round(self, sample: RateSample) -> None:
        self.bandwidth_latest = sample.rate
        self.inflight_latest = sample.delivered

    def forget_round(self) -> None:
        self.loss_in_round = False
        self.bandwidth_latest = self.inflight_latest = 0

    def forget_shortterm(self) -> None:
        self.inflight_shortterm = self.bandwidth_shortterm = UNBOUNDED

    def headroom(self, mss: int) -> int:
        """The long-term bound less 15 %, so that others find room to grow."""
        bound = self.inflight_longterm
        return bound if bound == UNBOUNDED else max(bound - max(mss, bound * 15 // 100), 4 * mss)


def too_high(lost: int, in_flight: int) -> bool:
    """More than 2 % of what was in flight was lost."""
    return 100 * lost > 2 * in_flight


def loses_too_much(lost: int, in_flight: int, mss: int) -> bool:
    """The same, asked because a segment was lost: that one is no evidence. Of a path that loses one segment in a
    hundred, a flight of twenty with a loss in it has lost five in a hundred."""
    return too_high(lost - mss, in_flight)


def in_flight_at_threshold(size: int, lost: int, in_flight: int) -> int:
    """How much was in flight when the losses passed 2 %: within the range of ``size`` that was lost last."""
    others, lost_before = in_flight - size, lost - size
    return max(others + (2 * others - 100 * lost_before) // 98, 0)
