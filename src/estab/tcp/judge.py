"""After each acknowledgement: what is lost, and what recovery allows (RFC 8985, 9937)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estab.tcp.prr import RESTING, ProportionalRateReduction
from estab.tcp.recovery import OPEN, RECOVERY
from estab.tcp.sampling import tell_losses
from estab.tcp.scoreboard import transmission
from estab.tcp.settle import lose_probe
from estab.tcp.spurious import echoed_time
from estab.tcp.timers import NEVER

if TYPE_CHECKING:
    from estab.tcp.connection import Connection
    from estab.tcp.spurious import Delivery
    from estab.wire.tcp import Segment



def judge(c: Connection, segment: Segment, delivery: Delivery, now: int) -> int:
    """Losses, then the end of recovery, then its allowance. Returns the bytes newly lost. False alarms come before."""
    recovery = c.recovery
    lost = 0
    if c.sack_ok:
        _take_arrivals(c, segment, now)
        if c.board.oldest is not None:
            lost = detect_losses(c, now, delivery.news)
        else:
            c.timers.reorder = NEVER
        if c.tail.end is not None and delivery.progress and c.tail.on_acknowledged(c.snd_una):
            _take_hidden_loss(c, now)
    if delivery.progress and (recovery.phase is not OPEN or recovery.duplicates or recovery.departed):
        _progress(c, delivery, now)
    if delivery.news or lost:
        allow(c, delivery.news, delivery.progress and not lost)
    return lost


def allow(c: Connection, news: int, safe: bool) -> None:
    """While it is being reduced, the window follows what is delivered (RFC 9937 §6.2); ``safe``: progress without new
    loss."""
    if not c.prr.base:
        return
    pipe = c.recovery.pipe(c.board)
    c.congestion.cwnd = max(pipe + c.prr.allowance(news, pipe, c.congestion.ssthresh, c.mss, safe), c.mss)


def detect_losses(c: Connection, now: int, news: int) -> int:
    """RACK's judgement on everything that is under way; bytes newly lost. Also when the reordering timer expires."""
    board, rack = c.board, c.rack
    if rack.xmit_at is None:
        return 0
    threshold = c.config.duplicate_threshold
    eager = c.recovery.phase is not OPEN or c.recovery.duplicates >= threshold or board.sacked >= threshold * c.mss
    if not (eager or c.config.rack):
        return 0
    lost, wait = rack.detect(board, now, rack.window(c.rtt.min_rtt, c.rtt.srtt, eager))
    if lost:
        tell_losses(c, now)
    timers = c.timers
    timers.reorder = NEVER
    if wait:
        # What is waited for comes before a probe and before the timeout (RFC 8985 §8).
        timers.reorder = at = now + wait
        timers.tail_probe = NEVER
        timers.rto = max(timers.rto, at)
    if lost and c.recovery.phase is OPEN:
        enter_recovery(c, news, now)
    return lost


def enter_recovery(c: Connection, news: int, now: int) -> None:
    """Loss without a timeout: reduce once for this window (RFC 5681 §3.2, RFC 9937 §6.1)."""
    if _only_the_probe(c):
        lose_probe(c, now)
        c.recovery.forced = True
        return
    c.recovery.begin(RECOVERY, c.snd_una, c.snd_nxt)
    window = c.congestion.cwnd
    _reduce(c, now, c.too_much(c.flight))
    if c.sack_ok and c.congestion.uses_prr and c.config.window_counts:
        c.prr = ProportionalRateReduction()
        c.prr.begin(window, c.mss)
    elif c.sack_ok and c.congestion.uses_prr:
        c.prr = ProportionalRateReduction()
        c.prr.begin(c.flight - c.board.sacked + news)
    c.tail.cancel()
    c.timers.tail_probe = NEVER
    c.count("TCPFastRetrans")
    if c.host.observer is not None:
        c.host.observer.congestion(now, c, "loss")


def _reduce(c: Connection, now: int, in_flight: int) -> None:
    """Once for a window of data, whether it was marked or lost (RFC 3168 §6.1.2)."""
    if c.ecn is None or not c.ecn.reducing:
        c.congestion.on_loss(now, in_flight)
    if c.ecn is not None:
        c.ecn.on_reduced(c.snd_nxt)


def _take_arrivals(c: Connection, segment: Segment, now: int) -> None:
    min_rtt = c.rtt.min_rtt
    arrived = c.board.arrived
    if len(arrived) > 1:
        # SACKed ranges were found before those below them; that is no reordering.
        arrived.sort(key=transmission)
    for entry in arrived:
        echo_at = echoed_time(c, segment, now) if entry.transmissions > 1 else None
        c.rack.on_delivered(entry, now, min_rtt, echo_at)
    if c.snd_una > c.rack.fack:
        c.rack.fack = c.snd_una


def _take_hidden_loss(c: Connection, now: int) -> None:
    """Reduce as for any loss; it has been repaired already (RFC 8985 §7.4.2).

    The flight that counts is that in which it was lost: by now most of it has long been acknowledged."""
    c.recovery.undo_until = None
    _reduce(c, now, c.too_much(c.tail.probed))
    if c.prr.base:
        c.congestion.cwnd = c.congestion.ssthresh
        c.prr = RESTING
    c.congestion.on_recovered(now)
    c.count("TCPLossProbeRecovery")


def _progress(c: Connection, delivery: Delivery, now: int) -> None:
    if not c.recovery.on_progress(c.board, c.snd_una, c.snd_nxt, c.mss, delivery.news, c.sack_ok):
        return
    if c.prr.base:
        c.congestion.cwnd = c.congestion.ssthresh
        c.prr = RESTING
    if not delivery.dsack:
        # With a false alarm the count of recoveries without one has begun anew (RFC 8985 §6.2 step 4).
        c.rack.on_recovered()
    c.congestion.on_recovered(now)
    if c.host.observer is not None:
        c.host.observer.congestion(now, c, "recovered")
    if c.board.again():
        # It left after the reduction and was lost as well: a second sign of congestion (RFC 5681 §4.3).
        enter_recovery(c, delivery.news, now)


def _only_the_probe(c: Connection) -> bool:
    """Only a path-MTU probe was lost: that is no congestion (RFC 4821 §7.6.2)."""
    if c.path.probe_end is None:
        return False
    hole = c.board.first_lost()
    return hole is not None and hole[0] == c.path.probe_start and hole[1] <= c.path.probe_end
