"""A time series of every connection, as lines of JSON: what its sender believed about the network, and when."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from estab.tcp.connection import Connection
from estab.tcp.observer import Observer, Reason
from estab.tcp.states import Fact, State
from estab.wire.address import format_address
from estab.wire.tcp import Segment

LINES: Final = 1_000_000
"""About 300 MB."""
UNLIMITED: Final = 1 << 40
"""What ``ssthresh`` is before the first loss; null in the trace."""
ENDED: Final = frozenset({State.CLOSED, State.TIME_WAIT})
"""What is sent and comes then, a RST for instance, is no part of the transfer."""


class Trace(Observer):
    """Writes a line for each segment and each congestion event of each connection, at most ``limit`` lines.

    Each line has: ``t`` (ns, since the first line), ``flow`` (a number), ``event`` (``"open"``, ``"sent"``,
    ``"received"``, ``"closed"``, or what ``Observer.congestion`` names), and the state after a segment was sent or
    before a received one was taken in: ``cwnd``, ``ssthresh``, ``pipe`` (bytes), ``srtt``, ``rto`` (ns), ``delivered``,
    ``retransmitted`` (bytes so far), ``phase``. ``"sent"`` has ``seq`` and ``end``, counted from the initial number,
    and ``again``: it was sent before; ``"received"`` has ``ack``, and ``window``, the right edge of what may be sent;
    ``"open"`` has ``local`` and ``remote``."""

    def __init__(self, write: Callable[[str], object], limit: int = LINES) -> None:
        self._write = write
        self._left = limit
        self._origin: int | None = None
        self._flows: dict[Connection, _Flow] = {}
        self._number: int = 0

    def sent(self, now: int, connection: Connection | None, segment: Segment, reason: Reason) -> None:
        if connection is None or connection.state in ENDED:
            return
        flow = self._flow(now, connection)
        seq = segment.seq - connection.iss
        end = seq + segment.span
        again = segment.span > 0 and end <= flow.highest
        if again:
            flow.retransmitted += segment.length
        flow.highest = max(flow.highest, end)
        self._line(now, connection, flow, "sent", seq=seq, end=end, again=again)

    def received(self, now: int, connection: Connection | None, segment: Segment) -> None:
        if connection is None or connection.state in ENDED:
            return
        una = connection.snd_una - connection.iss
        edge = una + connection.snd_wnd
        self._line(now, connection, self._flow(now, connection), "received", ack=una, window=edge)

    def congestion(self, now: int, connection: Connection, event: str) -> None:
        self._line(now, connection, self._flow(now, connection), event)

    def state(self, now: int, connection: Connection, old: State, new: State, fact: Fact) -> None:
        if new in ENDED and connection in self._flows:
            self._line(now, connection, self._flows.pop(connection), "closed")

    def _flow(self, now: int, c: Connection) -> _Flow:
        flow = self._flows.get(c)
        if flow is None:
            self._number += 1
            flow = self._flows[c] = _Flow(self._number)
            local = f"{format_address(c.local_address)} port {c.local_port}"
            remote = f"{format_address(c.remote_address)} port {c.remote_port}"
            self._line(now, c, flow, "open", local=local, remote=remote)
        return flow

    def _line(self, now: int, c: Connection, flow: _Flow, event: str, **more: object) -> None:
        if self._left <= 0:
            return
        self._left -= 1
        if self._origin is None:
            self._origin = now
        control = c.congestion
        figures = {
            "t": now - self._origin,
            "flow": flow.number,
            "event": event,
            **more,
            "cwnd": control.cwnd,
            "ssthresh": control.ssthresh if control.ssthresh < UNLIMITED else None,
            "pipe": c.recovery.pipe(c.board),
            "srtt": c.rtt.srtt,
            "rto": c.rtt.rto,
            "delivered": max(c.snd_una - c.iss - 1, 0) + c.board.sacked,
            "retransmitted": flow.retransmitted,
            "phase": c.recovery.phase.value,
        }
        self._write(json.dumps(figures) + "\n")


class _Flow:
    """What the trace itself keeps of a connection."""

    __slots__ = ("highest", "number", "retransmitted")

    def __init__(self, number: int) -> None:
        self.number: int = number
        self.highest: int = 0
        self.retransmitted: int = 0
