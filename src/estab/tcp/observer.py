"""The one place where a stack tells what it does and why. Ladders, traces and logs stand on it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from estab.wire.form import interpreted

if TYPE_CHECKING:
    from estab.tcp.connection import Connection
    from estab.tcp.states import Fact, State
    from estab.wire.tcp import Segment


class Reason(Enum):
    """Why a segment goes out."""

    SYN = "SYN"
    SYN_ACK = "SYN-ACK"
    DATA = "data"
    FIN = "FIN"
    RETRANSMISSION = "retransmission"
    TIMEOUT = "retransmission after RTO"
    TAIL_PROBE = "tail loss probe"
    ACK = "ACK"
    WINDOW_PROBE = "window probe"
    KEEPALIVE = "keep-alive"
    MTU_PROBE = "MTU probe"
    RESET = "RST"
    CHALLENGE = "challenge ACK"

    __hash__ = object.__hash__


@interpreted
class Observer:
    """Override what you want to hear. An observer must not call into the stack."""

    def state(self, now: int, connection: Connection, old: State, new: State, fact: Fact) -> None:
        """A connection changed its state."""

    def time_wait_over(self, now: int, local: tuple[bytes, int], remote: tuple[bytes, int]) -> None:
        """2 MSL have passed: the four-tuple is free again (TIME-WAIT → CLOSED)."""

    def sent(self, now: int, connection: Connection | None, segment: Segment, reason: Reason) -> None:
        """A segment was handed to the link; ``connection`` is None for answers to what belongs to nobody."""

    def received(self, now: int, connection: Connection | None, segment: Segment) -> None:
        """A segment arrived; its numbers are still those of the wire."""

    def dropped(self, now: int, what: object, reason: str) -> None:
        """A packet or segment was dropped; ``reason`` is the name of the counter."""

    def congestion(self, now: int, connection: Connection, event: str) -> None:
        """``"loss"``, ``"ecn"``, ``"timeout"``, ``"recovered"``, ``"undo"``, ``"mtu"``.

        The connection's fields tell the rest."""
