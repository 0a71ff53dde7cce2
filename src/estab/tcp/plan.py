"""What goes out now and why, or until when to wait: RFC 9293 §3.8 as one pure decision.

Nothing here changes anything; ``output.emit`` carries a decision out. "What goes out" and "when do you wake me"
cannot disagree, because both are this answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from estab.tcp.acks import burst
from estab.tcp.observer import Reason
from estab.tcp.pushes import defers
from estab.tcp.recovery import LOSS, OPEN
from estab.tcp.states import CLOSE_WAIT, CLOSED, CLOSING, ESTABLISHED, FIN_WAIT_1, LAST_ACK, SYN_SENT, TIME_WAIT
from estab.tcp.timers import NEVER
from estab.wire.tcp import ACK, FIN, PSH, RST, SYN, URG

if TYPE_CHECKING:
    from estab.tcp.connection import Connection
    from estab.tcp.pushes import Pushes


class Emission:
    """One segment: ``length`` payload bytes from position ``seq`` on."""

    __slots__ = ("flags", "length", "reason", "segment_size", "seq")

    def __init__(self, reason: Reason, seq: int, length: int, flags: int, segment_size: int) -> None:
        self.reason: Reason = reason
        self.seq: int = seq
        self.length: int = length
        self.flags: int = flags
        self.segment_size: int = segment_size
        """Payload bytes of each wire packet that the segment is cut into."""


Plan = Emission | int
"""What goes out now; or nothing, before that time (ns; ``NEVER``: only an event can change that)."""

_DATA: Final = Reason.DATA
_ACK: Final = Reason.ACK
_FARTHEST: Final = 65_535
"""Bytes from a segment's first one to where its urgent pointer may point."""
_TRANSFER: Final = frozenset({ESTABLISHED, CLOSE_WAIT, FIN_WAIT_1, CLOSING, LAST_ACK})


def plan(c: Connection, now: int) -> Plan:
    """The next thing to send, most urgent first, or until when to wait."""
    if c.resets_owed:
        return _reset(c)
    if c.state is CLOSED or c.state is TIME_WAIT:
        return _last_acknowledgement(c) or c.timers.earliest()
    emission = None
    if c.snd_nxt == c.iss:
        emission = _syn(c, Reason.SYN if c.state is SYN_SENT else Reason.SYN_ACK)
    elif c.acks_owed and _telling(c):
        # Data would have no room for SACK blocks, and an ACK with data is no duplicate ACK (RFC 5681 §2).
        emission = Emission(_ACK, c.snd_nxt, 0, ACK, 0)
    elif c.board.lost and (c.recovery.trial is None or c.recovery.forced):
        emission = _retransmission(c)
    if emission is None and (c.state in _TRANSFER or _may_answer(c)) and c.timers.pace == NEVER:
        emission = _tail_probe(c) if c.tail.owed else _new_data(c, now)
    if emission is None:
        emission = _acknowledgement(c)
    return c.timers.earliest() if emission is None else emission


def _may_answer(c: Connection) -> bool:
    """Before the handshake is over: an initial window, and no more once the SYN-ACK seems lost (RFC 7413 §5.2)."""
    return c.fast_opened and not c.syn_retransmitted


def _telling(c: Connection) -> bool:
    return (c.reassembly is not None and c.reassembly.telling) or (c.ecn is not None and c.ecn.telling)


def _reset(c: Connection) -> Emission:
    seq, ack = c.resets_owed[0]
    return Emission(Reason.RESET, seq, 0, RST if ack is None else RST | ACK, 0)


def _syn(c: Connection, reason: Reason) -> Emission:
    """The first one carries what fast open lets it (RFC 7413 §4.2.2); again it is sent alone."""
    if c.state is not SYN_SENT:
        return Emission(reason, c.iss, 0, SYN | ACK, 0)
    carried = 0 if c.fast_open is None or c.snd_nxt > c.iss else min(len(c.send_queue), c.fast_open.limit)
    return Emission(reason, c.iss, carried, SYN, 0)


def _retransmission(c: Connection) -> Emission | None:
    """The lowest hole, as a hole, when the network has room for it (RFC 5681 §3.2 step 3, RFC 6298 §5.4)."""
    hole = c.board.first_lost()
    if hole is None or not c.host.rules.retransmits(c, hole[0]):
        return None
    start, end = hole
    if start == c.iss:
        return _syn(c, Reason.TIMEOUT)
    if c.snd_una == c.iss:
        # What went with the SYN, or before its acknowledgement, waits for that.
        return None
    room = c.congestion.cwnd - c.recovery.pipe(c.board)
    if c.recovery.forced:
        room = max(room, c.mss)
    if room < min(c.mss, end - start):
        return None
    last = min(end, c.send_queue.end)
    length = min(last - start, max(room - room % c.mss, c.mss), c.largest)
    if c.snd_up is not None:
        length = min(length, _reach(c))
    flags = ACK
    if c.pushes is not None:
        length = c.pushes.until_end(start, length)
        flags |= _push(c, c.pushes, start, length)
    elif start + length == c.send_queue.end == end:
        flags |= PSH
    if start + length == c.send_queue.end < end:
        flags |= FIN
    reason = Reason.TIMEOUT if c.recovery.phase is LOSS else Reason.RETRANSMISSION
    return Emission(reason, start, length, flags | _urgent(c, start), c.mss)


def _tail_probe(c: Connection) -> Emission | None:
    """One more segment although the window may be full: new data if there is some, else the last one again (§7.3)."""
    unsent = min(c.unsent, c.usable_window, c.mss)
    if unsent > 0:
        flags = ACK | (PSH if c.pushes is None else _push(c, c.pushes, c.snd_nxt, unsent))
        return Emission(Reason.TAIL_PROBE, c.snd_nxt, unsent, flags, c.mss)
    start = max(c.snd_nxt - c.mss, c.snd_una, c.iss + 1)
    length = min(c.snd_nxt, c.send_queue.end) - start
    flags = ACK | (FIN if c.snd_nxt > c.send_queue.end else 0)
    if length:
        flags |= PSH if c.pushes is None else _push(c, c.pushes, start, length)
    return Emission(Reason.TAIL_PROBE, start, length, flags, c.mss)


def _new_data(c: Connection, now: int) -> Emission | None:
    """New data or FIN, as far as the peer's window and the congestion window allow."""
    start = c.snd_nxt
    unsent = c.send_queue.end - start
    if unsent <= 0 and (unsent or not c.write_closed):
        return None
    usable = c.snd_una + c.snd_wnd - start
    if unsent == 0:
        return Emission(Reason.FIN, start, 0, ACK | FIN, 0) if usable > 0 else None
    trial = c.recovery.trial
    room = c.congestion.cwnd - c.recovery.pipe(c.board) if trial is None else trial.room
    if c.path.searching:
        size = _probe_size(c, min(unsent, usable), room)
        if size:
            return Emission(Reason.MTU_PROBE, start, size, ACK | _urgent(c, start), size)
    length = _worthwhile(c, unsent, usable, room)
    if length <= 0:
        return None
    flags = ACK
    if c.snd_up is not None:
        flags |= _urgent(c, start)
        length = min(length, _reach(c))
    if c.pushes is not None:
        if defers(c, min(usable, room), unsent, now):
            return None
        length = c.pushes.until_mark(start, length)
        flags |= _push(c, c.pushes, start, length)
    elif length == unsent:
        flags |= PSH
    if length == unsent and c.write_closed and usable > length:
        flags |= FIN
    return Emission(_DATA, start, length, flags, c.mss)


def _push(c: Connection, pushes: Pushes, start: int, length: int) -> int:
    pushed = length > c.mss or (length and pushes.marked(start + length))
    return PSH if pushed or (c.override and length < c.unsent) else 0


def _worthwhile(c: Connection, unsent: int, usable: int, room: int) -> int:
    """How many bytes are worth a segment now, 0 for none (RFC 9293 §3.7.4, §3.8.6.2.1)."""
    length = usable if usable < room else room
    if unsent < length:
        length = unsent
    if length < c.mss:
        return length if length > 0 and _small_allowed(c, length, unsent) else 0
    goal = burst(c) // c.mss * c.mss
    if length > goal:
        length = goal
    tail = length % c.mss
    if tail and not (length == unsent and _tail_allowed(c)):
        length -= tail
    if length < min(goal, unsent) and c.pushes is None and _window_will_open(c, length):
        return 0
    return length


def _small_allowed(c: Connection, length: int, unsent: int) -> bool:
    """Less than a full segment: Nagle's algorithm, and silly-window avoidance on our side."""
    if c.override:
        return True
    if length < unsent:
        return not c.board.ranges and 2 * length >= c.max_snd_wnd
    return _tail_allowed(c) or not (c.corked or c.board.ranges)


def _tail_allowed(c: Connection) -> bool:
    """The last, small piece of what was written may go although something is unacknowledged."""
    if c.write_closed or c.snd_up is not None:
        return True
    if c.corked:
        return False
    return c.nodelay or c.send_queue.end <= c.idle_end or (c.config.nagle_minshall and c.snd_sml <= c.snd_una)


def _window_will_open(c: Connection, length: int) -> bool:
    """Waiting for a fuller segment is safe while something is in flight, and right unless the window is small."""
    if not c.board.ranges or c.recovery.duplicates or c.recovery.phase is not OPEN:
        return False
    return 8 * length < c.snd_wnd


def _probe_size(c: Connection, available: int, room: int) -> int:
    """Payload of a path-MTU probe, 0 when none is due or it would not be a fair test (RFC 4821 §7.4)."""
    if c.recovery.phase is not OPEN:
        return 0
    size = c.path.next_probe()
    if not size:
        return 0
    payload = c.mss + size - c.path.mtu
    # What follows it shows that it was lost, without a timeout.
    others = c.config.duplicate_threshold * c.mss
    return payload if c.mss < payload <= min(available - others, c.congestion.cwnd - others, room, c.peer_mss) else 0


def _probe(c: Connection) -> Emission:
    """A probe repeats an old position, so that it must be answered and delivers nothing (§3.8.4, §3.8.6.1)."""
    if c.probe_owed and c.config.persist_with_text and c.unsent > 0:
        return Emission(Reason.WINDOW_PROBE, c.snd_nxt, 1, ACK if c.unsent > 1 else ACK | PSH, c.mss)
    if c.probe_owed:
        return Emission(Reason.WINDOW_PROBE, c.snd_una - 1, 0, ACK, 0)
    return Emission(Reason.KEEPALIVE, c.snd_nxt - 1, 0, ACK, 0)


def _acknowledgement(c: Connection) -> Emission | None:
    """Probes, then what is owed, then what is only worth telling."""
    if c.probe_owed or c.keepalive_owed:
        return _probe(c)
    if c.state is SYN_SENT:
        return None
    if c.challenges_owed:
        return Emission(Reason.CHALLENGE, c.snd_nxt, 0, ACK, 0)
    if c.acks_owed or (c.unread_at_ack and _window_update_due(c)):
        return Emission(_ACK, c.snd_nxt, 0, ACK, 0)
    return None


def _last_acknowledgement(c: Connection) -> Emission | None:
    """The FIN that ended the connection is acknowledged before its memory goes."""
    return Emission(Reason.ACK, c.snd_nxt, 0, ACK, 0) if c.acks_owed else None


def _window_update_due(c: Connection) -> bool:
    """Reading has opened the window by so much that the peer should know (RFC 9293 §3.8.6.2.2)."""
    read = c.unread_at_ack - c.receive_queue.size
    if read <= 0 or c.rcv_fin is not None:
        return False
    if c.memory is not None:
        return c.memory.worth_telling(c)
    if c.config.window_follows_buffer:
        return _step_is_large(c)
    left = c.rcv_edge - c.rcv_nxt
    step = min(c.receive_limit // 2, c.rcv_mss)
    enough = step if left < 2 * c.rcv_mss else max(c.receive_limit // 4, step)
    return read >= enough and c.receive_window_edge() - c.rcv_edge >= step


def _step_is_large(c: Connection) -> bool:
    """FreeBSD's measure: half the buffer, or two segments that are a quarter of it or come where little was left."""
    limit, size = c.receive_limit, min(c.peer_mss, c.advertised_mss())
    edge = c.receive_window_edge()
    step = edge - c.rcv_edge
    few = edge - c.rcv_nxt <= limit // 8 or limit <= 8 * size
    return 2 * step >= limit or (step >= 2 * size and (4 * step >= limit or few))


def _reach(c: Connection) -> int:
    """The most in a segment while there is urgent data: none may carry that byte and not be able to point at it."""
    return max(_FARTHEST - _FARTHEST % c.mss, c.mss)


def _urgent(c: Connection, start: int) -> int:
    return URG if c.snd_up is not None and start < c.snd_up <= start + _FARTHEST else 0
