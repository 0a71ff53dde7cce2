"""NewReno: slow start and congestion avoidance of RFC 5681, to be used with the recovery of RFC 6582."""

from __future__ import annotations

from typing import ClassVar

from estab.tcp.config import Config
from estab.tcp.congestion.control import Ack, CongestionControl
from estab.tcp.snapshot import Slots


class NewReno(CongestionControl):
    """RFC 5681 §3.1 in bytes, counting what was acknowledged and not how many ACKs said so (RFC 3465)."""

    __slots__ = ("avoided", "before", "limit")
    PLAIN: ClassVar[Slots] = ("cwnd", "ssthresh", "mss", "avoided", "before")
    DERIVED: ClassVar[Slots] = ("limit",)

    def __init__(self, config: Config, mss: int) -> None:
        super().__init__(config, mss)
        self.limit: int | None = config.slow_start_limit
        self.avoided: int = 0
        """Bytes acknowledged towards the next segment of growth in congestion avoidance."""
        self.before: tuple[int, int] | None = None
        """``cwnd`` and ``ssthresh`` before the last reduction, while it may be undone."""

    def on_ack(self, ack: Ack) -> None:
        if ack.recovering or not ack.limited:
            return
        delivered = ack.delivered
        if ack.recovered:
            self.avoided = min(delivered, self.cwnd - 1)
            return
        if self.cwnd < self.ssthresh:
            growth = delivered if self.limit is None else min(delivered, self.limit * self.mss)
            growth = min(growth, self.ssthresh - self.cwnd)
            self.cwnd += growth
            delivered -= growth
            if self.cwnd < self.ssthresh or self.limit is not None:
                return
        self._avoid(delivered)

    def on_loss(self, now: int, in_flight: int) -> None:
        self.before = (self.cwnd, self.ssthresh)
        self._reduce(in_flight // 2)

    def on_ecn(self, now: int, in_flight: int) -> None:
        """RFC 8511 §3: a mark comes from a shorter queue than a loss. In slow start it is as good as one (§4)."""
        self.before = None
        window = in_flight * 4 // 5 if self.cwnd >= self.ssthresh else in_flight // 2
        self._reduce(window)
        self.cwnd = max(min(window, self.cwnd), self.mss)

    def on_timeout(self, now: int, in_flight: int, first: bool) -> None:
        if first:
            self.before = (self.cwnd, self.ssthresh)
            self.ssthresh = max(in_flight // 2, 2 * self.mss)
        self.cwnd = self.mss
        self.avoided = 0

    def on_undo(self) -> None:
        if self.before is not None:
            self.cwnd = max(self.cwnd, self.before[0])
            self.ssthresh = max(self.ssthresh, self.before[1])
            self.before = None

    def on_idle(self, restart_window: int) -> None:
        self.cwnd = min(self.cwnd, restart_window)

    def _reduce(self, window: int) -> None:
        self.ssthresh = max(window, 2 * self.mss)
        self.cwnd = self.ssthresh
        self.avoided = 0

    def _avoid(self, delivered: int) -> None:
        """One segment per round trip: RFC 5681 §3.1, equation 3, by appropriate byte counting.

        A window of five segments and a half, as half of eleven is, carries five in a round trip: to wait until all of
        its bytes are acknowledged would take longer than one."""
        window = max(self.cwnd - self.cwnd % self.mss, self.mss)
        self.avoided += delivered
        if self.avoided >= window:
            self.cwnd += self.mss
            self.avoided = min(self.avoided - window, window)
