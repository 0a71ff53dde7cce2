"""Agreeing on ECN in the handshake: RFC 3168 §6.1.1, RFC 9768 §3.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from estab.tcp.config import Ecn
from estab.tcp.ecn.accurate import ACE, AccurateEcn
from estab.tcp.ecn.classic import ClassicEcn
from estab.tcp.ecn.feedback import EcnFeedback
from estab.tcp.states import SYN_RECEIVED, SYN_SENT
from estab.wire.packet import ECN_CE
from estab.wire.tcp import ACK, CWR, ECE

if TYPE_CHECKING:
    from estab.tcp.connection import Connection
    from estab.wire.tcp import Segment

_CLASSIC: Final = CWR | ECE
_ASKS: Final = {Ecn.OFF: 0, Ecn.ACCEPT: 0, Ecn.ASK: _CLASSIC, Ecn.ACCURATE: ACE}
"""The flags of a SYN that asks."""


def offer(c: Connection, segment: Segment) -> None:
    """Put on our SYN or SYN-ACK what there is to say. Once a SYN has gone without, all do (§6.1.1.1, §3.1.4.1)."""
    transmission = 1 if c.snd_nxt == c.iss else c.syn_retransmitted + 2
    if c.state is not SYN_SENT:
        if c.ecn is not None:
            c.ecn.syn_ack(c, segment, transmission)
        return
    asked = _ASKS[c.config.ecn]
    if not asked or transmission > c.config.ecn_syns + (asked == ACE):
        c.ecn_refused = True
    if not c.ecn_refused:
        segment.flags |= asked


def agree(c: Connection, segment: Segment, now: int) -> None:
    """What the peer's first SYN, or SYN-ACK, settles for good."""
    if c.config.ecn is Ecn.OFF:
        return
    if segment.flags & ACK:
        c.ecn = _agreed_by_answer(c, segment, now)
    elif c.passive or _ASKS[c.config.ecn]:
        c.ecn = _agreed_by_request(c, segment)


def _agreed_by_answer(c: Connection, segment: Segment, now: int) -> EcnFeedback | None:
    """A SYN-ACK: with all flags that were asked it is from a host which sends back what it gets."""
    asked, said = _ASKS[c.config.ecn], segment.flags & ACE
    if asked == ACE and said not in (0, ECE, ACE):
        ecn = AccurateEcn(c.iss, c.congestion.ecn_capable, segment.ecn)
        if segment.ecn == ECN_CE:
            ecn.received_packets += 1
        ecn.take_greeting(c, segment, now)
        return ecn
    if asked and said & _CLASSIC == ECE:
        return _classic(c)
    return None


def _agreed_by_request(c: Connection, segment: Segment) -> EcnFeedback | None:
    said = segment.flags & ACE
    if c.config.ecn is Ecn.ACCURATE and said not in (0, _CLASSIC):
        # Also where the flags are of a version to come (§3.1.3).
        ecn = AccurateEcn(c.iss, c.congestion.ecn_capable, segment.ecn)
        ecn.greeting = c.passive
        return ecn
    if said & _CLASSIC == _CLASSIC:
        return _classic(c)
    return None


def _classic(c: Connection) -> ClassicEcn:
    """Whoever has sent a SYN without the flags sends no ECT, but tells about marks (§6.1.1)."""
    return ClassicEcn(c.iss, c.congestion.ecn_capable and not c.ecn_refused)


def hear_again(c: Connection, segment: Segment) -> bool:
    """The peer's SYN once more. False: it asks for the other kind, which nobody does who is honest (§3.1.5)."""
    ecn, said = c.ecn, segment.flags & ACE
    if ecn is None:
        return True
    if not said:
        # It has given ECN up, so we send no ECT (RFC 3168 §6.1.1, RFC 9768 §3.1.5).
        ecn.sends = False
    elif c.config.ecn is Ecn.ACCURATE and (said == _CLASSIC) is isinstance(ecn, AccurateEcn):
        return False
    elif isinstance(ecn, AccurateEcn):
        ecn.peer_codepoint = segment.ecn
    return True


def hear_answer_again(c: Connection, segment: Segment) -> None:
    """A SYN-ACK again: our ACK was lost, and the next one says again what it said (§3.2.2.1)."""
    if isinstance(c.ecn, AccurateEcn) and not c.passive and c.state is not SYN_RECEIVED and segment.seq == c.irs:
        c.ecn.greeting = True


def give_up(c: Connection) -> bool:
    """A reset may be for the flags alone: True when the SYN is to be sent again without them (§6.1.1.1)."""
    if c.ecn_refused:
        return False
    c.ecn_refused = True
    c.board.mark_lost(c.iss, c.iss + 1)
    c.recovery.forced = True
    c.count("TCPECNSynRefused")
    return True
