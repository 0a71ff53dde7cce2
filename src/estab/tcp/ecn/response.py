"""What a mark does to the sender: RFC 3168 §6.1.2, RFC 8511, spread over a round trip by RFC 9937 §4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estab.tcp.judge import allow
from estab.tcp.prr import RESTING, ProportionalRateReduction
from estab.tcp.recovery import OPEN
from estab.tcp.spurious import Delivery

if TYPE_CHECKING:
    from estab.tcp.connection import Connection
    from estab.tcp.ecn.feedback import EcnFeedback


def respond(c: Connection, ecn: EcnFeedback, told: bool, delivery: Delivery, now: int) -> bool:
    """After an acknowledgement has been judged, as a loss weighs more. True: it must not open the window.

    ``told``: it reports congestion."""
    closed = told or ecn.reducing
    if ecn.reducing and c.snd_una >= ecn.until:
        _end(c, ecn)
    if not told:
        ecn.holds = 0
    elif c.snd_una > ecn.until and c.recovery.phase is OPEN:
        _reduce(c, ecn, delivery, now)
    return closed


def _reduce(c: Connection, ecn: EcnFeedback, delivery: Delivery, now: int) -> None:
    """Once for a window of data."""
    control = c.congestion
    if control.cwnd <= c.mss:
        _hold(c, ecn, now)
    else:
        control.on_ecn(now, delivery.pipe)
        if c.sack_ok and control.uses_prr and control.cwnd == control.ssthresh:
            c.prr = ProportionalRateReduction()
            c.prr.begin(delivery.pipe)
            allow(c, delivery.news, delivery.progress)
    ecn.on_reduced(c.snd_nxt)
    ecn.reducing = c.snd_nxt > c.snd_una
    c.count("TCPECNReduced")
    if c.host.observer is not None:
        c.host.observer.congestion(now, c, "ecn")


def _hold(c: Connection, ecn: EcnFeedback, now: int) -> None:
    """A window of one segment cannot shrink: the next one waits for a timeout, ever longer (RFC 9438 §4.6).

    Where not even that helps, something marks whatever comes; then only losses count (as RFC 9768 §3.2.2.3 has it)."""
    if ecn.holds == c.config.ecn_patience:
        ecn.sends = False
        c.count("TCPECNMangled")
        return
    c.timers.pace = now + min(c.rtt.rto << ecn.holds, c.config.rto_maximum)
    ecn.holds += 1


def _end(c: Connection, ecn: EcnFeedback) -> None:
    ecn.reducing = False
    if c.prr.base and c.recovery.phase is OPEN:
        c.congestion.cwnd = c.congestion.ssthresh
        c.prr = RESTING
