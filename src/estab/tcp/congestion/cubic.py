"""CUBIC (RFC 9438) in integers: the window is a cubic function of the time since the last reduction."""

from __future__ import annotations

from typing import ClassVar, Final

from estab.tcp.config import SECOND, Config
from estab.tcp.congestion.control import Ack, CongestionControl
from estab.tcp.congestion.hystart import DONE, HyStart, Phase
from estab.tcp.snapshot import Slots

# β = 7/10 (§4.6), C = 4/10 segments per s³ (§5.1), α = 3(1 - β)/(1 + β) = 9/17 (§4.3).
_ALPHA: Final = 9
_ALPHA_OVER: Final = 17
_CUBIC_SECOND: Final = SECOND**3
_UNPACED_LIMIT: Final = 8
"""L of RFC 9406 §4.3, where the growth per acknowledgement is to be limited at all."""

Before = tuple[int, int, int, int, int, int, Phase]


class Cubic(CongestionControl):
    """The names are those of RFC 9438 §4.1.2; windows in bytes, times in ns."""

    __slots__ = (
        "before",
        "cwnd_prior",
        "epoch",
        "epoch_before",
        "hystart",
        "idle_since",
        "k",
        "limit",
        "remainder",
        "w_est",
        "w_est_remainder",
        "w_max",
    )
    PLAIN: ClassVar[Slots] = (
        *("cwnd", "ssthresh", "mss", "w_max", "cwnd_prior", "k", "w_est"),
        *("remainder", "w_est_remainder", "before"),
    )
    TIMES: ClassVar[Slots] = ("epoch", "idle_since", "epoch_before")
    PARTS: ClassVar[Slots] = ("hystart",)
    DERIVED: ClassVar[Slots] = ("limit",)

    def __init__(self, config: Config, mss: int) -> None:
        super().__init__(config, mss)
        self.hystart: HyStart = HyStart()
        limit = config.slow_start_limit
        self.limit: int | None = None if limit is None else max(limit, _UNPACED_LIMIT)
        self.w_max: int = 0
        """0: none is known, so the next stage of avoidance starts flat at its own window (§4.8, §4.10)."""
        self.cwnd_prior: int = 0
        self.epoch: int | None = None
        """When the present stage of congestion avoidance began; None: it has not begun."""
        self.k: int = 0
        self.w_est: int = 0
        self.remainder: int = 0
        """Growth of ``cwnd`` that is not a whole byte yet, in 1/cwnd bytes; likewise of ``w_est``, in 1/(17 cwnd)."""
        self.w_est_remainder: int = 0
        self.idle_since: int | None = None
        """Since when the application, not the window, has been the limit in this stage."""
        self.before: Before | None = None
        """What the last reduction changed, while it may be undone (§4.9.2)."""
        self.epoch_before: int | None = None

    def on_ack(self, ack: Ack) -> None:
        if ack.recovering or (ack.recovered and self.cwnd < self.ssthresh):
            return
        delivered = ack.delivered
        if self.cwnd < self.ssthresh:
            delivered = self._slow_start(ack)
        if self.cwnd < self.ssthresh:
            return
        if not ack.limited:
            if self.idle_since is None and self.epoch is not None:
                self.idle_since = ack.now
            return
        if self.epoch is None:
            self._begin_stage(ack.now)
        elif self.idle_since is not None:
            # §4.2: time in which the window did not grow because it was not used must not count.
            self.epoch += ack.now - self.idle_since
            self.idle_since = None
        if ack.recovered:
            self._grow_estimate(delivered)
        elif delivered:
            self._avoid(ack.now, delivered, ack.srtt)

    def on_loss(self, now: int, in_flight: int) -> None:
        self._save()
        self._remember_maximum()
        self.ssthresh = max(in_flight * 7 // 10, 2 * self.mss)
        self.cwnd = self.ssthresh

    def on_ecn(self, now: int, in_flight: int) -> None:
        """A mark comes from a shorter queue than a loss, so β is 0.85 (RFC 8511 §3.1), but not in slow start (§4)."""
        window = in_flight * 17 // 20 if self.cwnd >= self.ssthresh else in_flight * 7 // 10
        self.before = None
        self._remember_maximum()
        self.ssthresh = max(window, 2 * self.mss)
        self.cwnd = max(window, self.mss)

    def on_timeout(self, now: int, in_flight: int, first: bool) -> None:
        """§4.8: as Reno, with CUBIC's β; the stage of avoidance that comes after it starts flat."""
        if first:
            self._save()
            self._remember_maximum()
            self.ssthresh = max(in_flight * 7 // 10, 2 * self.mss)
        self.w_max = 0
        self.cwnd = self.mss

    def on_undo(self) -> None:
        """§4.9.2, unless the window has grown beyond what it was."""
        if self.before is not None and self.cwnd < self.before[0]:
            self.cwnd, self.ssthresh, self.w_max, self.cwnd_prior, self.k, self.w_est, self.hystart.phase = self.before
            self.epoch = self.epoch_before
            self.idle_since = None
        self.before = None

    def on_idle(self, restart_window: int) -> None:
        self.cwnd = min(self.cwnd, restart_window)
        self._end_stage()

    def _slow_start(self, ack: Ack) -> int:
        """§4.10; the bytes that are left for congestion avoidance."""
        hystart = self.hystart
        size = 0
        if ack.limited:
            size = ack.delivered if self.limit is None else min(ack.delivered, self.limit * self.mss)
        growth = min(hystart.growth(size), self.ssthresh - self.cwnd)
        self.cwnd += growth
        if hystart.phase is not DONE and hystart.on_ack(ack.delivered, ack.in_flight, ack.rtt):
            self.ssthresh = self.cwnd_prior = self.cwnd
            return 0
        return size - growth

    def _begin_stage(self, now: int) -> None:
        """§4.2: K is the time that the curve takes to come back to ``w_max``."""
        self.epoch = now
        self.idle_since = None
        self.w_est = self.cwnd
        self.remainder = self.w_est_remainder = 0
        if self.w_max <= self.cwnd:
            self.w_max = self.cwnd
            self.k = 0
        else:
            self.k = cube_root((self.w_max - self.cwnd) * 10 * _CUBIC_SECOND // (4 * self.mss))

    def _end_stage(self) -> None:
        self.epoch = None
        self.idle_since = None

    def _avoid(self, now: int, delivered: int, srtt: int) -> None:
        """§4.3–§4.5, for every segment that an acknowledgement covers."""
        cwnd = self.cwnd
        self._grow_estimate(delivered)
        elapsed = now - (self.epoch or 0)
        if self._curve(elapsed) < self.w_est:
            self.cwnd = max(cwnd, self.w_est)
            return
        target = min(self._curve(elapsed + srtt), cwnd + (cwnd >> 1))
        if target > cwnd:
            self.remainder += (target - cwnd) * delivered
            self.cwnd = min(cwnd + self.remainder // cwnd, target)
            self.remainder %= cwnd

    def _grow_estimate(self, delivered: int) -> None:
        """W_est: the window that Reno would have by now; α is 1 from ``cwnd_prior`` on (§4.3)."""
        alpha = _ALPHA if self.w_est < self.cwnd_prior else _ALPHA_OVER
        over = _ALPHA_OVER * self.cwnd
        self.w_est_remainder += alpha * delivered * self.mss
        self.w_est += self.w_est_remainder // over
        self.w_est_remainder %= over

    def _curve(self, elapsed: int) -> int:
        """W_cubic, equation 1."""
        return self.w_max + 4 * self.mss * (elapsed - self.k) ** 3 // (10 * _CUBIC_SECOND)

    def _remember_maximum(self) -> None:
        """§4.7: a window that could not come back to its maximum makes room for others. Ends slow start and stage."""
        self.w_max = self.cwnd * 17 // 20 if self.cwnd < self.w_max else self.cwnd
        self.cwnd_prior = self.cwnd
        self.hystart.phase = DONE
        self._end_stage()

    def _save(self) -> None:
        self.before = (
            self.cwnd,
            self.ssthresh,
            self.w_max,
            self.cwnd_prior,
            self.k,
            self.w_est,
            self.hystart.phase,
        )
        self.epoch_before = self.epoch


def cube_root(value: int) -> int:
    """The largest integer whose cube is not above ``value``, by Newton's method from above."""
    if value <= 0:
        return 0
    root = 1 << -(-value.bit_length() // 3)
    while True:
        better = (2 * root + value // (root * root)) // 3
        if better >= root:
            return root
        root = better
