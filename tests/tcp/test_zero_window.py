"""A window that is closed, shrinks, or stays small: RFC 9293 §3.8.6."""

import pytest

from estab.tcp.config import MODERN
from estab.tcp.observer import Reason
from tests.conversation import ACK, FIN, MILLISECOND, SECOND, SYN

MS = MILLISECOND


def closed(talk, config=MODERN, **syn):
    """Something waits behind a window of zero."""
    t = talk(config).established(**syn)
    t.inject(ACK, seq=1, ack=1, win=0)
    t.send(b"hello")
    t.expect_nothing()
    return t


@pytest.mark.req("RFC9293-MUST-36", "RFC9293-SHLD-29", "RFC9293-SHLD-30")
def test_first_probe_after_an_rto_then_exponentially(talk):
    """RFC 9293 SHLD-29, SHLD-30; the probe repeats an old position, so it must be answered."""
    t = closed(talk)
    interval = 200 * MS
    for _ in range(10):
        t.after(interval - 1).expect_nothing()
        t.after(1).expect(ACK, seq=0, ack=1, len=0, reason=Reason.WINDOW_PROBE)
        t.inject(ACK, seq=1, ack=1, win=0)
        t.expect_nothing()
        interval = min(2 * interval, 60 * SECOND)


@pytest.mark.req("RFC9293-MUST-37", "RFC1122-01")
def test_answered_probes_keep_the_connection_for_ever(talk):
    """RFC 9293 MUST-37."""
    t = closed(talk, MODERN.but(user_timeout=100 * SECOND))
    for _ in range(60):
        t.after(60 * SECOND)
        assert t.drain()
        t.inject(ACK, seq=1, ack=1, win=0)
    assert t.state == "ESTABLISHED"
    t.inject(ACK, seq=1, ack=1, win=1000)
    t.expect(ACK, seq=1, data=b"hello")


@pytest.mark.req("RFC1122-01")
def test_unanswered_probes_end_it(talk):
    t = closed(talk, MODERN.but(user_timeout=100 * SECOND))
    t.after(100 * SECOND - 1)
    assert t.state == "ESTABLISHED"
    t.after(1)
    assert isinstance(t.c.error, TimeoutError)


def test_the_window_opens(talk):
    t = closed(talk)
    t.after(200 * MS).expect(reason=Reason.WINDOW_PROBE)
    t.inject(ACK, seq=1, ack=1, win=1000)
    t.expect(ACK, seq=1, data=b"hello")
    t.inject(ACK, seq=1, ack=6, win=1000)
    t.after(3600 * SECOND).expect_nothing()


def test_a_lost_update_is_found_by_the_next_probe(talk):
    t = closed(talk)
    t.after(200 * MS).expect(reason=Reason.WINDOW_PROBE)
    t.after(400 * MS).expect(reason=Reason.WINDOW_PROBE)
    t.inject(ACK, seq=1, ack=1, win=100)
    t.expect(ACK, seq=1, data=b"hello")


def test_backoff_starts_anew_when_the_window_closes_again(talk):
    t = closed(talk)
    t.after(3 * SECOND)
    t.drain()
    t.inject(ACK, seq=1, ack=1, win=5)
    t.expect(ACK, seq=1, data=b"hello")
    t.inject(ACK, seq=1, ack=6, win=0)
    t.send(b"more")
    t.after(200 * MS - 1).expect_nothing()
    t.after(1).expect(ACK, seq=5, reason=Reason.WINDOW_PROBE)


def test_fin_waits_for_the_window_too(talk):
    t = talk().established()
    t.inject(ACK, seq=1, ack=1, win=0)
    t.call("shutdown")
    t.expect_nothing()
    t.after(200 * MS).expect(ACK, seq=0, reason=Reason.WINDOW_PROBE)
    t.inject(ACK, seq=1, ack=1, win=1)
    t.expect(FIN | ACK, seq=1)


def test_nothing_waits_nothing_is_asked(talk):
    t = talk().established()
    t.inject(ACK, seq=1, ack=1, win=0)
    t.after(3600 * SECOND).expect_nothing()


def test_closing_with_a_closed_window_does_not_lose_data(talk):
    t = closed(talk)
    t.call("close")
    t.after(200 * MS).expect(reason=Reason.WINDOW_PROBE)
    t.inject(ACK, seq=1, ack=1, win=1000)
    t.expect(FIN | ACK, seq=1, data=b"hello")


def test_the_peers_probe_is_answered(talk):
    """Ours is closed: whatever probes it, old position or one byte, is told where we stand."""
    t = talk(MODERN.but(receive_buffer=2000)).established()
    t.inject(ACK, seq=1, ack=1, data=bytes(2000))
    t.after(40 * MS).expect(ACK, ack=2001, win=0)
    t.inject(ACK, seq=2000, ack=1)
    t.expect(ACK, seq=1, ack=2001, win=0)
    t.inject(ACK, seq=2001, ack=1, data=b"x")
    t.expect(ACK, seq=1, ack=2001, win=0)


# ---------------------------------------------------------------------- shrinking


@pytest.mark.req("RFC9293-MUST-34")
def test_a_window_that_shrinks_below_what_was_sent(talk):
    """RFC 9293 MUST-34, SHLD-15: survive a negative usable window, send nothing new."""
    t = talk().established(mss=1000)
    t.send(bytes(4000))
    assert sum(s.length for s in t.drain()) == 4000
    t.send(bytes(1000))
    t.drain()
    t.inject(ACK, seq=1, ack=1001, win=500)
    t.send(b"new")
    t.expect_nothing()
    t.inject(ACK, seq=1, ack=5001, win=10_000)
    t.expect(ACK, seq=5001, data=b"new")


@pytest.mark.req("RFC9293-SHLD-17")
def test_a_peer_that_answers_with_a_closed_window_is_alive(talk):
    """RFC 9293 SHLD-17: data beyond a shrunken window does not time the connection out, and MUST-35."""
    t = talk(MODERN.but(user_timeout=100 * SECOND, data_retries=8)).established(mss=1000)
    t.send(bytes(2000))
    t.drain()
    for _ in range(200):
        t.inject(ACK, seq=1, ack=1, win=0)
        t.after(5 * SECOND)
        t.drain()
    assert t.state == "ESTABLISHED"
    t.inject(ACK, seq=1, ack=1, win=10_000)
    t.after(60 * SECOND)
    assert t.drain()[-1].length
    t.inject(ACK, seq=1, ack=2001, win=10_000)
    assert t.c.flight == 0


def test_a_peer_that_is_silent_behind_a_closed_window_is_not(talk):
    t = talk(MODERN.but(user_timeout=100 * SECOND)).established(mss=1000)
    t.send(bytes(2000))
    t.drain()
    t.inject(ACK, seq=1, ack=1, win=0)
    t.after(101 * SECOND)
    assert t.state == "CLOSED"


# ---------------------------------------------------------------------- silly windows, our side


@pytest.mark.req("RFC9293-MUST-38", "RFC1122-06")
def test_a_small_window_is_not_filled_at_once(talk):
    """RFC 9293 §3.8.6.2.1: less than a segment and less than half of the largest window waits for the override."""
    t = talk().established(mss=1000)
    t.inject(ACK, seq=1, ack=1, win=100)
    t.send(bytes(5000))
    t.expect_nothing()
    t.after(200 * MS - 1).expect_nothing()
    t.after(1).expect(ACK, seq=1, len=100)


@pytest.mark.parametrize("opened", [False, True])
def test_while_the_override_waits_the_window_may_open(talk, opened):
    t = talk().established(mss=1000)
    t.inject(ACK, seq=1, ack=1, win=100)
    t.send(bytes(1000))
    t.after(100 * MS).expect_nothing()
    t.inject(ACK, seq=1, ack=1, win=1000 if opened else 100)
    if opened:
        t.expect(ACK, seq=1, len=1000)
    else:
        t.expect_nothing()


@pytest.mark.req("RFC9293-MUST-38")
def test_half_of_the_largest_window_is_enough(talk):
    """Fs = 1/2: a peer with a small buffer is not starved."""
    t = talk(MODERN.but(send_buffer=20_000))
    t.listen()
    t.inject(SYN, seq=0, mss=1460, win=800)
    t.expect(SYN | ACK)
    t.inject(ACK, seq=1, ack=1, win=800)
    t.accept()
    t.send(bytes(2000))
    t.expect(ACK, seq=1, len=800)
    t.inject(ACK, seq=1, ack=801, win=399)
    t.expect_nothing()
    t.inject(ACK, seq=1, ack=801, win=400)
    t.expect(ACK, seq=801, len=400)
