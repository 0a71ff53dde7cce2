"""The congestion window in conversations: RFC 5681, RFC 6928."""

import pytest

from estab.tcp.config import MODERN
from estab.wire.packet import Packet
from tests.conversation import ACK, MILLISECOND, SECOND, SYN

MS = MILLISECOND
MSS = 1000
ONE_BY_ONE = MODERN.but(super_segments=False)
RENO = ONE_BY_ONE.but(congestion="newreno")


def sent(t):
    return sum(segment.length for segment in t.drain())


@pytest.mark.req("RFC5681-02", "RFC6928-01")
@pytest.mark.parametrize("config", [MODERN, ONE_BY_ONE], ids=["super", "single"])
def test_initial_window(talk, config):
    """RFC 6928 §2."""
    t = talk(config).established(mss=MSS)
    t.send(bytes(100_000))
    assert sent(t) == 10_000


@pytest.mark.req("RFC5681-03")
def test_the_handshake_does_not_open_it(talk):
    t = talk(MODERN.but(initial_window=1)).established(mss=MSS)
    assert t.c.congestion.cwnd == MSS


@pytest.mark.req("RFC5681-02", "RFC6928-01")
def test_initial_window_of_large_segments(talk):
    t = talk(mtu=9000).established(mss=8960, window_scale=3)
    t.inject(ACK, seq=1, ack=1)
    t.send(bytes(100_000))
    assert sent(t) == 2 * 8960


def four_rounds(t):
    """How many segments each of four round trips carries, every one acknowledged on its own."""
    rounds, position = [], 1
    for _ in range(4):
        flight = t.drain()
        rounds.append(len(flight))
        t.after(100 * MS)
        for _ in flight:
            position += MSS
            t.inject(ACK, seq=1, ack=position)
    return rounds


@pytest.mark.req("RFC9293-MUST-19", "RFC9438-15")
@pytest.mark.parametrize("config", [RENO, ONE_BY_ONE], ids=["newreno", "cubic"])
def test_slow_start_doubles_each_round_trip(talk, config):
    t = talk(config).established(mss=MSS, window_scale=7)
    t.inject(ACK, seq=1, ack=1)
    t.send(bytes(200_000))
    assert four_rounds(t) == [10, 20, 40, 80]


def test_acknowledgements_that_come_at_once_count_one_by_one(talk):
    """The window was full when what they cover was sent; nothing could be sent between them."""
    t = talk(RENO).established(mss=MSS, window_scale=7)
    t.inject(ACK, seq=1, ack=1)
    t.c.congestion.ssthresh = 10_000
    t.send(bytes(50_000))
    t.drain()
    for i in range(1, 11):
        t.stack.receive([Packet(t.segment_bytes(ACK, seq=1, ack=1 + i * MSS))], t.now)
    assert t.c.congestion.cwnd == 11_000


@pytest.mark.req("RFC9293-MUST-19", "RFC5681-07")
def test_avoidance_adds_one_segment_a_round_trip(talk):
    t = talk(RENO).established(mss=MSS, window_scale=7)
    t.inject(ACK, seq=1, ack=1)
    t.c.congestion.ssthresh = 10_000
    t.send(bytes(200_000))
    assert four_rounds(t) == [10, 11, 12, 13]


def test_divided_acknowledgements_gain_nothing(talk):
    """RFC 5681 §3.1: what counts is bytes, not how often they are acknowledged."""
    t = talk(ONE_BY_ONE).established(mss=MSS)
    t.send(bytes(100_000))
    t.drain()
    for i in range(1, 101):
        t.inject(ACK, seq=1, ack=1 + 10 * i)
    assert t.c.congestion.cwnd == 11_000


def test_acknowledgements_of_what_was_never_sent_gain_nothing(talk):
    """Optimistic ACKs: beyond SND.NXT is answered and dropped (RFC 9293 §3.10.7.4)."""
    t = talk().established(mss=MSS)
    t.send(bytes(100_000))
    t.drain()
    t.inject(ACK, seq=1, ack=50_001)
    assert all(not segment.length for segment in t.drain())
    assert t.c.congestion.cwnd == 10_000


def test_a_window_that_is_not_used_does_not_grow(talk):
    """RFC 7661 §4.3: a slow application learns nothing about the path."""
    t = talk(ONE_BY_ONE).established(mss=MSS)
    for i in range(100):
        t.send(bytes(MSS))
        t.drain()
        t.inject(ACK, seq=1, ack=1 + MSS * (i + 1))
    assert t.c.congestion.cwnd == 10_000


def grown(talk):
    t = talk(ONE_BY_ONE).established(mss=MSS, window_scale=7)
    t.inject(ACK, seq=1, ack=1)
    t.send(bytes(70_000))
    position = 1
    for _ in range(3):
        position += sent(t)
        t.inject(ACK, seq=1, ack=position)
    assert t.c.flight == 0
    assert t.c.congestion.cwnd > 30_000
    return t


@pytest.mark.req("RFC5681-17", "RFC6928-03")
@pytest.mark.parametrize(("idle", "restarted"), [(199 * MS, False), (201 * MS, True)])
def test_restart_after_idle(talk, idle, restarted):
    """RFC 5681 §4.1: an RTO of silence, and the old window says nothing any more."""
    t = grown(talk)
    before = t.c.congestion.cwnd
    t.after(idle)
    t.send(bytes(100_000))
    assert sent(t) == (10_000 if restarted else before)


def test_restart_only_when_nothing_is_under_way(talk):
    t = grown(talk)
    before = t.c.congestion.cwnd
    t.send(bytes(500))
    t.drain()
    t.after(150 * MS)
    t.send(bytes(500))
    t.after(150 * MS)
    assert t.c.congestion.cwnd in (before, MSS)
    t.drain()


@pytest.mark.req("RFC5681-04", "RFC6928-02")
@pytest.mark.parametrize(("losses", "window"), [(0, 10_000), (1, 10_000), (2, 1000)])
def test_a_lost_syn(talk, losses, window):
    """RFC 6928 §2: one loss may be chance, more than one is a sign of congestion."""
    t = talk()
    t.open()
    t.expect(SYN)
    for i in range(losses):
        t.after(SECOND << i).expect(SYN)
    t.inject(SYN | ACK, seq=0, ack=1, mss=MSS)
    t.expect(ACK)
    t.send(bytes(100_000))
    assert sent(t) == window


@pytest.mark.req("RFC5681-04")
@pytest.mark.parametrize(("losses", "window"), [(0, 10_000), (1, 10_000), (2, 1000)])
def test_a_lost_syn_ack(talk, losses, window):
    t = talk()
    t.listen()
    t.inject(SYN, seq=0, mss=MSS)
    t.expect(SYN | ACK)
    for i in range(losses):
        t.after(SECOND << i).expect(SYN | ACK)
    t.inject(ACK, seq=1, ack=1)
    t.accept()
    t.send(bytes(100_000))
    assert sent(t) == window


@pytest.mark.req("RFC7323-10", "RFC5681-01")
def test_never_beyond_either_window(talk):
    """RFC 5681 §2: highest acknowledged plus min(cwnd, rwnd)."""
    t = talk(ONE_BY_ONE).established(mss=MSS)
    t.send(bytes(200_000))
    position, window = 1, 65_535
    for i in range(60):
        limit = min(t.c.congestion.cwnd, window)
        flight = t.drain()
        assert not flight or flight[-1].seq + flight[-1].length <= position + limit
        position = min(position + MSS * (i % 3 + 1), t.c.snd_nxt - t.iss)
        window = (65_535, 5000, 30_000)[i % 3]
        t.inject(ACK, seq=1, ack=position, win=window)
        t.after(MS)


@pytest.mark.req("RFC5681-09", "RFC5681-11")
def test_after_a_timeout_slow_start_to_half(talk):
    t = talk(RENO.but(black_hole_timeouts=100)).established(mss=MSS)
    t.send(bytes(100_000))
    t.drain()
    t.after(200 * MS).expect(ACK, seq=1, len=MSS)
    assert t.c.congestion.cwnd == MSS
    assert t.c.congestion.ssthresh == 5000
    t.after(400 * MS).expect(ACK, seq=1, len=MSS)
    assert t.c.congestion.ssthresh == 5000, "a second expiry for the same data: RFC 5681 §3.1"
    t.inject(ACK, seq=1, ack=1)
    windows = []
    position = 1
    for _ in range(12):
        position += MSS
        t.inject(ACK, seq=1, ack=position)
        t.drain()
        windows.append(t.c.congestion.cwnd // MSS)
    assert windows == [2, 3, 4, 5, 5, 5, 5, 5, 6, 6, 6, 6]
