"""Hand-written rules: "drop the third SYN" is ``drop(syn, nth=3)``."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TypeAlias

from estab.faults.packets import peek
from estab.faults.verdict import PASS, Deliver, Drop, Duplicate, Verdict, duration
from estab.wire import tcp
from estab.wire.packet import PROTO_TCP, Packet, ParseError
from estab.wire.sequence import MASK32, unwrap
from estab.wire.tcp import ACK, FIN, RST, SYN, Segment

Predicate: TypeAlias = Callable[[Segment], bool]
"""Whether a rule is about a TCP segment; any function will do."""


class Rule:
    """A verdict on the TCP segments that match: on all of them, on the ``nth``, or on the ``first`` so many.

    What is no TCP passes. Its checksum is not looked at."""

    __slots__ = ("_first", "_last", "_matching", "_seen", "_verdict")

    def __init__(
        self, matching: Predicate, verdict: Verdict, *, nth: int | None = None, first: int | None = None
    ) -> None:
        """nth, first: counted from 1. Raises ``ValueError`` for both at once or less than 1."""
        if nth is not None and first is not None:
            raise ValueError("a rule is for the nth or for the first, not for both")
        if any(count is not None and count < 1 for count in (nth, first)):
            raise ValueError("nth and first count from 1")
        self._matching = matching
        self._verdict = verdict
        self._first = nth or 1
        self._last = nth or first
        self._seen = 0

    def __call__(self, packet: Packet, now: int, rng: Random) -> Verdict:
        if self._last is not None and self._seen >= self._last:
            return PASS
        segment = _segment(packet)
        if segment is None or not self._matching(segment):
            return PASS
        if self._last is None:
            return self._verdict
        self._seen += 1
        return self._verdict if self._seen >= self._first else PASS

    def snapshot(self, now: int) -> int:
        """How many matched, as long as it matters."""
        return self._seen

    def restore(self, value: int, now: int) -> None:
        self._seen = value


def drop(matching: Predicate, *, nth: int | None = None, first: int | None = None) -> Rule:
    """Lose what matches."""
    return Rule(matching, Drop(), nth=nth, first=first)


def delay(matching: Predicate, by: int, *, nth: int | None = None, first: int | None = None) -> Rule:
    """Hold what matches for ``by`` ns."""
    return Rule(matching, Deliver(duration(by)), nth=nth, first=first)


def duplicate(matching: Predicate, after: int = 0, *, nth: int | None = None, first: int | None = None) -> Rule:
    """Let what matches come again ``after`` ns later."""
    return Rule(matching, Duplicate((duration(after),)), nth=nth, first=first)


def syn(segment: Segment) -> bool:
    """SYN without ACK: the first step of the handshake."""
    return segment.flags & (SYN | ACK) == SYN


def syn_ack(segment: Segment) -> bool:
    return segment.flags & (SYN | ACK) == SYN | ACK


def fin(segment: Segment) -> bool:
    return bool(segment.flags & FIN)


def rst(segment: Segment) -> bool:
    return bool(segment.flags & RST)


def ack_only(segment: Segment) -> bool:
    """An acknowledgement that occupies no sequence number."""
    return segment.flags & (ACK | RST) == ACK and not segment.span


def data(segment: Segment) -> bool:
    """Segments with payload."""
    return segment.length > 0


def sequence_range(start: int, end: int) -> Predicate:
    """Segments that carry any sequence number from ``start`` to before ``end`` (32 bits, the range may wrap)."""

    def overlaps(segment: Segment) -> bool:
        first = unwrap(segment.seq, start)
        last = first + segment.span - 1
        return first <= last and last >= start and first < start + (end - start & MASK32)

    return overlaps


def _segment(packet: Packet) -> Segment | None:
    parsed = peek(packet)
    if parsed is None or parsed.protocol != PROTO_TCP or (parsed.fragment is not None and parsed.fragment.offset):
        return None
    try:
        return tcp.parse(parsed)
    except ParseError:
        return None
