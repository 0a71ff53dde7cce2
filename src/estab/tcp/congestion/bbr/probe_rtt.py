"""ProbeRTT: after five seconds or more without a shorter round trip, empty the queue to see the path's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estab.tcp.congestion.bbr import probe_bw
from estab.tcp.congestion.bbr.filters import PROBE_RTT_DURATION
from estab.tcp.congestion.bbr.states import CRUISE, PROBE_RTT, STARTUP, STOPPING

if TYPE_CHECKING:
    from estab.tcp.congestion.bbr.control import Bbr


def update(b: Bbr, now: int, in_flight: int) -> None:
    """One acknowledgement that delivered something."""
    if b.state is not PROBE_RTT and b.min_rtt.expired and not b.idle_restart:
        _start(b)
    if b.state is PROBE_RTT:
        _proceed(b, now, in_flight)
    b.idle_restart = False


def _start(b: Bbr) -> None:
    b.save_cwnd()
    b.state = PROBE_RTT
    b.probe_rtt_done_at = None
    b.ack_phase = STOPPING
    b.held_from = b.delivered
    b.start_round()


def _proceed(b: Bbr, now: int, in_flight: int) -> None:
    # The rate that such a small window gives says nothing about the path.
    b.held_until = b.delivered + in_flight
    if b.probe_rtt_done_at is None:
        if in_flight <= b.probe_rtt_cwnd():
            b.probe_rtt_done_at = now + PROBE_RTT_DURATION
            b.probe_rtt_round_done = False
            b.start_round()
        return
    if b.round_start:
        b.probe_rtt_round_done = True
    if b.probe_rtt_round_done:
        end_if_due(b, now)


def end_if_due(b: Bbr, now: int) -> None:
    if b.probe_rtt_done_at is None or now <= b.probe_rtt_done_at:
        return
    b.min_rtt.probe_at = now
    b.cwnd = max(b.cwnd, b.prior_cwnd)
    b.bounds.forget_shortterm()
    if b.full_pipe.reached:
        probe_bw.start_down(b, now)
        b.state = CRUISE
    else:
        b.state = STARTUP
