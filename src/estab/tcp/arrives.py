"""SEGMENT ARRIVES: RFC 9293 §3.10.7 as ordered lists of small steps, with RFC 5961, 7323 and 1337 where they bind.

A step learns facts and never sends. It returns True when the segment is finished with. Which steps run, and in
which order, is in ``rules.py``.
"""

from __future__ import annotations

import errno
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from estab.tcp.ack_delay import data_arrived, disorder_arrived, fin_arrived
from estab.tcp.acks import take_ack
from estab.tcp.buffers import note_arrival, round_buffers
from estab.tcp.config import SECOND
from estab.tcp.ecn.setup import give_up, hear_again, hear_answer_again
from estab.tcp.options import adopt, adopt_user_timeout
from estab.tcp.queues import own
from estab.tcp.reassembly import Reassembly
from estab.tcp.settle import settle
from estab.tcp.states import (
    CLOSE_WAIT,
    CLOSED,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_1,
    LAST_ACK,
    LISTEN,
    RECEIVING,
    SYN_RECEIVED,
    SYN_SENT,
    Fact,
)
from estab.tcp.timers import NEVER
from estab.wire.options import NO_OPTIONS, timestamps_only
from estab.wire.packet import Buffer
from estab.wire.sequence import unwrap
from estab.wire.tcp import ACK, FIN, RST, SYN, URG, Segment

if TYPE_CHECKING:
    from estab.tcp.connection import Connection

_PAWS_LIFETIME: Final = 24 * 24 * 3600 * SECOND
"""RFC 7323 §5.5: after 24 days of silence TS.Recent proves nothing."""
_MOST_OWED: Final = 255
RARE: Final = SYN | RST | URG
"""Flags that steps of their own are about."""


def arrives(c: Connection, segment: Segment, now: int) -> None:
    """Give a segment to its connection. Its numbers become absolute here."""
    rules = c.host.rules
    segment.ack = unwrap(segment.ack, c.snd_una)
    c.last_heard = now
    if c.state is SYN_SENT:
        steps = rules.syn_sent
    else:
        segment.seq = unwrap(segment.seq, c.rcv_nxt)
        steps = rules.synchronized if segment.flags & RARE else rules.ordinary
    at: Any = now  # an object, which the compiled form would otherwise make for each of them
    for step in steps:
        if step(c, segment, at):
            break
    settle(c, now)
    c.host.on_busy(c)


# ---------------------------------------------------------------------- §3.10.7.1 CLOSED


def answer_closed(segment: Segment) -> Segment | None:
    """The reset that a segment for no connection gets; its numbers are those of the wire. Never for a RST."""
    if segment.flags & RST:
        return None
    return reset_for(segment)


def reset_for(segment: Segment) -> Segment:
    """``<SEQ=SEG.ACK><CTL=RST>``, or ``<SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>`` where there was no ACK.

    Timestamps are answered with TSval 0 and the echo of what came (RFC 7323 §5.2)."""
    stamps = segment.options.timestamps
    options = NO_OPTIONS if stamps is None else timestamps_only(0, stamps[0])
    if segment.flags & ACK:
        return Segment(segment.ack, 0, RST, 0, (), options)
    return Segment(0, segment.seq + segment.span, RST | ACK, 0, (), options)


# ---------------------------------------------------------------------- §3.10.7.2 LISTEN


class Listening(Enum):
    """What a listener does with a segment."""

    DROP = "drop"
    RESET = "reset"
    OPEN = "open"


def answer_listen(segment: Segment) -> Listening:
    """RST, then ACK, then SYN, then nothing else."""
    if segment.flags & RST:
        return Listening.DROP
    if segment.flags & ACK:
        return Listening.RESET
    return Listening.OPEN if segment.flags & SYN else Listening.DROP


def accept_syn(c: Connection, segment: Segment, now: int) -> None:
    """A new connection out of LISTEN takes the SYN: → SYN-RECEIVED. Text and FIN wait for ESTABLISHED."""
    c.passive = True
    c.state = LISTEN
    c.last_heard = now
    if (segment.options.fast_open is not None or not c.config.syn_text) and not c.fast_opened:
        # RFC 7413 §4.2.2: where the cookie does not speak for it, only the SYN is acknowledged.
        _trim_back(segment, segment.length)
        segment.flags &= ~FIN
    _take_syn(c, segment, now)
    c.fact(Fact.SYN, now)
    _rest_of_syn(c, segment, now)
    settle(c, now)
    c.host.on_busy(c)


def answer_again(c: Connection, segment: Segment, now: int) -> None:
    """A half-open connection hears a SYN again: the SYN-ACK comes again, with the newest timestamp."""
    stamps = segment.options.timestamps
    if c.ts_ok and stamps is not None:
        c.ts_recent, c.ts_recent_at = unwrap(stamps[0], c.ts_recent), now
    c.board.mark_lost(c.iss, c.iss + 1)
    c.recovery.forced = True
    c.timers.rto = NEVER
    settle(c, now)
    c.host.on_busy(c)


# ---------------------------------------------------------------------- §3.10.7.3 SYN-SENT


def syn_sent_ack(c: Connection, segment: Segment, now: int) -> bool:
    """First, an ACK for anything but our SYN comes from another time: reset it and stay."""
    if segment.flags & ACK and not c.iss < segment.ack <= c.snd_nxt:
        c.count("TCPSynSentDrop")
        if not segment.flags & RST:
            _owe_reset(c, segment.ack)
        return True
    return False


def syn_sent_reset(c: Connection, segment: Segment, now: int) -> bool:
    """Second, a RST counts only if it acknowledges our SYN."""
    if not segment.flags & RST:
        return False
    if segment.flags & ACK:
        if give_up(c):
            return True
        c.count("AttemptFails")
        c.die(ConnectionRefusedError(errno.ECONNREFUSED, "connection refused"), Fact.RESET, now)
    else:
        c.count("TCPSynSentDrop")
    return True


def syn_sent_syn(c: Connection, segment: Segment, now: int) -> bool:
    """Fourth, a SYN: with the ACK of ours the connection is ESTABLISHED, without it both sides are opening."""
    if not segment.flags & SYN:
        c.count("TCPSynSentDrop")
        return True
    _take_syn(c, segment, now)
    if segment.flags & ACK:
        take_ack(c, segment, now)
        if c.snd_una < c.snd_nxt:
            # RFC 7413 §4.2.2: what the SYN carried and the server did not take goes again at once.
            c.board.mark_lost(c.snd_una, c.snd_nxt)
        c.fact(Fact.SYN_ACKED, now)
        c.acks_owed = 1
        _begin_data(c)
        c.close_if_due(now)
    else:
        c.fact(Fact.SYN, now)
        c.board.mark_lost(c.iss, c.iss + 1)
        c.recovery.forced = True
    _rest_of_syn(c, segment, now)
    return True


def _take_syn(c: Connection, segment: Segment, now: int) -> None:
    """IRS, RCV.NXT, the peer's window (never scaled in a SYN: RFC 7323 §2.2) and its options."""
    c.irs = segment.seq
    c.rcv_nxt = c.last_ack_sent = segment.seq + 1
    c.rcv_edge = c.rcv_nxt + min(c.receive_limit, 65_535)
    adopt(c, segment, now)
    if c.memory is not None:
        c.memory.open(c)
    if c.config.window_follows_buffer:
        round_buffers(c)
    c.snd_wnd = c.max_snd_wnd = segment.window
    c.snd_wl1 = segment.seq
    c.snd_wl2 = segment.ack if segment.flags & ACK else c.iss


def _rest_of_syn(c: Connection, segment: Segment, now: int) -> None:
    """What came with the SYN begins one position after it."""
    segment.seq += 1
    segment.flags &= ~SYN
    _trim(c, segment)
    check_urg(c, segment, now)
    take_text(c, segment, now)
    check_fin(c, segment, now)


# ---------------------------------------------------------------------- §3.10.7.4 all other states


def check_timestamp(c: Connection, segment: Segment, now: int) -> bool:
    """Before the first check: RFC 7323 §3.2 (a missing option) and §5.3 (PAWS).

    A RST is not subject to it; nor is a SYN, which is challenged whatever it carries (RFC 5961 §4.2)."""
    if not c.ts_ok or segment.flags & (RST | SYN):
        return False
    if segment.options.timestamps is None:
        c.count("TCPMissingTimestamp")
        return c.config.timestamps_required
    value = unwrap(segment.options.timestamps[0], c.ts_recent)
    fresh = c.ts_recent_at is not None and now - c.ts_recent_at <= _PAWS_LIFETIME
    if value < c.ts_recent and fresh:
        c.count("PAWSEstab")
        if segment.length or c.config.stale_challenged:
            _answer_unacceptable(c, segment, now)
        return True
    return False


def check_sequence(c: Connection, segment: Segment, now: int) -> bool:
    """First, is any of it in the window? What is in goes on, cut to the window."""
    flags = segment.flags
    if segment.seq == c.rcv_nxt and segment.seq + segment.length <= c.rcv_edge and not flags & (SYN | FIN | RST):
        _note_timestamp(c, segment, now)
        return False
    if not acceptable(c, segment) or (c.memory is not None and not c.memory.swallows(c, segment)):
        c.count("TCPOutOfWindow")
        if not segment.flags & RST:
            _unacceptable(c, segment, now)
        elif c.config.reset_of_fin and segment.seq == c.rcv_nxt - 1 == c.rcv_fin:
            reset(c, now)
        return True
    if not segment.flags & RST:
        _note_timestamp(c, segment, now)
        _trim(c, segment)
    return False


def acceptable(c: Connection, segment: Segment) -> bool:
    """The table of RFC 9293 §3.10.7.4, against the largest right edge ever announced.

    Of a RST only the number counts (RFC 5961 §3.2), so that a closed window does not hide it either (MUST-66)."""
    seq, nxt, edge = segment.seq, c.rcv_nxt, c.rcv_edge
    length = 0 if segment.flags & RST else segment.span
    if length == 0:
        return seq == nxt if edge == nxt else nxt <= seq < edge
    return edge > nxt and (nxt <= seq < edge or nxt < seq + length <= edge or (seq < nxt and seq + length > edge))


def check_rst(c: Connection, segment: Segment, now: int) -> bool:
    """Second, RFC 5961 §3.2: exactly RCV.NXT resets, elsewhere in the window is challenged."""
    if not segment.flags & RST:
        return False
    if segment.seq == c.rcv_nxt:
        reset(c, now)
    else:
        challenge(c, now)
    return True


def reset(c: Connection, now: int) -> None:
    """A valid RST: a passive opening is forgotten, an active one refused, the rest is told."""
    error: OSError | None = ConnectionResetError(errno.ECONNRESET, "connection reset by peer")
    counter = "EstabResets" if c.state in (ESTABLISHED, CLOSE_WAIT) else "TCPAbortOnReset"
    if c.state is SYN_RECEIVED:
        if not c.passive:
            error = ConnectionRefusedError(errno.ECONNREFUSED, "connection refused")
        elif not c.fast_opened:
            error = None
        counter = "AttemptFails"
    c.count(counter)
    c.die(error, Fact.RESET, now)


def check_syn(c: Connection, segment: Segment, now: int) -> bool:
    """Fourth, RFC 5961 §4.2: a SYN is challenged; in SYN-RECEIVED a passive opening starts over."""
    if not segment.flags & SYN:
        return False
    if c.state is SYN_RECEIVED and c.passive and not c.fast_opened:
        c.die(None, Fact.RESET, now)
    else:
        challenge(c, now)
    return True


def check_ack(c: Connection, segment: Segment, now: int) -> bool:
    """Fifth, the ACK field: handshake, SND.UNA, the window, our FIN."""
    if not segment.flags & ACK:
        c.count("TCPMissingAck")
        return True
    if c.state is SYN_RECEIVED:
        if not c.snd_una < segment.ack <= c.snd_nxt:
            c.count("TCPBadHandshakeAck")
            _owe_reset(c, segment.ack)
            return True
        if _defers(c, segment):
            return True
        c.fact(Fact.SYN_ACKED, now)
        _begin_data(c)
    elif segment.ack > c.snd_nxt or (segment.ack < c.snd_una and segment.ack < oldest_valid_ack(c)):
        c.count("TCPChallengeACKRange")
        challenge(c, now)
        return True
    if c.ecn is not None:
        c.ecn.on_packet(c, segment, now)
    take_ack(c, segment, now)
    if c.write_closed:
        _after_ack(c, now)
    return c.state is CLOSED


def _defers(c: Connection, segment: Segment) -> bool:
    """TCP_DEFER_ACCEPT: a bare ACK is forgotten; the peer, for whom the connection is open, will send data."""
    if not c.passive or c.fast_opened or c.retransmissions >= c.config.defer_accept:
        return False
    if segment.length or segment.flags & FIN:
        return False
    c.deferred = True
    c.count("TCPDeferAcceptDrop")
    return True


def oldest_valid_ack(c: Connection) -> int:
    """RFC 5961 §5.2, but never below what was really acknowledged (draft-ietf-tcpm-tcp-ghost-acks)."""
    return max(c.snd_una - c.max_snd_wnd, c.iss + 1 if c.snd_una > c.iss else c.iss)


def check_urg(c: Connection, segment: Segment, now: int) -> bool:
    """Sixth, the urgent pointer names the position after the last urgent byte (RFC 6093 §4).

    Where the window is closed, the announcement is all that can come (RFC 9293 MUST-66)."""
    if not segment.flags & URG or c.state not in RECEIVING or not segment.urgent:
        return False
    mark = segment.seq + segment.urgent
    behind = mark <= c.receive_position or (c.rcv_up is not None and mark <= c.rcv_up)
    if not behind and (mark <= c.rcv_edge or c.rcv_edge == c.rcv_nxt):
        c.rcv_up = mark
        c.urgent_byte = None
        _capture_urgent(c)
        c.host.on_event(c)
    return False


def take_text(c: Connection, segment: Segment, now: int) -> bool:
    """Seventh, the text: in order to the application, out of order to the side (SHLD-31)."""
    if segment.length and c.released and c.config.bsd_calls and c.state in (CLOSING, LAST_ACK):
        _reset_unreadable(c, segment, now)
        return True
    if not segment.length or c.state not in RECEIVING:
        return False
    if c.released:
        _reset_unreadable(c, segment, now)
        return True
    if c.rcv_fin is not None and segment.seq + segment.length > c.rcv_fin:
        _trim_back(segment, segment.seq + segment.length - c.rcv_fin)
    if not segment.length:
        return False
    size = segment.segment_size or segment.length
    largest = size > c.rcv_mss
    if largest:
        c.rcv_mss = min(size, c.advertised_mss())
    if c.memory is not None:
        c.memory.on_segment(c, segment.length, largest)
    if segment.seq == c.rcv_nxt:
        _deliver(c, segment, now)
    else:
        _hold(c, segment)
    return False


def check_fin(c: Connection, segment: Segment, now: int) -> bool:
    """Eighth, the FIN, once everything before it has arrived; one that comes early is remembered."""
    if segment.flags & FIN and c.rcv_fin is None and c.state in RECEIVING:
        _note_fin(c, segment)
    if c.rcv_fin is None or c.rcv_nxt != c.rcv_fin or c.state is SYN_RECEIVED:
        return False
    c.rcv_nxt += 1
    if c.config.adaptive_acks and c.state is ESTABLISHED:
        fin_arrived(c, now)
    else:
        c.acks_owed = max(c.acks_owed, 1)
    c.fact(Fact.FIN, now)
    return False


# ---------------------------------------------------------------------- what the steps are made of


def challenge(c: Connection, now: int) -> None:
    """Owe a challenge ACK, if this connection's budget allows (RFC 5961 §7)."""
    if c.challenge_start is None or now - c.challenge_start >= c.config.challenge_period:
        c.challenge_start = now
        c.challenges = 0
    if c.challenges >= c.config.challenge_acks or c.challenges_owed >= c.config.challenge_acks:
        c.count("TCPACKSkippedChallenge")
        return
    c.challenges += 1
    c.challenges_owed += 1


def owe_ack(c: Connection) -> None:
    """One more acknowledgement at once, of its own."""
    disorder_arrived(c)
    c.acks_owed = min(c.acks_owed + 1, _MOST_OWED)


def _owe_reset(c: Connection, seq: int) -> None:
    if len(c.resets_owed) < 4:
        c.resets_owed += ((seq, None),)


def _answer_unacceptable(c: Connection, segment: Segment, now: int) -> None:
    """Data that comes again is acknowledged each time; what takes no space only within the budget (no ACK wars)."""
    if segment.length or segment.flags & FIN:
        owe_ack(c)
    else:
        challenge(c, now)


def _unacceptable(c: Connection, segment: Segment, now: int) -> None:
    """Answer it, and still use the ACK of what merely repeats the last thing received.

    Without that simultaneous open and close, self-connect and crossed window probes do not converge
    (RFC 9293 appendix A.2); a zero window must not hide an ACK or URG either (MUST-66).
    """
    repeated = segment.seq + segment.span == c.rcv_nxt or (c.rcv_edge == c.rcv_nxt == segment.seq)
    repeated |= c.config.old_acks_count and segment.seq < c.rcv_nxt
    if segment.flags & SYN and segment.seq == c.irs and c.state is SYN_RECEIVED and not segment.flags & ACK:
        if not hear_again(c, segment):
            c.resets_owed += ((c.snd_nxt, c.rcv_nxt),)
            reset(c, now)
            return
        c.board.mark_lost(c.iss, c.iss + 1)
        c.recovery.forced = True
        return
    if segment.flags & SYN:
        hear_answer_again(c, segment)
    segment.ce = 0  # what is out of the window may be forged, and its mark with it (RFC 3168 §6.1.5)
    if segment.length and c.sack_ok:
        _side(c).note_duplicate(segment.seq, min(segment.seq + segment.length, c.rcv_nxt))
    _answer_unacceptable(c, segment, now)
    # One answer is enough: a bad ACK in it gets none of its own.
    oldest = c.snd_una + (c.state is SYN_RECEIVED)
    if repeated and segment.flags & ACK and oldest <= segment.ack <= c.snd_nxt:
        check_ack(c, segment, now)
        check_urg(c, segment, now)


def _note_timestamp(c: Connection, segment: Segment, now: int) -> None:
    """RFC 7323 §4.3: only a segment that spans what we acknowledged last says what to echo.

    Nor does one whose ACK will be refused: a forged TSval from the future would shut the peer out (CVE-2005-0356)."""
    stamps = segment.options.timestamps
    if c.ts_ok and stamps is not None and segment.seq <= c.last_ack_sent:
        value = unwrap(stamps[0], c.ts_recent)
        stale = c.ts_recent_at is None or now - c.ts_recent_at > _PAWS_LIFETIME
        if value == c.ts_recent:
            c.ts_recent_at = now
        elif (value > c.ts_recent or stale) and _acknowledges(c, segment):
            c.ts_recent = value
            c.ts_recent_at = now
    if segment.options.user_timeout and _acknowledges(c, segment):
        adopt_user_timeout(c, segment)


def _acknowledges(c: Connection, segment: Segment) -> bool:
    return segment.flags & ACK > 0 and oldest_valid_ack(c) <= segment.ack <= c.snd_nxt


def _trim(c: Connection, segment: Segment) -> None:
    """Cut off what is before RCV.NXT and what is beyond the window, SYN and FIN included."""
    before = c.rcv_nxt - segment.seq
    beyond = segment.seq + segment.span - c.rcv_edge
    if before <= 0 and beyond <= 0:
        return
    if before > 0:
        if segment.length and c.sack_ok:
            _side(c).note_duplicate(segment.seq, min(segment.seq + segment.length, c.rcv_nxt))
        if segment.flags & SYN:
            segment.flags &= ~SYN
            before -= 1
            segment.seq += 1
        _trim_front(segment, before)
    if beyond > 0:
        if segment.flags & FIN:
            segment.flags &= ~FIN
            beyond -= 1
        _trim_back(segment, beyond)


def _trim_front(segment: Segment, count: int) -> None:
    count = min(count, segment.length)
    segment.seq += count
    segment.length -= count
    segment.urgent = max(segment.urgent - count, 0)
    payload = list(segment.payload)
    while count:
        gone = min(count, len(payload[0]))
        payload[0] = payload[0][gone:]
        if not payload[0]:
            del payload[0]
        count -= gone
    segment.payload = tuple(payload)


def _trim_back(segment: Segment, count: int) -> None:
    count = min(count, segment.length)
    segment.length -= count
    payload = list(segment.payload)
    while count:
        gone = min(count, len(payload[-1]))
        payload[-1] = payload[-1][: len(payload[-1]) - gone]
        if not payload[-1]:
            del payload[-1]
        count -= gone
    segment.payload = tuple(payload)


def _begin_data(c: Connection) -> None:
    """The handshake is over: RFC 6298 §5.7, RFC 6928 §2 (a lost SYN, more than once, is a sign of congestion)."""
    c.rtt.on_handshake(c.syn_retransmitted > 0)
    if c.syn_retransmitted > 1:
        c.congestion.on_syn_loss()


def _after_ack(c: Connection, now: int) -> None:
    """What the ACK of our FIN means in each state."""
    c.close_if_due(now)
    if c.fin_acked and c.state in (FIN_WAIT_1, CLOSING):
        c.fact(Fact.FIN_ACKED, now)
    elif c.fin_acked and c.state is LAST_ACK:
        c.die(None, Fact.FIN_ACKED, now)


def _reset_unreadable(c: Connection, segment: Segment, now: int) -> None:
    """Data for an application that has closed cannot be delivered: say so (RFC 2525 §2.17).

    The number is the one that the peer expects, by its own word: no other resets it (RFC 5961 §3.2)."""
    c.count("TCPAbortOnData")
    c.resets_owed += ((segment.ack, None),)
    c.die(ConnectionAbortedError(errno.ECONNABORTED, "data arrived after close"), Fact.ABORT, now)


def _deliver(c: Connection, segment: Segment, now: int) -> None:
    fills = c.reassembly is not None and len(c.reassembly) > 0
    if fills:
        # What was held came first and stays, whatever this segment says about the same positions.
        side = _side(c)
        side.insert(segment.seq, segment.payload, in_order=True)
        for chunk in side.take(c.rcv_nxt):
            _append(c, chunk)
    else:
        for view in segment.payload:
            _append(c, own(view))
    if c.rcv_up is not None:
        _capture_urgent(c)
    if c.receive_tuned:
        note_arrival(c, segment, now)
    c.host.on_event(c)
    if c.config.adaptive_acks:
        data_arrived(c, segment, fills, now)
    if fills:
        owe_ack(c)
    elif c.config.adaptive_acks:
        return
    elif c.rcv_nxt - c.last_ack_sent >= 2 * c.rcv_mss:
        if not c.acks_owed:
            c.acks_owed = 1
    elif c.config.ack_every_second and c.timers.delayed_ack != NEVER:
        c.acks_owed = max(c.acks_owed, 1)
    elif c.timers.delayed_ack == NEVER:
        c.timers.delayed_ack = now + c.config.delayed_ack


def _append(c: Connection, chunk: Buffer) -> None:
    c.rcv_nxt += len(chunk)
    if not c.read_closed:
        c.receive_queue.append(chunk)


def _hold(c: Connection, segment: Segment) -> None:
    if not _side(c).insert(segment.seq, segment.payload):
        c.count("OfoPruned")
    c.count("TCPOFOQueue")
    owe_ack(c)


def _side(c: Connection) -> Reassembly:
    if c.reassembly is None:
        c.reassembly = Reassembly(c.config.reassembly_pieces, c.config.dsack)
    return c.reassembly


def _note_fin(c: Connection, segment: Segment) -> None:
    """The first FIN seen fixes the place; one before data already held contradicts it and is ignored."""
    place = segment.seq + segment.length
    held = c.reassembly.ranges.ends if c.reassembly is not None else []
    if place < c.rcv_nxt or (held and held[-1] > place):
        c.count("TCPFinIgnored")
        return
    c.rcv_fin = place
    if place != c.rcv_nxt and not segment.length:
        # Text has asked for its own: no segment is acknowledged twice (RFC 5681 §4.2).
        owe_ack(c)


def _capture_urgent(c: Connection) -> None:
    """The urgent byte can be read out of band as soon as it is there."""
    if c.rcv_up is None or c.urgent_byte is not None:
        return
    offset = c.rcv_up - 1 - c.receive_position
    if 0 <= offset < c.receive_queue.size:
        c.urgent_byte = c.receive_queue.byte_at(offset)
