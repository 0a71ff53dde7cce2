"""Carrying out what ``plan`` decided: the segment, and every fact that sending it establishes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from estab.tcp.config import MILLISECOND, SECOND
from estab.tcp.ecn.setup import offer
from estab.tcp.observer import Reason
from estab.tcp.options import segment_options, syn_options
from estab.tcp.sampling import stamp
from estab.tcp.settle import arm_tail_probe, lose_probe, settle
from estab.tcp.states import SYN_SENT
from estab.tcp.timers import NEVER
from estab.wire.options import NO_OPTIONS, timestamps_only
from estab.wire.tcp import ACK, FIN, RST, SYN, URG, Segment

if TYPE_CHECKING:
    from estab.tcp.connection import Connection
    from estab.tcp.plan import Emission

_MAX_FIELD: Final = 65_535
_LATE: Final = MILLISECOND


def emit(c: Connection, emission: Emission, now: int) -> Segment:
    """The segment of ``emission``; what this returns counts as sent."""
    seq, length, flags, size = emission.seq, emission.length, emission.flags, emission.segment_size
    if flags & RST:
        segment = _reset(c, seq, flags, now)
    else:
        payload = c.send_queue.view(seq + bool(flags & SYN), length) if length else ()
        segment = Segment(seq, c.rcv_nxt, flags, 0, payload)
        segment.window = _announce(c, flags)
        segment.options = syn_options(c, now) if flags & SYN else segment_options(c, now, length)
        if flags & URG and c.snd_up is not None:
            segment.urgent = c.snd_up - seq
        if flags & SYN:
            offer(c, segment)
        elif c.ecn is not None:
            c.ecn.dress(c, segment)
        if length > size > 0:
            segment.segment_size = size
            segment.segments = -(-length // size)
        _record(c, emission, segment, now)
    segment.source_port = c.local_port
    segment.destination_port = c.remote_port
    if c.host.observer is not None:
        c.host.observer.sent(now, c, segment, emission.reason)
    return segment


def _reset(c: Connection, seq: int, flags: int, now: int) -> Segment:
    """One that ends the connection of its own accord has a timestamp, like every segment of it (RFC 7323 §3.2)."""
    _, ack = c.resets_owed[0]
    c.resets_owed = c.resets_owed[1:]
    c.count("OutRsts")
    segment = Segment(seq, ack or 0, flags, 0)
    segment.options = NO_OPTIONS
    if ack is not None and c.ts_ok:
        segment.options = timestamps_only(c.timestamp(now) & 0xFFFFFFFF, c.ts_recent & 0xFFFFFFFF)
    return segment


def _announce(c: Connection, flags: int) -> int:
    """The window field; the edge that it announces is remembered, as what is below it must be accepted."""
    if c.state is SYN_SENT:
        return min(c.receive_limit, _MAX_FIELD)
    if flags & SYN:
        return min(c.rcv_edge - c.rcv_nxt, _MAX_FIELD)
    field = (c.receive_window_edge() - c.rcv_nxt) >> c.rcv_wscale
    if field > _MAX_FIELD:
        field = _MAX_FIELD
    edge = c.rcv_nxt + (field << c.rcv_wscale)
    if edge > c.rcv_edge:
        c.rcv_edge = edge
    return field


def _record(c: Connection, emission: Emission, segment: Segment, now: int) -> None:
    reason, seq, length, flags = emission.reason, emission.seq, emission.length, emission.flags
    if length and flags & SYN and c.fast_open is not None:
        c.fast_open.carried = length
    if flags & (SYN | FIN):
        _record_sequence(c, emission, seq + length + bool(flags & SYN) + bool(flags & FIN), now)
    elif length:
        _record_probe(c, reason)
        _record_sequence(c, emission, seq + length, now)
    elif c.probe_owed or c.keepalive_owed:
        _record_probe(c, reason)
        settle(c, now)
    if flags & ACK:
        _record_ack(c, reason, segment)


def _record_probe(c: Connection, reason: Reason) -> None:
    if reason is Reason.WINDOW_PROBE:
        c.probe_owed = False
        c.count("TCPWinProbe")
    elif reason is Reason.KEEPALIVE:
        c.keepalive_owed = False
        c.count("TCPKeepAlive")


def _record_sequence(c: Connection, emission: Emission, end: int, now: int) -> None:
    """Sequence space was sent: on the board it goes, and the timers follow."""
    reason, seq, length = emission.reason, emission.seq, emission.length
    repeated = end <= c.snd_nxt
    c.board.sent(seq, end, now, stamp(c, end - seq, now))
    if c.pushes is not None:
        c.pushes.on_sent(end, c.override)
    c.last_sent = now
    if not repeated:
        c.snd_nxt = end
        if c.ack_delay is not None:
            c.ack_delay.on_answer(now)
        if c.wants_room and c.notsent_limit is not None and c.writable:
            c.wants_room = False
            c.host.on_event(c)
        c.override = False
        if length and length % c.mss:
            c.snd_sml = end
        if c.recovery.trial is not None:
            c.recovery.trial.room -= length
        if c.path.searching and reason is Reason.MTU_PROBE:
            c.path.probe_sent(length - c.mss + c.path.mtu, seq, end)
            c.count("TCPMTUProbe")
    else:
        c.recovery.on_repeated(seq, end, c.snd_nxt, now)
        if c.path.was_repeated(seq, end):
            lose_probe(c, now)
        if seq == c.snd_una:
            # Its answer needs as long as that of any segment; the timer would else run out on the way.
            c.timers.rto = now + c.rtt.rto
        c.count("RetransSegs")
        if seq == c.iss:
            c.syn_retransmitted += 1
    if c.prr.base:
        c.prr.on_sent(end - seq)
    if c.congestion.paced:
        _pace(c, end - seq, now)
    settle(c, now)
    if c.sack_ok:
        _settle_tail_probe(c, reason, repeated, now)


def _pace(c: Connection, size: int, now: int) -> None:
    """When the next segment may leave. A late wake-up is made up for; having had nothing to send is not."""
    rate = c.congestion.pacing_rate(c.rtt.srtt)
    if not rate:
        return
    earliest = now - max(c.pace_credit, _LATE)
    if c.pace_next is not None and c.pace_next > earliest:
        earliest = c.pace_next
    c.pace_next = earliest + size * SECOND // rate
    if c.pace_next > now:
        c.pace_credit = 0
        c.timers.pace = c.pace_next
    else:
        c.timers.pace = NEVER


def _settle_tail_probe(c: Connection, reason: Reason, repeated: bool, now: int) -> None:
    if reason is Reason.TAIL_PROBE:
        c.tail.sent(c.snd_nxt, repeated)
        c.timers.rto = now + c.rtt.rto
        c.count("TCPLossProbes")
    elif not repeated:
        c.tail.flight = c.snd_nxt - c.snd_una
        arm_tail_probe(c, now)


def _record_ack(c: Connection, reason: Reason, segment: Segment) -> None:
    """Every segment with an ACK settles one debt, and the delayed one."""
    if c.challenges_owed and reason is Reason.CHALLENGE:
        c.challenges_owed -= 1
        c.count("TCPChallengeACK")
    elif c.acks_owed:
        c.acks_owed -= 1
    c.timers.delayed_ack = NEVER
    if c.ack_delay is not None:
        c.ack_delay.on_sent()
    c.last_ack_sent = c.rcv_nxt
    c.unread_at_ack = c.receive_queue.size
    if c.reassembly is not None and (segment.options.sack or not segment.length):
        c.reassembly.reported()
