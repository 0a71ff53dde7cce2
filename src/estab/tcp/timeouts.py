"""What the expiry of each timer establishes: RFC 9293 §3.10.8, RFC 6298 §5, RFC 1122 §4.2.3."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from estab.tcp.judge import allow, detect_losses
from estab.tcp.prr import RESTING
from estab.tcp.recovery import OPEN, RECOVERY
from estab.tcp.sampling import tell_losses
from estab.tcp.settle import keepalive_idle, lose_probe, settle
from estab.tcp.spurious import begin_trial
from estab.tcp.states import CLOSED, FIN_WAIT_2, SYN_RECEIVED, SYN_SENT, Fact
from estab.tcp.timers import NEVER, Timer

if TYPE_CHECKING:
    from estab.tcp.connection import Connection


def advance(c: Connection, now: int) -> None:
    """Let time pass for one connection."""
    for timer in c.timers.expired(now):
        _EXPIRY[timer](c, now)
        if c.state is CLOSED:
            break
    settle(c, now)
    c.host.on_busy(c)


def _retransmission(c: Connection, now: int) -> None:
    if not c.board.ranges or c.timers.rto != NEVER:
        # Nothing waits; or what expired at the same time has found something better to do.
        return
    if c.retransmissions >= _retransmission_limit(c):
        time_out(c, now)
        return
    if c.state is SYN_RECEIVED and c.deferred and c.retransmissions + 1 < c.config.defer_accept:
        # The peer has our SYN-ACK; only the last one asks it to say so again.
        c.timers.rto = now + (c.rtt.rto << 1)
    elif c.state in (SYN_SENT, SYN_RECEIVED):
        c.board.mark_lost(c.snd_una, c.snd_nxt)
        c.recovery.forced = True
    else:
        _data_timeout(c, now)
    if c.state is not SYN_SENT or c.retransmissions >= c.config.syn_retries_linear:
        c.rtt.on_timeout()
    if not c.retransmissions and c.config.bold_recovery:
        # In Linux the user timeout begins with the first retransmission.
        c.stalled_at = None
    c.retransmissions += 1
    c.count("TCPTimeouts")
    if c.host.observer is not None:
        c.host.observer.congestion(now, c, "timeout")
    if c.retransmissions == c.config.r1:
        c.host.on_event(c)


def _data_timeout(c: Connection, now: int) -> None:
    trial = c.recovery.trial
    again = trial is not None and trial.point is None
    fresh = c.recovery.phase is OPEN or again
    reduced = c.config.bold_recovery and c.recovery.phase is RECOVERY
    c.congestion.on_timeout(now, c.too_much(c.flight), c.retransmissions == 0 and not reduced)
    if c.ecn is not None:
        c.ecn.on_reduced(c.snd_nxt)
    rack = c.rack
    by_time = c.sack_ok and rack.xmit_at is not None
    sent_before = now - rack.rtt - rack.window(c.rtt.min_rtt, c.rtt.srtt, False) if by_time else None
    c.recovery.on_timeout(c.board, c.snd_una, c.snd_nxt, sent_before)
    begin_trial(c, fresh)
    tell_losses(c, now)
    c.prr = RESTING
    c.tail.cancel()
    c.timers.tail_probe = NEVER
    c.timers.reorder = NEVER
    if c.path.probe_end is not None:
        lose_probe(c, now)
    full_sized = c.snd_nxt - c.snd_una >= c.mss
    if full_sized and c.retransmissions + 1 >= c.config.black_hole_timeouts and c.path.on_black_hole():
        c.resize()
        c.count("TCPMTUPFail")


def _retransmission_limit(c: Connection) -> int:
    """R2, counted: RFC 9293 §3.8.3."""
    if c.state is SYN_SENT:
        # Linux counts those before the first doubling extra.
        return c.config.syn_retries + (c.config.syn_retries_linear if c.config.bold_recovery else 0)
    if c.state is SYN_RECEIVED:
        return c.config.syn_ack_retries
    return 1 << 30 if c.config.data_retries is None else c.config.data_retries


def time_out(c: Connection, now: int) -> None:
    """Give up. The network's last word, if there was one, names the reason (RFC 9293 §3.9.2.2)."""
    error = c.soft_error or TimeoutError(errno.ETIMEDOUT, "connection timed out")
    c.count("TCPAbortOnTimeout")
    if c.config.timeout_resets and c.state is not SYN_SENT and not c.resets_owed and not _embryonic(c):
        c.resets_owed += ((c.snd_nxt, c.rcv_nxt),)
    c.die(error, Fact.TIMEOUT, now)


def _embryonic(c: Connection) -> bool:
    """The peer opened it, and nothing here has seen it yet."""
    return c.state is SYN_RECEIVED and c.passive and not c.fast_opened


def _persist(c: Connection, now: int) -> None:
    """A window that stays closed is asked about; one that stays small is used (RFC 9293 §3.8.6.1, §3.8.6.2.1)."""
    if c.usable_window > 0:
        c.override = True
        return
    c.persist_backoff = min(c.persist_backoff + 1, 32)
    if c.board.ranges:
        # The byte that asks is out already, and asks again.
        c.board.mark_lost(c.snd_una, c.snd_nxt)
        c.recovery.forced = True
    else:
        c.probe_owed = True


def _delayed_ack(c: Connection, now: int) -> None:
    c.acks_owed = max(c.acks_owed, 1)
    if c.ack_delay is not None:
        c.ack_delay.on_expired(c.rtt.rto)
    c.count("DelayedACKs")


def _keepalive(c: Connection, now: int) -> None:
    """RFC 9293 §3.8.4: nothing heard for long is asked about; an unanswered probe is not yet a dead peer (MUST-28)."""
    heard = c.last_heard if c.last_heard is not None else now
    idle = keepalive_idle(c)
    if now - heard < idle:
        c.timers.keepalive = heard + idle
        return
    if c.keepalive_probes >= c.keepalive_limit:
        c.resets_owed += ((c.snd_nxt, c.rcv_nxt),)
        time_out(c, now)
        return
    if not c.board.ranges:
        c.keepalive_owed = True
        c.keepalive_probes += 1
    c.timers.keepalive = now + c.keepalive_interval


def _user_timeout(c: Connection, now: int) -> None:
    if c.stalled_at is not None:
        time_out(c, now)


def _fin_wait_2(c: Connection, now: int) -> None:
    """The application has closed and the peer never will."""
    if c.state is FIN_WAIT_2 and c.released:
        c.count("TCPAbortOnLinger")
        c.die(None, Fact.TIMEOUT, now)


def _reorder(c: Connection, now: int) -> None:
    """RFC 8985 §6.2 step 5: what was given the benefit of the doubt has had it."""
    if detect_losses(c, now, 0):
        c.timers.rto = now + c.rtt.rto
        allow(c, 0, False)


def _tail_probe(c: Connection, now: int) -> None:
    """RFC 8985 §7.3: one probe at a time, and not again before the path has been timed; its RTO begins now."""
    board, tail = c.board, c.tail
    tail.owed = tail.end is None and tail.fresh and c.recovery.phase is OPEN and not board.sacked and bool(board.ranges)
    if tail.owed:
        c.timers.rto = now + c.rtt.rto


def _pace(c: Connection, now: int) -> None:
    """The next segment may leave: the plan sees that the timer no longer runs.

    On a busy machine it ran longer than it should have. What could not leave meanwhile may leave now, up to what half a
    round trip takes: otherwise a machine that is late by milliseconds would send a few segments each time."""
    if c.pace_next is not None:
        c.pace_credit = min(now - c.pace_next, c.rtt.srtt // 2)


def _mtu_probe(c: Connection, now: int) -> None:
    if c.path.paused:
        c.path.resume()
    else:
        c.path.raise_again()


_EXPIRY: Final[dict[Timer, Callable[[Connection, int], None]]] = {
    Timer.RTO: _retransmission,
    Timer.PERSIST: _persist,
    Timer.DELAYED_ACK: _delayed_ack,
    Timer.KEEPALIVE: _keepalive,
    Timer.USER: _user_timeout,
    Timer.FIN_WAIT_2: _fin_wait_2,
    Timer.MTU_PROBE: _mtu_probe,
    Timer.REORDER: _reorder,
    Timer.TAIL_PROBE: _tail_probe,
    Timer.PACE: _pace,
}
