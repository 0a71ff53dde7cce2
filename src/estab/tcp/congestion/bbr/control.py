"""BBR as a congestion control: the model is updated by each acknowledgement, then rate and window follow from it."""

from __future__ import annotations

from typing import ClassVar, Final

from estab.tcp.config import MILLISECOND, SECOND, Config
from estab.tcp.congestion.bbr import probe_bw, probe_rtt
from estab.tcp.congestion.bbr.bounds import Bounds, in_flight_at_threshold, loses_too_much, too_high
from estab.tcp.congestion.bbr.filters import Aggregation, FullPipe, MaxBandwidth, MinRtt
from estab.tcp.congestion.bbr.states import (
    CRUISE,
    CWND_GAIN,
    DRAIN,
    INIT,
    PACING_GAIN,
    PROBE_BW,
    PROBE_RTT,
    PROBING,
    STARTUP,
    UP,
    AckPhase,
    State,
)
from estab.tcp.congestion.control import UNBOUNDED, Ack, CongestionControl
from estab.tcp.delivery import Loss, RateSample
from estab.tcp.snapshot import Slots

_MARGIN: Final = 99
"""Percent of the bandwidth to pace at, so that queues shrink."""
_MAX_QUANTUM: Final = 65_536
_OFFLOAD_QUANTA: Final = 3
_MIN_WINDOW: Final = 4
"""MinPipeCwnd, in segments."""
_STARTUP_LOSSES: Final = 6
_DRAIN_ROUNDS: Final = 3
_AGGREGATION_ROUNDS: Final = 10


class Bbr(CongestionControl):
    """Bytes, bytes/s and ns. Section titles in comments are the draft's."""

    uses_prr: ClassVar[bool] = False
    paced: ClassVar[bool] = True
    sampled: ClassVar[bool] = True
    ecn_capable: ClassVar[bool] = False

    __slots__ = (
        *("state", "ack_phase", "bandwidth", "rate", "quantum", "initial_cwnd", "delivered", "dice"),
        *("round_end", "round_count", "round_start", "drain_round", "window_used", "window_used_next"),
        *("max_bandwidth", "full_pipe", "aggregation", "min_rtt", "bounds"),
        *("cycle_at", "cycle_wait", "rounds_since_probe", "probe_samples", "prev_too_high", "precautionary"),
        *("up_rounds", "up_acked", "up_cost"),
        *("probe_rtt_done_at", "probe_rtt_round_done", "held_from", "held_until", "idle_restart"),
        *(
            "prior_cwnd",
            "recovering",
            "recovery_start",
            "losing",
            "may_undo",
            "undo_state",
            "sack",
            "lost_ranges",
            "lost_edge",
        ),
    )
    PLAIN: ClassVar[Slots] = (
        *("cwnd", "ssthresh", "mss"),
        *("state", "ack_phase", "bandwidth", "rate", "quantum", "initial_cwnd", "delivered", "dice"),
        *("round_end", "round_count", "round_start", "drain_round", "window_used", "window_used_next"),
        *("cycle_wait", "rounds_since_probe", "probe_samples", "prev_too_high", "precautionary"),
        *("up_rounds", "up_acked", "up_cost"),
        *("probe_rtt_round_done", "held_from", "held_until", "idle_restart"),
        *("prior_cwnd", "recovering", "recovery_start", "losing", "may_undo", "undo_state", "sack", "lost_ranges"),
    )
    TIMES: ClassVar[Slots] = ("cycle_at", "probe_rtt_done_at")
    SENT: ClassVar[Slots] = ("lost_edge",)
    PARTS: ClassVar[Slots] = ("max_bandwidth", "full_pipe", "aggregation", "min_rtt", "bounds")

    def __init__(self, config: Config, mss: int) -> None:
        super().__init__(config, mss)
        self.state: State = STARTUP
        self.max_bandwidth: MaxBandwidth = MaxBandwidth()
        self.full_pipe: FullPipe = FullPipe()
        self.aggregation: Aggregation = Aggregation()
        self.min_rtt: MinRtt = MinRtt()
        self.bounds: Bounds = Bounds()
        self.bandwidth: int = 0
        self.rate: int = 0
        """To pace at; 0: none was computed yet."""
        self.quantum: int = 2 * mss
        """Most to send at once."""
        self.initial_cwnd: int = self.cwnd
        self.delivered: int = 0
        """In the life of the connection, as of the last sample."""
        self.dice: int = 0
        self._init_rounds()
        self._init_probing()
        self._init_recovery()

    def _init_rounds(self) -> None:
        self.round_end: int = 0
        self.round_count: int = 0
        self.round_start: bool = False
        """The last sample began a round."""
        self.drain_round: int = 0
        self.window_used: bool = False
        """The window, not the rate, was the limit at some time of the last round; likewise of this one."""
        self.window_used_next: bool = False

    def _init_probing(self) -> None:
        self.ack_phase: AckPhase = INIT
        self.cycle_at: int = 0
        self.cycle_wait: int = 0
        self.rounds_since_probe: int = 0
        self.probe_samples: bool = False
        """What is acknowledged or lost now was sent to probe."""
        self.prev_too_high: bool = False
        self.precautionary: bool = False
        """The last probe went down before it saw loss, because the one before it had."""
        self.up_rounds: int = 0
        self.up_acked: int = 0
        self.up_cost: int = 0
        """Bytes acknowledged for each segment that the long-term bound rises by."""
        self.probe_rtt_done_at: int | None = None
        self.probe_rtt_round_done: bool = False
        self.held_from: int = 0
        """What was sent while this to that much had been delivered was held back by ProbeRTT."""
        self.held_until: int = -1
        self.idle_restart: bool = False

    def _init_recovery(self) -> None:
        self.prior_cwnd: int = 0
        self.recovering: bool = False
        self.recovery_start: int = 0
        self.losing: bool = False
        """From the first loss to the end of the recovery that it begins."""
        self.may_undo: bool = False
        self.undo_state: State | None = None
        """The state that the present losses ended, where they did."""
        self.sack: bool = True
        self.lost_ranges: int = 0
        """In this loss round, apart from each other."""
        self.lost_edge: int | None = None

    # ------------------------------------------------------------------ what others call

    def pacing_rate(self, srtt: int) -> int | None:
        return self.rate or self._initial_rate(srtt)

    def on_ack(self, ack: Ack) -> None:
        sample = ack.sample
        if sample is not None:
            self._update_model(ack, sample, max(ack.in_flight - ack.delivered - ack.lost, 0))
            self._set_rate(ack.srtt or ack.rtt or 0)
            self.quantum = min(max(self.rate // 1000, 2 * self.mss), _MAX_QUANTUM)
        self._set_cwnd(ack.delivered)

    def on_sent(self, now: int, size: int, in_flight: int, app_limited: bool) -> None:
        """Restarting from idle: at the bandwidth, not above it."""
        if in_flight > 0 or not app_limited:
            return
        self.idle_restart = True
        self.aggregation.restart(now)
        if self.state in PROBE_BW:
            self.rate = self.bandwidth * _MARGIN // 100
        elif self.state is PROBE_RTT:
            probe_rtt.end_if_due(self, now)

    def on_lost(self, now: int, loss: Loss) -> None:
        self.sack = loss.sack
        size = loss.end - loss.start
        self._note_loss(size if loss.sack else loss.in_flight)
        if loss.start != self.lost_edge:
            self.lost_ranges += 1
        self.lost_edge = loss.end
        if self.probe_samples and (not loss.sack or loses_too_much(loss.lost, loss.in_flight, self.mss)):
            in_flight = in_flight_at_threshold(size, loss.lost, loss.in_flight)
            self._probed_too_high(now, in_flight, loss.app_limited)

    def on_loss(self, now: int, in_flight: int) -> None:
        """Fast recovery. No reduction here: the model reacts."""
        self._begin_recovery()

    def on_ecn(self, now: int, in_flight: int) -> None:
        """The draft has no answer to marks, so nothing is sent that may be marked; if told of one, it is a loss."""
        self._note_loss(self.cwnd)
        self.may_undo = False

    def on_timeout(self, now: int, in_flight: int, first: bool) -> None:
        if first:
            self._note_loss(0)
            self._begin_recovery()
        self.cwnd = self.mss

    def on_recovered(self, now: int) -> None:
        if self.recovering:
            self.recovering = self.losing = False
            self.cwnd = max(self.cwnd, self.prior_cwnd)

    def on_undo(self) -> None:
        if not self.may_undo:
            return
        self.may_undo = self.recovering = self.losing = False
        self.cwnd = max(self.cwnd, self.prior_cwnd)
        self.full_pipe.restart(0)
        self.bounds.undo()
        if self.undo_state is STARTUP:
            self.full_pipe.reached = False
        if self.state is PROBE_RTT:
            return
        if self.undo_state is STARTUP:
            self.state = STARTUP
        elif self.undo_state is UP:
            probe_bw.start_refill(self)

    def on_idle(self, restart_window: int) -> None:
        """What the window would let go at once, the pacing spreads."""

    # ------------------------------------------------------------------ the model

    def _update_model(self, ack: Ack, sample: RateSample, in_flight: int) -> None:
        """ "Per-ACK Steps"."""
        bounds = self.bounds
        loss_round = bounds.on_sample(sample)
        self._count_rounds(ack, sample)
        limited = sample.app_limited or self.held_from <= sample.prior_delivered <= self.held_until
        if not limited or sample.rate >= self.max_bandwidth.value:
            self.max_bandwidth.update(sample.rate)
        if loss_round and self.state not in PROBING and bounds.lost_much(sample.in_flight, self.mss):
            bounds.lower(self.max_bandwidth.value, self.cwnd)
        rounds = _AGGREGATION_ROUNDS if self.full_pipe.reached else 1
        self.aggregation.update(
            ack.now, ack.delivered, self.bandwidth, cwnd=self.cwnd, round_count=self.round_count, rounds=rounds
        )
        if self.round_start and sample.rate and not limited:
            self.full_pipe.on_round(sample.rate)
        if self.state is STARTUP:
            self._leave_startup(sample, loss_round)
        if self.state is DRAIN:
            self._leave_drain(ack.now, in_flight)
        if self.full_pipe.reached:
            probe_bw.update(self, ack, sample, in_flight, limited)
        self.min_rtt.update(ack.now, ack.rtt, ack.min_rtt)
        probe_rtt.update(self, ack.now, in_flight)
        if loss_round:
            bounds.next_round(sample)
            bounds.loss_in_round = False
            self.losing = self.recovering
            self.lost_ranges = 0
        self.bandwidth = min(self.max_bandwidth.value, bounds.bandwidth_shortterm)

    def _count_rounds(self, ack: Ack, sample: RateSample) -> None:
        """A round ends when something is acknowledged that was sent after it began: never by the clock."""
        self.delivered = sample.total
        if ack.in_flight + self.quantum >= self.cwnd:
            self.window_used_next = True
        self.round_start = sample.prior_delivered >= self.round_end
        if self.round_start:
            self.round_end = sample.total
            self.round_count += 1
            self.rounds_since_probe += 1
            self.window_used = self.window_used_next
            self.window_used_next = False

    def start_round(self) -> None:
        self.round_end = self.delivered

    def _leave_startup(self, sample: RateSample, loss_round: bool) -> None:
        """The pipe is full, or loses so much that it must be."""
        if loss_round and self._lost_much(sample):
            self.undo_state = STARTUP
            self.full_pipe.now = self.full_pipe.reached = True
            self.bounds.inflight_longterm = max(self.product(self.bandwidth, 100), self.bounds.inflight_latest)
        if self.full_pipe.reached:
            self.state = DRAIN
            self.drain_round = self.round_count

    def _lost_much(self, sample: RateSample) -> bool:
        """A round of recovery with more than 2 % lost in six places at least; without SACK nobody can tell how many."""
        if not self.recovering:
            return False
        if not self.sack:
            return self.lost_ranges > 0
        whole_round = sample.prior_delivered >= self.recovery_start
        return whole_round and self.lost_ranges >= _STARTUP_LOSSES and too_high(sample.lost, sample.in_flight)

    def _leave_drain(self, now: int, in_flight: int) -> None:
        if in_flight <= self.room(self.bandwidth, 100) or self.round_count > self.drain_round + _DRAIN_ROUNDS:
            probe_bw.start_down(self, now)

    # ------------------------------------------------------------------ loss

    def _note_loss(self, size: int) -> None:
        self._save_bounds()
        self.bounds.note_loss(self.delivered, size)

    def _save_bounds(self) -> None:
        """What an undo needs, once per recovery: a later loss of it must not overwrite the state before it."""
        if not self.losing:
            self.losing = True
            self.bounds.save()
            self.undo_state = None
            self.may_undo = True

    def _begin_recovery(self) -> None:
        self._save_bounds()
        self.save_cwnd()
        if not self.recovering:
            self.recovering = True
            self.recovery_start = self.delivered

    def _probed_too_high(self, now: int, in_flight: int, app_limited: bool) -> None:
        """Once per probe: the bound goes where the losses began, and the probe ends."""
        self.prev_too_high = True
        self.probe_samples = False
        if not app_limited:
            target = min(self.product(self.bandwidth, 100), self.cwnd)
            self.bounds.inflight_longterm = max(in_flight, target * 7 // 10)
        if self.state is UP:
            self.undo_state = UP
            probe_bw.start_down(self, now)

    def save_cwnd(self) -> None:
        """The window to come back to after a recovery or a ProbeRTT, which may overlap."""
        if self.recovering or self.state is PROBE_RTT:
            self.prior_cwnd = max(self.prior_cwnd, self.cwnd)
        else:
            self.prior_cwnd = self.cwnd

    # ------------------------------------------------------------------ rate and window

    def product(self, bandwidth: int, percent: int) -> int:
        """So many percent of the bandwidth-delay product."""
        return bandwidth * self.min_rtt.value * percent // (100 * SECOND)

    def room(self, bandwidth: int, percent: int, extra: int = 0) -> int:
        """What must be in flight for ``percent`` of the product, with ``extra`` for bursts of ACKs ("Inflight")."""
        if not self.min_rtt.value:
            return self.initial_cwnd
        size = max(
            self.product(bandwidth, percent) + extra,
            _OFFLOAD_QUANTA * self.quantum,
            _MIN_WINDOW * self.mss,
        )
        return size + 2 * self.mss if self.state is UP else size

    def probe_rtt_cwnd(self) -> int:
        return max(self.product(self.bandwidth, CWND_GAIN[PROBE_RTT]), _MIN_WINDOW * self.mss)

    def _initial_rate(self, srtt: int) -> int:
        return self.initial_cwnd * PACING_GAIN[STARTUP] * SECOND // (100 * (srtt or MILLISECOND))

    def _set_rate(self, srtt: int) -> None:
        """In Startup a rate that is short of data must not slow us down."""
        if not self.rate and srtt:
            self.rate = self._initial_rate(srtt)
        rate = self.bandwidth * PACING_GAIN[self.state] * _MARGIN // 10_000
        if rate and (self.full_pipe.reached or rate > self.rate):
            self.rate = rate

    def _set_cwnd(self, delivered: int) -> None:
        most = self.room(self.bandwidth, CWND_GAIN[self.state], self.aggregation.extra)
        if self.full_pipe.reached:
            self.cwnd = min(self.cwnd + delivered, most)
        elif self.cwnd < most or self.delivered < self.initial_cwnd:
            self.cwnd += delivered
        least = _MIN_WINDOW * self.mss
        self.cwnd = max(self.cwnd, least)
        if self.state is PROBE_RTT:
            self.cwnd = min(self.cwnd, self.probe_rtt_cwnd())
        self.cwnd = min(self.cwnd, max(self._cap(), least))

    def _cap(self) -> int:
        """ "Modulating cwnd Based on the Volume Model"."""
        bounds = self.bounds
        if self.state in (CRUISE, PROBE_RTT):
            return min(bounds.headroom(self.mss), bounds.inflight_shortterm)
        if self.state in PROBE_BW:
            return min(bounds.inflight_longterm, bounds.inflight_shortterm)
        return bounds.inflight_shortterm if self.state is DRAIN else UNBOUNDED
