"""Accurate ECN (RFC 9768): how many packets and bytes were marked, on every segment.

Both roles of one connection: the receiver's counters are ``received_…`` (r.cep, r.ceb … in the RFC), the sender's copy
of the peer's is ``told_…`` (s.cep, s.ceb).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from estab.tcp.ecn.feedback import EcnFeedback, hurry
from estab.tcp.snapshot import Slots
from estab.wire.options import MAX_OPTIONS, emit_options
from estab.wire.packet import ECN_CE, ECN_ECT0, ECN_ECT1, ECN_NOT_ECT
from estab.wire.tcp import AE, CWR, ECE, SYN

if TYPE_CHECKING:
    from estab.tcp.connection import Connection
    from estab.wire.tcp import Segment

ACE: Final = AE | CWR | ECE
"""The three flags as one number, AE its highest bit."""
_ACE_SHIFT: Final = 6
_CYCLE: Final = 8
_FIRST_PACKETS: Final = 5
"""Where the packet counters begin; so zero, and what an old host sends, means something else (§3.2.1)."""
_GREETING: Final = {ECN_NOT_ECT: 0b010, ECN_ECT1: 0b011, ECN_ECT0: 0b100, ECN_CE: 0b110}
"""How the handshake tells which codepoint the peer's SYN, or SYN-ACK, came with (tables 2 and 3)."""
_REFUSED: Final = 0
_FIELD: Final = 0xFFFFFF
"""A byte counter on the wire is its low 24 bits."""
_OPTION: Final = 2
_COUNTER: Final = 3
_MARKS_PER_ACK: Final = 2
_MARKS_ON_ACKS: Final = 3
"""n of §3.2.2.5.1: with data to acknowledge, and without."""
_THIN: Final = 4
"""Packets per acknowledgement: above that a wrapped counter is no safer guess (appendix A.2.1)."""


class AccurateEcn(EcnFeedback):
    """Sends and reads the ACE field and the option; see ``setup.py`` for the flags of SYNs."""

    __slots__ = (
        *("greeting", "heeds", "peer_codepoint", "received_packets", "received_ce", "received_ect0", "received_ect1"),
        *("reported", "unreported_marks", "last_marked", "told_packets", "told_ce", "option_packets", "option_acked"),
        *("option_seen", "option_believed", "stride", "clean", "rounds", "round_end"),
    )
    PLAIN: ClassVar[Slots] = (
        *EcnFeedback.PLAIN,
        *("greeting", "heeds", "peer_codepoint", "received_packets", "received_ce", "received_ect0", "received_ect1"),
        *("reported", "unreported_marks", "last_marked", "told_packets", "told_ce", "option_packets", "option_acked"),
        *("option_seen", "option_believed", "stride", "clean", "rounds"),
    )
    SENT: ClassVar[Slots] = (*EcnFeedback.SENT, "round_end")

    name: ClassVar[str] = "accurate"

    def __init__(self, iss: int, sends: bool, codepoint: int = ECN_NOT_ECT) -> None:
        """``codepoint``: what the peer's SYN or SYN-ACK came with."""
        super().__init__(iss, sends)
        self.greeting: bool = True
        """The handshake's own ACK is still to come (passive) or to be sent (active)."""
        self.peer_codepoint: int = codepoint
        self._init_receiver()
        self._init_sender(iss)

    def _init_receiver(self) -> None:
        self.received_packets: int = _FIRST_PACKETS
        """Marked packets."""
        self.received_ce: int = 0
        """Bytes of payload that came with CE; likewise with ECT(0) and ECT(1), which begin at 1 (§3.2.1)."""
        self.received_ect0: int = 1
        self.received_ect1: int = 1
        self.reported: tuple[int, int, int] = (1, 0, 1)
        """ECT(0), CE and ECT(1) as our last option said."""
        self.unreported_marks: int = 0
        """Marked packets since our last segment."""
        self.last_marked: bool = False

    def _init_sender(self, iss: int) -> None:
        self.heeds: bool = True
        """What the peer tells is believed."""
        self.told_packets: int = _FIRST_PACKETS
        self.told_ce: int = 0
        self.option_packets: int = _FIRST_PACKETS
        """``told_packets`` at the last option, and packets acknowledged since."""
        self.option_acked: int = 0
        self.option_seen: bool = False
        self.option_believed: bool = True
        self.stride: int = _CYCLE
        """Packets per acknowledgement, smoothed, in eighths."""
        self.clean: bool = False
        """Something has arrived without a mark: the path does not mark everything (§3.2.2.3)."""
        self.rounds: int = 0
        self.round_end: int = iss

    # ------------------------------------------------------------------ the handshake

    def syn_ack(self, c: Connection, segment: Segment, transmission: int) -> None:
        """The first with the option, the second without, then one that any middlebox lets pass (§3.2.3.2.2)."""
        if transmission > 2:
            self.sends = False
            return
        segment.flags |= _GREETING[self.peer_codepoint] << _ACE_SHIFT
        if transmission == 1:
            self._add_option(segment, MAX_OPTIONS - len(emit_options(segment.options)), True)

    def take_greeting(self, c: Connection, segment: Segment, now: int) -> bool:
        """What the handshake's ACK, or the SYN-ACK, says about the codepoint that ours arrived with: Not-ECT, or
        somebody writes over it, and nothing more goes out as ECT (§3.2.2.3). True: it met congestion."""
        ace = segment.flags >> _ACE_SHIFT & 7
        if ace == _REFUSED:
            # Not in this mode, as it has seen a SYN-ACK without the flags (§3.2.2.1).
            self.sends = self.heeds = False
        elif ace in _GREETING.values() and ace != _GREETING[ECN_NOT_ECT]:
            self.sends = False
            c.count("TCPECNMangled")
        if ace != _GREETING[ECN_CE]:
            return False
        c.congestion.on_ecn(now, c.congestion.cwnd)
        return True

    # ------------------------------------------------------------------ the receiver

    def on_packet(self, c: Connection, segment: Segment, now: int) -> None:
        if segment.flags & SYN:
            return
        if c.passive and self.greeting:
            self._on_first_packet(c, segment, now)
        length = segment.length
        if segment.ce:
            self._on_marks(c, segment)
        elif length:
            self.last_marked = False
            if segment.ecn == ECN_ECT0:
                self.received_ect0 += length
            elif segment.ecn == ECN_ECT1:
                self.received_ect1 += length

    def _on_first_packet(self, c: Connection, segment: Segment, now: int) -> None:
        """A pure ACK ends the handshake and has a code of its own; from here on it counts as any other (§3.2.2.1)."""
        self.greeting = False
        if segment.length or segment.options.sack:
            return
        if self.take_greeting(c, segment, now):
            self.told_packets = _FIRST_PACKETS + 1
        segment.flags = segment.flags & ~ACE | self.told_packets % _CYCLE << _ACE_SHIFT

    def _on_marks(self, c: Connection, segment: Segment) -> None:
        """§3.2.2.5.1: the first of a run of marks is told at once, and each few."""
        self.marked += segment.ce
        self.received_packets += segment.ce
        self.received_ce += segment.length
        self.unreported_marks += segment.ce
        if segment.length:
            if not self.last_marked or self.unreported_marks >= _MARKS_PER_ACK:
                hurry(c, segment)
            self.last_marked = True
        elif self.unreported_marks >= _MARKS_ON_ACKS:
            hurry(c, segment)

    @property
    def telling(self) -> bool:
        """New marks in bytes, or the handshake's ACK, for which only a pure acknowledgement is sure to have room."""
        return self.greeting or self.received_ce != self.reported[1]

    def dress(self, c: Connection, segment: Segment) -> None:
        ace = self.received_packets % _CYCLE
        length = segment.length
        first = self.greeting and not c.passive
        if first and not length and not segment.options.sack:
            self.greeting = False
            ace = _GREETING[self.peer_codepoint]
        segment.flags |= ace << _ACE_SHIFT
        self.unreported_marks = 0
        again = length and segment.seq < c.snd_nxt
        if length and not again:
            segment.ecn = ECN_ECT0 if self.sends else ECN_NOT_ECT
        counters = (self.received_ect0, self.received_ce, self.received_ect1)
        if (first or counters != self.reported) and not again:
            blocks = len(segment.options.sack)
            room = MAX_OPTIONS - 12 * c.ts_ok - (4 + 8 * blocks if blocks else 0)
            self._add_option(segment, min(room, c.mss - length) if length else room, first)

    def _add_option(self, segment: Segment, room: int, whole: bool) -> None:
        """All counters that have ever changed, or none if they do not fit; ``whole``: all three (§3.2.3.3)."""
        ect0, ce, ect1 = self.received_ect0, self.received_ce, self.received_ect1
        turned = ect1 > 1 and ect0 == 1
        order = (ect1, ce, ect0) if turned else (ect0, ce, ect1)
        count = 3 if whole or order[2] > 1 else 2 if ce else 1
        if _OPTION + _COUNTER * count > room:
            return
        fields = tuple(value & _FIELD for value in order[:count])
        if turned:
            segment.options = segment.options._replace(accurate_ecn_1=fields)
        else:
            segment.options = segment.options._replace(accurate_ecn_0=fields)
        self.reported = (ect0, ce, ect1)

    # ------------------------------------------------------------------ the sender

    def on_ack(self, c: Connection, segment: Segment, news: int) -> bool:
        if segment.flags & SYN or not news or segment.ack <= c.iss + 1:
            return False
        packets = -(-news // c.mss)
        # One counter of three bits and one of bytes, either of which may be missing or have wrapped (appendix A.2).
        stated = ((segment.flags >> _ACE_SHIFT) - self.told_packets) % _CYCLE
        marked_bytes = self._take_option(segment)
        thin = self.stride > _THIN * 8
        self.stride += packets - self.stride // 8
        marks = newly_marked(stated, packets, marked_bytes, c.mss, believe=thin)
        self.told_packets += marks
        self.option_acked += packets
        if marked_bytes is not None:
            self._compare(c, marked_bytes)
        if not self.clean:
            self._test_for_mangling(c, marks < packets)
        return marks > 0 and self.heeds

    def _take_option(self, segment: Segment) -> int | None:
        """By how much the peer's count of marked bytes has grown; None: it does not say, or it cannot be believed.

        A counter that was cut off has not changed (§3.2.3)."""
        first, second = segment.options.accurate_ecn_0, segment.options.accurate_ecn_1
        fields = first if first is not None else second
        if fields is None:
            return None
        if not self.option_seen:
            # Both byte counters of unmarked data begin at 1: who writes zeros there writes over it (§3.2.3.2.4).
            self.option_seen = True
            self.option_believed = 0 not in fields[:1] + fields[2:]
        if not self.option_believed:
            return None
        if len(fields) < 2:
            return 0
        grown = (fields[1] - self.told_ce) & _FIELD
        if grown > _FIELD >> 1:
            return None
        self.told_ce += grown
        return grown

    def _compare(self, c: Connection, marked_bytes: int) -> None:
        """Bytes are marked, and certainly no packet: the flags are written over, so no more ECT (§3.2.2.4)."""
        if marked_bytes and self.told_packets == self.option_packets and self.option_acked < _CYCLE:
            self.sends = False
            c.count("TCPECNMangled")
        self.option_packets = self.told_packets
        self.option_acked = 0

    def _test_for_mangling(self, c: Connection, clean: bool) -> None:
        """Where all that was ever sent was marked, it is not for congestion (§3.2.2.3)."""
        self.clean = clean
        if c.snd_una >= self.round_end:
            self.rounds += 1
            self.round_end = c.snd_nxt
        if not clean and self.rounds > c.config.ecn_patience:
            self.sends = self.heeds = False
            self.clean = True
            c.count("TCPECNMangled")


def newly_marked(stated: int, packets: int, marked_bytes: int | None, mss: int, *, believe: bool = False) -> int:
    """How many packets were marked, where three bits ``stated`` it of ``packets`` that were acknowledged.

    ``marked_bytes``: what the option says, None without one. ``believe``: acknowledgements are so rare that assuming a
    wrap would see marks everywhere (appendix A.2)."""
    if stated >= packets:
        return stated
    most = packets - (packets - stated) % _CYCLE
    if marked_bytes is None:
        return stated if believe else most
    explained = marked_bytes <= mss * stated and 2 * marked_bytes < mss * most
    return stated if most == stated or explained else most
