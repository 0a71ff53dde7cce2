"""Which timers run follows from the facts, and is computed in this one place (RFC 6298 §5, RFC 9293 §3.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estab.tcp.config import MILLISECOND
from estab.tcp.recovery import OPEN
from estab.tcp.states import CLOSED, FIN_WAIT_2, SENDING, SYN_RECEIVED, SYN_SENT, SYNCHRONIZED, TIME_WAIT
from estab.tcp.timers import NEVER

if TYPE_CHECKING:
    from estab.tcp.connection import Connection



def settle(c: Connection, now: int) -> None:
    """Arm what must run, stop what must not; timers that run already keep their time."""
    state = c.state
    if state is CLOSED or state is TIME_WAIT:
        return
    timers = c.timers
    if c.board.ranges and not (c.snd_wnd == 0 and asks_with_text(c)):
        if timers.rto == NEVER:
            timers.rto = now + c.rtt.rto
        timers.persist = NEVER
        if c.stalled_at is None:
            _settle_user_timeout(c, now)
    elif not (c.board.ranges or window_holds_back(c)):
        timers.rto = timers.persist = timers.user = timers.tail_probe = timers.reorder = NEVER
        c.persist_backoff = 0
        c.stalled_at = None
    else:
        timers.rto = timers.tail_probe = timers.reorder = NEVER
        if timers.persist == NEVER:
            timers.persist = now + persist_interval(c)
        _settle_user_timeout(c, now)
    if c.keepalive or c.path.searching or state is FIN_WAIT_2:
        _settle_idle(c, now)


def arm_tail_probe(c: Connection, now: int) -> None:
    """RFC 8985 §7.2: after new data and after progress, while all is well; never later than the RTO.

    The RTO runs already. If both are due at the same time the probe goes first: see ``Timer``."""
    timers = c.timers
    timers.tail_probe = NEVER
    if (
        not c.config.tail_probe
        or c.recovery.phase is not OPEN
        or c.board.sacked
        or c.tail.end is not None
        or not c.rtt.srtt
    ):
        return
    at = now + c.tail.timeout(c.rtt.srtt, c.snd_nxt - c.snd_una <= c.mss, c.config.tail_probe_ack_delay)
    timers.tail_probe = min(at, timers.rto)


def lose_probe(c: Connection, now: int) -> None:
    """A path-MTU probe was lost, and nothing is reduced: the next waits for as many round trips as the window has
    segments, so that such losses stay rarer than those that congestion makes (RFC 4821 §7.4, §4)."""
    c.path.on_probe_lost()
    c.timers.mtu_probe = now + max(c.congestion.cwnd // c.mss, 1) * max(c.rtt.srtt, MILLISECOND)
    c.count("TCPMTUPFail")


def window_holds_back(c: Connection) -> bool:
    """Nothing is in flight, something waits, and only the peer's window, or a cork, is in the way (§3.8.6.1)."""
    wanted = c.send_queue.end - c.snd_nxt + c.write_closed
    if wanted <= 0 or c.override or c.state not in SYNCHRONIZED:
        return False
    usable = c.snd_una + c.snd_wnd - c.snd_nxt
    if c.corked and not c.write_closed and wanted < c.mss:
        return True
    return usable < wanted and usable < c.mss and (usable <= 0 or 2 * usable < c.max_snd_wnd)


def asks_with_text(c: Connection) -> bool:
    """The window is closed, and what is in flight is the byte that asks about it: that is no loss."""
    asks = c.config.persist_with_text and c.flight == 1 and c.state in SYNCHRONIZED
    return asks and c.snd_una < c.send_queue.end


def persist_interval(c: Connection) -> int:
    """The first probe after an RTO, later ones exponentially (RFC 9293 §3.8.6.1 SHLD-29, SHLD-30).

    Where the window is small but not zero this is the override of silly-window avoidance (§3.8.6.2.1)."""
    if c.usable_window > 0:
        patient = c.corked or c.config.bold_recovery
        return max(c.config.sws_override, c.rtt.rto) if patient else c.config.sws_override
    return min(max(c.rtt.rto << c.persist_backoff, c.config.persist_minimum), c.config.rto_maximum)


def effective_user_timeout(c: Connection) -> int | None:
    """What the application wants, or what both sides have agreed on."""
    agreed = _agreed_user_timeout(c)
    return c.user_timeout if agreed is None else agreed


def keepalive_idle(c: Connection) -> int:
    """RFC 5482 §4.2: a connection may be silent for longer than a user timeout that was adopted."""
    agreed = _agreed_user_timeout(c)
    return c.keepalive_idle if agreed is None else max(c.keepalive_idle, agreed + 1)


def _agreed_user_timeout(c: Connection) -> int | None:
    """RFC 5482 §3.1: min(U_LIMIT, max(ADV_UTO, REMOTE_UTO, L_LIMIT)), where both sides talk about it and it may."""
    if not (c.announce_user_timeout and c.user_timeout_changeable):
        return None
    if c.user_timeout is None or c.peer_user_timeout is None:
        return None
    config = c.config
    return min(config.user_timeout_upper, max(c.user_timeout, c.peer_user_timeout, config.user_timeout_lower))


def _settle_user_timeout(c: Connection, now: int) -> None:
    """Something waits for the peer: how long may that last without progress?"""
    if c.stalled_at is None:
        c.stalled_at = now
    opening = c.state is SYN_SENT or c.state is SYN_RECEIVED
    timeout = c.config.open_timeout if opening else effective_user_timeout(c)
    begun = c.retransmissions or not c.board.ranges or not c.config.bold_recovery
    if timeout is None or not begun:
        c.timers.user = NEVER
    else:
        c.timers.user = c.stalled_at + timeout


def _settle_idle(c: Connection, now: int) -> None:
    timers = c.timers
    if c.keepalive and c.state in SYNCHRONIZED and timers.keepalive == NEVER:
        timers.keepalive = now + keepalive_idle(c)
    if c.state is FIN_WAIT_2 and c.released:
        timeout = c.config.fin_wait_2_timeout
        if timeout is not None and timers.fin_wait_2 == NEVER:
            timers.fin_wait_2 = now + timeout
    if c.path.searching and c.state in SENDING and timers.mtu_probe == NEVER:
        timers.mtu_probe = now + c.config.mtu_probe_interval
