"""Agreeing on ECN in the handshake: RFC 3168 §6.1.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from estab.tcp.config import Ecn
from estab.tcp.ecn.classic import ClassicEcn
from estab.tcp.states import SYN_SENT
from estab.wire.tcp import ACK, CWR, ECE

if TYPE_CHECKING:
    from estab.tcp.connection import Connection
    from estab.wire.tcp import Segment

_SETUP: Final = ECE | CWR
_ASKS: Final = {Ecn.OFF: 0, Ecn.ACCEPT: 0, Ecn.ASK: _SETUP}
"""The flags of a SYN that asks."""


def offer(c: Connection) -> int:
    """The flags that go on our SYN or SYN-ACK. Once a SYN has gone without them, all do (§6.1.1.1)."""
    if c.state is not SYN_SENT:
        return 0 if c.ecn is None else c.ecn.syn_ack()
    asked = _ASKS[c.config.ecn]
    transmission = 1 if c.snd_nxt == c.iss else c.syn_retransmitted + 2
    if not asked or transmission > c.config.ecn_syns:
        c.ecn_refused = True
    return 0 if c.ecn_refused else asked


def agree(c: Connection, segment: Segment) -> None:
    """What the peer's first SYN, or SYN-ACK, settles for good.

    A SYN-ACK with both flags is that of a host which sends back what it gets. Whoever has sent one SYN without the
    flags does not send ECT, but tells the peer about marks."""
    if c.config.ecn is Ecn.OFF:
        return
    said = segment.flags & _SETUP
    asked = _ASKS[c.config.ecn] > 0
    agreed = (asked and said == ECE) if segment.flags & ACK else (said == _SETUP and (asked or c.passive))
    if agreed:
        c.ecn = ClassicEcn(c.iss, c.congestion.ecn_capable and not c.ecn_refused)


def hear_again(c: Connection, segment: Segment) -> None:
    """The peer's SYN once more, unlike the first: it has given ECN up, and we SHOULD NOT set ECT (§6.1.1)."""
    if c.ecn is not None and not segment.flags & _SETUP:
        c.ecn.sends = False


def give_up(c: Connection) -> bool:
    """A reset may be for the flags alone: True when the SYN is to be sent again without them (§6.1.1.1)."""
    if c.ecn_refused:
        return False
    c.ecn_refused = True
    c.board.mark_lost(c.iss, c.iss + 1)
    c.recovery.forced = True
    c.count("TCPECNSynRefused")
    return True


