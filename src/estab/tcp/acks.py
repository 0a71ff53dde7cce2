"""What an acceptable ACK field does: SND.UNA, the send window, RTT, congestion, loss (RFC 9293 §3.10.7.4, fifth)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from estab.tcp.buffers import widen_send_buffer
from estab.tcp.config import MILLISECOND
from estab.tcp.congestion import Ack
from estab.tcp.ecn.response import respond
from estab.tcp.judge import enter_recovery, judge
from estab.tcp.options import echo_age, sack_blocks
from estab.tcp.pushes import burst_of
from estab.tcp.recovery import RECOVERY
from estab.tcp.sampling import note_app_limit, sample, tell_deliveries
from estab.tcp.scoreboard import Scoreboard
from estab.tcp.settle import arm_tail_probe, asks_with_text, persist_interval
from estab.tcp.spurious import Delivery, take_back, take_duplicate_report
from estab.tcp.timers import NEVER
from estab.wire.tcp import FIN, SYN

if TYPE_CHECKING:
    from estab.tcp.connection import Connection
    from estab.tcp.scoreboard import Acknowledged
    from estab.wire.tcp import Segment

_RENEGING: Final = 10 * MILLISECOND
"""Where the first hole turns out to be SACKed, so long at least until all is taken to be lost."""


def take_ack(c: Connection, segment: Segment, now: int) -> None:
    """``segment.ack`` lies in what may be acknowledged: see ``check_ack``."""
    if c.more:
        c.more = c.corked = False
    same_window = not _take_window(c, segment)
    c.keepalive_probes = 0
    board = c.board
    dsack = False
    if c.sack_ok and (segment.options.sack or c.tail.end is not None):
        dsack = _take_report(c, segment, same_window)
    if not (board.ranges or dsack):
        _put_probe_off(c, now)
        return
    flight = c.flight
    recovering = c.recovery.phase is RECOVERY and not c.config.bold_recovery
    pipe = c.recovery.pipe(board)
    news = sacked = 0
    note_app_limit(c)
    if c.sack_ok and segment.options.sack:
        news = sacked = board.sack(sack_blocks(c, segment))
    rtt = None
    progress = segment.ack > c.snd_una
    if progress:
        acked = board.acknowledge(segment.ack)
        news += acked.delivered
        rtt = _advance(c, segment, acked, flight, now)
    elif c.sack_ok:
        c.recovery.duplicates += sacked > 0
    elif _is_duplicate(c, segment, same_window):
        news = c.mss
        if c.recovery.on_duplicate(board, c.snd_una, c.snd_nxt, c.mss):
            enter_recovery(c, news, now)
    delivery = Delivery(news, pipe, rtt, progress, dsack)
    tried = c.recovery.trial is not None
    duplicate = tried and not progress and (sacked > 0 or _is_duplicate(c, segment, same_window))
    if not (progress or news or dsack or duplicate):
        return
    told = c.ecn is not None and c.ecn.on_ack(c, segment, news)
    if told:
        c.recovery.confirm()
    undone = take_back(c, segment, delivery, duplicate, now)
    tell_deliveries(c, now)
    lost = judge(c, segment, delivery, now)
    if c.ecn is not None:
        recovering |= respond(c, c.ecn, told, delivery, now)
    # Where the path reorders, order says little, and what is delivered counts; else in-order delivery alone.
    if segment.ack > c.iss + 1 and (progress or c.congestion.sampled or (news and c.rack.reordering)):
        held = (tried or undone) and not c.config.bold_recovery
        _open_window(c, delivery, flight, recovering, held, lost, now)
    board.forget_arrivals()
    if progress and c.sack_ok and board.ranges:
        reneging = board.ranges[0].sacked and c.config.bold_recovery
        c.timers.rto = now + (max(c.rtt.srtt >> 1, _RENEGING) if reneging else c.rtt.rto)
        arm_tail_probe(c, now)


def _put_probe_off(c: Connection, now: int) -> None:
    """In Linux the time to the next window probe begins with what the peer has just said."""
    if c.snd_wnd == 0 and c.timers.persist != NEVER and c.config.bold_recovery:
        c.timers.persist = now + persist_interval(c)


def burst(c: Connection) -> int:
    """How much one segment should carry: what the path takes in a millisecond, at most 64 KiB.

    And at most an eighth of the window, because the sender waits until so much of it is free: what it waits for is
    missing from the path. The window is in use when it is filled up to one such segment.
    """
    mss = c.mss
    cwnd = c.congestion.cwnd
    if c.pushes is not None:
        return burst_of(c)
    if cwnd < 16 * mss or not c.config.super_segments:
        return mss
    size = 2 * mss
    srtt = c.rtt.srtt
    if srtt:
        rate = c.congestion.pacing_rate(srtt) if c.congestion.paced else None
        paced = rate // 1000 if rate else cwnd * 1_000_000 // srtt
        most = cwnd >> 3
        if most > c.largest:
            most = c.largest
        if paced > size:
            return paced if paced < most else most
    return size


def _take_window(c: Connection, segment: Segment) -> bool:
    """SND.WND from the newest segment (SND.WL1, SND.WL2). True when it changed.

    A repetition has an old number, but where it acknowledges more than anything before it, it is newer than that: with
    the old window SND.UNA would take the right edge to where the peer never put it, and beyond it nothing is heard."""
    newer = c.snd_wl1 < segment.seq or (c.snd_wl1 == segment.seq and c.snd_wl2 <= segment.ack)
    if not (newer or segment.ack > c.snd_una) or segment.ack < c.snd_una:
        return False
    window = segment.window if segment.flags & SYN else segment.window << c.snd_wscale
    changed = window != c.snd_wnd
    if changed and not c.snd_wnd and segment.ack == c.snd_una and asks_with_text(c):
        # The byte that asked was not taken: it goes again, with what follows it.
        c.snd_nxt = c.snd_una
        c.board = Scoreboard(c.config.scoreboard_ranges)
    c.snd_wnd = window
    c.snd_wl1 = max(c.snd_wl1, segment.seq)
    c.snd_wl2 = segment.ack
    if changed:
        c.timers.persist = NEVER
        if window > c.max_snd_wnd:
            c.max_snd_wnd = window
    if c.stalled_at is not None and (window == 0 or not c.board.ranges):
        # RFC 9293 §3.8.6.1 (MUST-37), §3.8.6 (SHLD-17): as long as it answers, a closed window is no reason to give up.
        c.stalled_at = None
        c.retransmissions = min(c.retransmissions, 1)
    return changed


def _take_report(c: Connection, segment: Segment, same_window: bool) -> bool:
    """Something has come twice, also where nothing is outstanding any more. True for a D-SACK."""
    if segment.options.sack:
        return take_duplicate_report(c, segment)
    if _is_duplicate(c, segment, same_window):
        # From a peer without D-SACK: the answer to the probe, whose original had been acknowledged (RFC 8985 §7.4.2).
        c.tail.on_duplicate(segment.ack)
    return False


def _is_duplicate(c: Connection, segment: Segment, same_window: bool) -> bool:
    """RFC 5681 §2, where no SACK says more."""
    if segment.ack != c.snd_una or segment.length or segment.flags & (SYN | FIN):
        return False
    return same_window and c.snd_wnd > 0


def _advance(c: Connection, segment: Segment, acked: Acknowledged, flight: int, now: int) -> int | None:
    """SND.UNA moves; the RTT sample that this gave (ns)."""
    c.snd_una = segment.ack
    if c.config.nagle_from_idle:
        c.idle_end = c.send_queue.end if c.snd_una == c.snd_nxt else c.iss
    c.send_queue.acknowledge(segment.ack)
    rtt = _sample(c, segment, acked, now)
    if rtt is not None:
        if c.rtt.relearn_from is not None and c.snd_una > c.rtt.relearn_from:
            c.rtt.relearn(rtt, now)
        else:
            samples = 1 if flight < 4 * c.mss else max(1, flight // max(2 * c.mss, acked.delivered))
            c.rtt.on_sample(rtt, now, samples)
        c.tail.fresh = True
    c.tail.owed = False
    c.retransmissions = 0
    c.stalled_at = None
    c.soft_error = None
    c.timers.rto = NEVER
    if c.path.on_acknowledged(c.snd_una):
        c.resize()
    if c.snd_up is not None and c.snd_una >= c.snd_up:
        c.snd_up = None
    if c.wants_room and c.send_tuned:
        widen_send_buffer(c)
    if c.wants_room and c.writable:
        c.wants_room = False
        c.host.on_event(c)
    return rtt


def _open_window(  # noqa: PLR0917
    c: Connection, delivery: Delivery, flight: int, recovering: bool, held: bool, lost: int, now: int
) -> None:
    """What the acknowledgement means to the congestion window, once losses have been judged.

    ``held``: one by which F-RTO judges, or which takes back a reduction, opens nothing besides (RFC 4015 §3.2)."""
    limited = _window_was_used(c, flight)
    still = held or c.recovery.phase is RECOVERY
    recovered = recovering and not still
    rtt = c.rtt
    news, pipe, timed = delivery.news, delivery.pipe, delivery.rtt
    ack = Ack(now, news, pipe, timed, limited, still, lost, rtt.srtt, rtt.min_rtt, sample(c, now), recovered)
    c.congestion.on_ack(ack)


def _window_was_used(c: Connection, flight: int) -> bool:
    """Growth without use would say nothing about the path (RFC 7661 §4.3); one segment of slack.

    What an ACK covers counts if the window was full at some time in its round trip, since ACKs may come at once."""
    control = c.congestion
    half, slack = 2 * flight, burst(c)
    if c.pushes is not None:
        half, slack = half - 1, slack if c.unsent else 0
    if flight + slack >= control.cwnd or (half >= control.cwnd and control.cwnd < control.ssthresh):
        c.full_until = c.snd_nxt
        return True
    return c.snd_nxt - flight < c.full_until


def _sample(c: Connection, segment: Segment, acked: Acknowledged, now: int) -> int | None:
    """Karn's rule; where it forbids, the echoed timestamp still tells (RFC 7323 §4.1)."""
    timed = c.config.syn_ack_timed or not (c.passive and c.rtt.srtt == 0 and segment.ack == c.iss + 1)
    if timed and acked.sent_at is not None and not acked.retransmitted:
        return now - acked.sent_at or 1
    age = echo_age(c, segment, now)
    # A forged echo must not poison the estimate: nothing takes longer than we would have waited.
    return age if age is not None and age <= c.config.rto_maximum else None
