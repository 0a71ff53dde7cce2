"""The eleven states and the one table that moves a connection between them (RFC 9293 §3.3.2, Figure 5)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from estab.wire.form import interpreted


class State(Enum):
    """RFC 9293 §3.3.2. The value is the name as the RFC prints it."""

    CLOSED = "CLOSED"
    LISTEN = "LISTEN"
    SYN_SENT = "SYN-SENT"
    SYN_RECEIVED = "SYN-RECEIVED"
    ESTABLISHED = "ESTABLISHED"
    FIN_WAIT_1 = "FIN-WAIT-1"
    FIN_WAIT_2 = "FIN-WAIT-2"
    CLOSE_WAIT = "CLOSE-WAIT"
    CLOSING = "CLOSING"
    LAST_ACK = "LAST-ACK"
    TIME_WAIT = "TIME-WAIT"

    __hash__ = object.__hash__
    """Members are singletons; Enum's own hash costs a call into Python on every look-up in the table."""


# Module constants: looking a member up on its class costs 100 ns in CPython 3.11.
CLOSED: Final = State.CLOSED
LISTEN: Final = State.LISTEN
SYN_SENT: Final = State.SYN_SENT
SYN_RECEIVED: Final = State.SYN_RECEIVED
ESTABLISHED: Final = State.ESTABLISHED
FIN_WAIT_1: Final = State.FIN_WAIT_1
FIN_WAIT_2: Final = State.FIN_WAIT_2
CLOSE_WAIT: Final = State.CLOSE_WAIT
CLOSING: Final = State.CLOSING
LAST_ACK: Final = State.LAST_ACK
TIME_WAIT: Final = State.TIME_WAIT


class Fact(Enum):
    """What can move a connection. Segment arrival, user calls and timers establish facts, never states."""

    PASSIVE_OPEN = "passive OPEN"
    ACTIVE_OPEN = "active OPEN"
    SYN = "SYN"
    SYN_ACKED = "ACK of SYN"
    CLOSE = "CLOSE"
    FIN = "FIN"
    FIN_ACKED = "ACK of FIN"
    RESET = "RST"
    ABORT = "ABORT"
    TIMEOUT = "timeout"
    EXPIRED = "2MSL"

    __hash__ = object.__hash__


Transitions = Mapping[tuple[State, Fact], State]

_F = Fact

_DIAGRAM: Final[dict[tuple[State, Fact], State]] = {
    (CLOSED, _F.PASSIVE_OPEN): LISTEN,
    (CLOSED, _F.ACTIVE_OPEN): SYN_SENT,
    (LISTEN, _F.SYN): SYN_RECEIVED,
    (LISTEN, _F.CLOSE): CLOSED,
    (SYN_SENT, _F.SYN): SYN_RECEIVED,
    (SYN_SENT, _F.SYN_ACKED): ESTABLISHED,
    (SYN_SENT, _F.CLOSE): CLOSED,
    (SYN_RECEIVED, _F.SYN_ACKED): ESTABLISHED,
    (SYN_RECEIVED, _F.CLOSE): FIN_WAIT_1,
    (ESTABLISHED, _F.CLOSE): FIN_WAIT_1,
    (ESTABLISHED, _F.FIN): CLOSE_WAIT,
    (FIN_WAIT_1, _F.FIN_ACKED): FIN_WAIT_2,
    (FIN_WAIT_1, _F.FIN): CLOSING,
    (FIN_WAIT_2, _F.FIN): TIME_WAIT,
    (CLOSE_WAIT, _F.CLOSE): LAST_ACK,
    (CLOSING, _F.FIN_ACKED): TIME_WAIT,
    (LAST_ACK, _F.FIN_ACKED): CLOSED,
    (TIME_WAIT, _F.EXPIRED): CLOSED,
}
"""Figure 5. FIN-WAIT-1 meeting FIN + ACK of its own FIN takes two facts in order: FIN_ACKED, then FIN."""

_MORTAL: Final = tuple(s for s in State if s not in (CLOSED, LISTEN, TIME_WAIT))
_DEATHS: Final[dict[tuple[State, Fact], State]] = {
    (state, fact): CLOSED for state in _MORTAL for fact in (_F.RESET, _F.ABORT, _F.TIMEOUT)
}
"""What Figure 5 leaves out (its notes 1 and 3). TIME-WAIT is not among them: RFC 1337."""

TRANSITIONS: Final[Transitions] = MappingProxyType({**_DIAGRAM, **_DEATHS})

DIAGRAM: Final[Transitions] = MappingProxyType(_DIAGRAM)
"""The part of the table that the RFC draws."""

SYNCHRONIZED: Final = frozenset(
    {
        ESTABLISHED,
        FIN_WAIT_1,
        FIN_WAIT_2,
        CLOSE_WAIT,
        CLOSING,
        LAST_ACK,
        TIME_WAIT,
    }
)
RECEIVING: Final = frozenset({SYN_RECEIVED, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2})
"""States in which text of the peer is still to come."""

SENDING: Final = frozenset({SYN_SENT, SYN_RECEIVED, ESTABLISHED, CLOSE_WAIT})
"""States in which SEND is legal."""


@interpreted
class IllegalTransitionError(AssertionError):
    """A fact that the table does not list for this state: a bug in the steps, not in the peer."""
