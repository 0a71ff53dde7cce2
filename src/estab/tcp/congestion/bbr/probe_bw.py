"""ProbeBW: cruise below what the path takes, and every two or three seconds ask it for more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from estab.tcp.config import SECOND
from estab.tcp.congestion.bbr.bounds import too_high
from estab.tcp.congestion.bbr.states import (
    CRUISE,
    DOWN,
    FEEDBACK,
    INIT,
    PROBE_BW,
    REFILL,
    REFILLING,
    STARTING,
    STOPPING,
    UP,
)
from estab.tcp.congestion.control import UNBOUNDED, Ack
from estab.tcp.delivery import RateSample

if TYPE_CHECKING:
    from estab.tcp.congestion.bbr.control import Bbr

_WAIT: Final = 2 * SECOND
_WAIT_SPREAD: Final = SECOND
_RENO_ROUNDS: Final = 63
"""A Reno flow of this many segments needs as many rounds to win back what it lost: do not probe less often."""
_MOST_UP_ROUNDS: Final = 30


def update(b: Bbr, ack: Ack, sample: RateSample, in_flight: int, limited: bool) -> None:
    """One acknowledgement, once the pipe was full. ``in_flight``: after it; ``limited``: its sample lacked data."""
    if _advance_phase(b, limited):
        return
    _raise_longterm(b, ack.delivered, sample)
    state = b.state
    if state is REFILL:
        if b.round_start:
            _start_up(b, sample)
    elif state is UP:
        if _probed_enough(b, in_flight, sample):
            start_down(b, ack.now)
    elif state in (DOWN, CRUISE):
        if _time_to_probe(b, ack.now):
            start_refill(b)
        elif state is DOWN and _drained(b, in_flight):
            b.state = CRUISE


def start_down(b: Bbr, now: int) -> None:
    """Drain the queue that the probe has built; its feedback is still to come."""
    b.bounds.forget_round()
    b.rounds_since_probe = _roll(b, 2)
    b.cycle_wait = _WAIT + _roll(b, _WAIT_SPREAD)
    b.cycle_at = now
    b.ack_phase = STOPPING
    b.start_round()
    b.state = DOWN


def start_refill(b: Bbr) -> None:
    """A round at the full bandwidth, so that what is lost after it was lost to the probe."""
    b.bounds.forget_shortterm()
    b.up_rounds = b.up_acked = 0
    b.precautionary = False
    b.ack_phase = REFILLING
    b.start_round()
    b.state = REFILL


def _start_up(b: Bbr, sample: RateSample) -> None:
    b.probe_samples = True
    b.ack_phase = STARTING
    b.start_round()
    b.full_pipe.restart(sample.rate)
    b.state = UP
    _steepen(b)


def _advance_phase(b: Bbr, limited: bool) -> bool:
    """Follow the feedback on a probe. True when it was so good that the next one starts at once."""
    if not b.round_start:
        return False
    if b.ack_phase is STARTING:
        b.ack_phase = FEEDBACK
    elif b.ack_phase is STOPPING:
        b.probe_samples = False
        b.ack_phase = INIT
        if b.state in PROBE_BW:
            if not limited:
                b.max_bandwidth.advance()
            if b.precautionary and not b.prev_too_high:
                start_refill(b)
                return True
    return False


def _raise_longterm(b: Bbr, delivered: int, sample: RateSample) -> None:
    """What was in flight without harm is within the bound; a probe that fills it lifts it."""
    bounds = b.bounds
    if bounds.inflight_longterm == UNBOUNDED or too_high(sample.lost, sample.in_flight):
        return
    bounds.inflight_longterm = max(bounds.inflight_longterm, sample.in_flight)
    if b.state is UP and b.window_used and b.cwnd >= bounds.inflight_longterm:
        climb(b, delivered)


def climb(b: Bbr, delivered: int) -> None:
    """One, two, four, … segments a round."""
    b.up_acked += delivered
    steps, b.up_acked = divmod(b.up_acked, b.up_cost)
    b.bounds.inflight_longterm += steps * b.mss
    if b.round_start:
        _steepen(b)


def _steepen(b: Bbr) -> None:
    b.up_cost = max(b.cwnd >> b.up_rounds, b.mss)
    b.up_rounds = min(b.up_rounds + 1, _MOST_UP_ROUNDS)


def _time_to_probe(b: Bbr, now: int) -> bool:
    target = min(b.product(b.bandwidth, 100), b.cwnd)
    return now > b.cycle_at + b.cycle_wait or b.rounds_since_probe >= min(target // b.mss, _RENO_ROUNDS)


def _drained(b: Bbr, in_flight: int) -> bool:
    return in_flight <= min(b.bounds.headroom(b.mss), b.room(b.max_bandwidth.value, 100))


def _probed_enough(b: Bbr, in_flight: int, sample: RateSample) -> bool:
    longterm = b.bounds.inflight_longterm
    if b.prev_too_high and in_flight >= longterm:
        b.precautionary = True
    elif b.window_used and b.cwnd >= longterm:
        # As long as the bound holds the flow back, its rate says nothing about the path.
        b.full_pipe.restart(sample.rate)
        return False
    elif not b.full_pipe.now:
        return False
    b.prev_too_high = False
    return True


def _roll(b: Bbr, sides: int) -> int:
    """A number below ``sides`` that differs between flows, so that they do not probe together.

    Drawn from what this flow has measured, as the core has no entropy of its own.
    """
    b.dice = ((b.dice ^ b.delivered) * 6364136223846793005 + b.min_rtt.value + 1442695040888963407) & ((1 << 64) - 1)
    return (b.dice >> 32) * sides >> 32
