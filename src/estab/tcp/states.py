"""The eleven states and the one table that moves a connection between them (RFC 9293 §3.3.2, Figure 5)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final


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

_S = State
_F = Fact

_DIAGRAM: Final[dict[tuple[State, Fact], State]] = {
    (_S.CLOSED, _F.PASSIVE_OPEN): _S.LISTEN,
    (_S.CLOSED, _F.ACTIVE_OPEN): _S.SYN_SENT,
    (_S.LISTEN, _F.SYN): _S.SYN_RECEIVED,
    (_S.LISTEN, _F.CLOSE): _S.CLOSED,
    (_S.SYN_SENT, _F.SYN): _S.SYN_RECEIVED,
    (_S.SYN_SENT, _F.SYN_ACKED): _S.ESTABLISHED,
    (_S.SYN_SENT, _F.CLOSE): _S.CLOSED,
    (_S.SYN_RECEIVED, _F.SYN_ACKED): _S.ESTABLISHED,
    (_S.SYN_RECEIVED, _F.CLOSE): _S.FIN_WAIT_1,
    (_S.ESTABLISHED, _F.CLOSE): _S.FIN_WAIT_1,
    (_S.ESTABLISHED, _F.FIN): _S.CLOSE_WAIT,
    (_S.FIN_WAIT_1, _F.FIN_ACKED): _S.FIN_WAIT_2,
    (_S.FIN_WAIT_1, _F.FIN): _S.CLOSING,
    (_S.FIN_WAIT_2, _F.FIN): _S.TIME_WAIT,
    (_S.CLOSE_WAIT, _F.CLOSE): _S.LAST_ACK,
    (_S.CLOSING, _F.FIN_ACKED): _S.TIME_WAIT,
    (_S.LAST_ACK, _F.FIN_ACKED): _S.CLOSED,
    (_S.TIME_WAIT, _F.EXPIRED): _S.CLOSED,
}
"""Figure 5. FIN-WAIT-1 meeting FIN + ACK of its own FIN takes two facts in order: FIN_ACKED, then FIN."""

_MORTAL: Final = tuple(s for s in State if s not in (_S.CLOSED, _S.LISTEN, _S.TIME_WAIT))
_DEATHS: Final[dict[tuple[State, Fact], State]] = {
    (state, fact): _S.CLOSED for state in _MORTAL for fact in (_F.RESET, _F.ABORT, _F.TIMEOUT)
}
"""What Figure 5 leaves out (its notes 1 and 3). TIME-WAIT is not among them: RFC 1337."""

TRANSITIONS: Final[Transitions] = MappingProxyType({**_DIAGRAM, **_DEATHS})

DIAGRAM: Final[Transitions] = MappingProxyType(_DIAGRAM)
"""The part of the table that the RFC draws."""

SYNCHRONIZED: Final = frozenset(
    {
        _S.ESTABLISHED,
        _S.FIN_WAIT_1,
        _S.FIN_WAIT_2,
        _S.CLOSE_WAIT,
        _S.CLOSING,
        _S.LAST_ACK,
        _S.TIME_WAIT,
    }
)
RECEIVING: Final = frozenset({_S.SYN_RECEIVED, _S.ESTABLISHED, _S.FIN_WAIT_1, _S.FIN_WAIT_2})
"""States in which text of the peer is still to come."""

SENDING: Final = frozenset({_S.SYN_SENT, _S.SYN_RECEIVED, _S.ESTABLISHED, _S.CLOSE_WAIT})
"""States in which SEND is legal."""


class IllegalTransitionError(AssertionError):
    """A fact that the table does not list for this state: a bug in the steps, not in the peer."""
