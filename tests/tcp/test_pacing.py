"""Pacing is a deadline of the plan, and the clock that serves it may be late."""

from __future__ import annotations

import pytest

from estab.tcp.config import MILLISECOND, MODERN
from tests.conversation import ACK, SYN, Conversation


@pytest.fixture
def flow(talk) -> Conversation:
    """BBR on a round trip of 20 ms: its first rate is 1.385 MB/s, 1000 bytes in 722 us. The window is no limit."""
    t = talk(MODERN.but(congestion="bbr"))
    t.listen()
    t.inject(SYN, seq=0, sack_permitted=True, mss=1000)
    t.expect(SYN | ACK)
    t.after(20 * MILLISECOND)
    t.inject(ACK, seq=1, ack=1)
    t.accept()
    t.c.congestion.cwnd = 200_000
    t.send(bytes(60_000))
    return t


def late(t: Conversation, nanoseconds: int) -> int:
    """Bytes that leave when nobody looks for so long."""
    t.drain()
    t.now += nanoseconds
    t.stack.advance(t.now)
    return sum(segment.length for segment in t.drain())


def test_segments_leave_at_the_rate(flow) -> None:
    flow.drain()
    flow.after(10 * MILLISECOND)
    assert 13_000 <= sum(segment.length for segment in flow.drain()) <= 15_000


def test_a_late_wake_up_is_made_up_for(flow) -> None:
    assert 8000 <= late(flow, 7 * MILLISECOND) <= 11_000
    flow.after(5 * MILLISECOND)
    assert sum(segment.length for segment in flow.drain()) <= 8000, "once"


def test_what_is_made_up_for_is_half_a_round_trip(flow) -> None:
    assert 12_000 <= late(flow, 60 * MILLISECOND) <= 15_000


def test_having_had_no_window_is_not_made_up_for(flow) -> None:
    flow.c.congestion.cwnd = 0
    flow.after(10 * MILLISECOND)
    flow.drain()
    flow.c.congestion.cwnd = 200_000
    flow.send(b"x")
    assert sum(segment.length for segment in flow.drain()) <= 3000
