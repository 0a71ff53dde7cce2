"""The receive window by memory, as in Linux. The figures are those that Linux 6.18 announces for the same segments."""

import pytest

from estab.tcp.config import LINUX, MIB
from tests.conversation import ACK, PSH

CONFIG = LINUX.but(receive_buffer_start=270_000, receive_buffer_max=15 * MIB)


def announced(t):
    return [s.window for s in t.drain()]


@pytest.mark.parametrize(
    ("size", "windows"),
    [(1000, [1046, 1043]), (1460, [1061, 1073, 1084])],
    ids=["as much memory as it guessed", "less memory, so that the window grows"],
)
def test_the_window_follows_what_segments_take(talk, size, windows):
    t = talk(CONFIG).established(window_scale=7)
    for place, window in enumerate(windows):
        t.inject(ACK | PSH, seq=1 + place * size, ack=1, data=bytes(size))
        assert announced(t) == [window]
        if place == 1:
            t.receive()


def test_a_segment_beyond_the_window_is_taken_only_where_nothing_is_unread(talk):
    t = talk(LINUX.but(receive_buffer=3000)).established()
    t.inject(ACK, seq=1, ack=1, data=bytes(1460))
    t.drain()
    t.inject(ACK, seq=1461, ack=1, data=bytes(2000))
    assert t.c.rcv_nxt - t.c.irs == 1461
    t.receive()
    t.inject(ACK, seq=1461, ack=1, data=bytes(2000))
    assert t.c.rcv_nxt - t.c.irs == 3461


def test_what_sticks_out_behind_a_hole_does_not_move_the_window(talk):
    t = talk(LINUX).established()
    edge = t.c.rcv_edge - t.c.irs
    for _ in range(20):
        t.inject(ACK, seq=t.c.rcv_edge - t.c.irs - 1, ack=1, data=bytes(1460))
        t.drain()
    assert t.c.rcv_edge - t.c.irs < edge + (1 << t.c.rcv_wscale)


def test_reading_is_told_when_the_window_doubles(talk):
    t = talk(LINUX.but(receive_buffer=8000)).established()
    for place in range(7):
        t.inject(ACK | PSH, seq=1 + place * 1000, ack=1, data=bytes(1000))
        t.drain()
    assert t.c.rcv_edge - t.c.rcv_nxt == 300
    t.receive(1000)
    t.expect_nothing()
    t.receive(1000)
    t.expect(ACK, seq=1, ack=7001, win=1000)
