"""Half-close, close and abort as the application sees them: RFC 9293 §3.6, §3.9.1.4, §3.9.1.5, RFC 2525 §2.17."""

import pytest

from estab.tcp.config import MODERN, RFC
from tests.conversation import ACK, FIN, MILLISECOND, RST, SECOND, SYN
from tests.tcp.states import PLACES, reach

MS = MILLISECOND


def test_we_stop_sending_and_go_on_receiving(talk):
    t = talk().established()
    t.call("shutdown")
    t.expect(FIN | ACK, seq=1, ack=1)
    t.inject(ACK, seq=1, ack=2)
    assert t.state == "FIN-WAIT-2"
    for i in range(5):
        t.inject(ACK, seq=1 + i, ack=2, data=b"x")
    assert t.receive() == b"xxxxx"
    t.after(40 * MS).expect(ACK, seq=2, ack=6)
    t.after(3600 * SECOND).expect_nothing()
    assert t.state == "FIN-WAIT-2"
    t.inject(FIN | ACK, seq=6, ack=2)
    t.expect(ACK, seq=2, ack=7)
    assert t.c.eof
    assert t.state == "TIME-WAIT"


def test_receiving_goes_on_before_our_fin_is_acknowledged(talk):
    t = talk().established()
    t.call("shutdown")
    t.expect(FIN | ACK)
    t.inject(ACK, seq=1, ack=1, data=b"late")
    assert t.receive() == b"late"
    assert t.state == "FIN-WAIT-1"


def test_the_peer_stops_sending_and_we_go_on(talk):
    t = talk().established()
    t.inject(FIN | ACK, seq=1, ack=1, data=b"q")
    t.expect(ACK, seq=1, ack=3)
    assert t.state == "CLOSE-WAIT"
    assert t.receive() == b"q"
    assert t.c.eof
    for i in range(5):
        t.send(b"answer")
        t.expect(ACK, seq=1 + 6 * i, data=b"answer")
        t.inject(ACK, seq=3, ack=7 + 6 * i)
    t.call("close")
    t.expect(FIN | ACK, seq=31, ack=3)
    assert t.state == "LAST-ACK"
    t.inject(ACK, seq=3, ack=32)
    assert t.state == "CLOSED"
    assert t.c.error is None


def test_what_was_written_goes_before_the_fin(talk):
    t = talk().established(mss=1000)
    t.send(bytes(50_000))
    t.call("close")
    sent = 0
    while t.state != "FIN-WAIT-2":
        segments = t.drain()
        sent += sum(segment.length for segment in segments)
        last = segments[-1]
        t.inject(ACK, seq=1, ack=last.seq + last.length + bool(last.flags & FIN))
    assert sent == 50_000


def test_fin_waits_for_the_window_of_the_network(talk):
    t = talk().established(mss=1000)
    t.send(bytes(15_000))
    t.call("shutdown")
    assert not any(s.flags & FIN for s in t.drain())
    t.inject(ACK, seq=1, ack=10_001)
    assert t.drain()[-1].flags & FIN


def test_three_segments(talk):
    """The passive side's FIN carries its acknowledgement."""
    t = talk().established()
    t.call("close")
    t.expect(FIN | ACK, seq=1)
    t.inject(FIN | ACK, seq=1, ack=2)
    t.expect(ACK, seq=2, ack=2)
    assert t.state == "TIME-WAIT"


def test_three_segments_from_the_other_side(talk):
    t = talk().established()
    t.inject(FIN | ACK, seq=1, ack=1)
    t.expect(ACK, ack=2)
    t.call("close")
    t.expect(FIN | ACK, seq=1, ack=2)
    t.inject(ACK, seq=2, ack=2)
    assert t.state == "CLOSED"


@pytest.mark.req("RFC9293-MUST-12")
def test_data_with_the_fin(talk):
    t = talk().established()
    t.inject(FIN | ACK, seq=1, ack=1, data=b"bye")
    t.expect(ACK, ack=5)
    assert not t.c.eof
    assert t.receive() == b"bye"
    assert t.c.eof


@pytest.mark.req("RFC9293-SHLD-31")
def test_a_fin_out_of_order_is_kept(talk):
    t = talk().established()
    t.inject(FIN | ACK, seq=4, ack=1, data=b"def")
    t.expect(ACK, ack=1)
    assert t.state == "ESTABLISHED"
    t.inject(ACK, seq=1, ack=1, data=b"abc")
    t.expect(ACK, ack=8)
    assert t.state == "CLOSE-WAIT"
    assert t.receive() == b"abcdef"
    assert t.c.eof


def test_a_bare_fin_out_of_order_is_kept(talk):
    t = talk().established()
    t.inject(FIN | ACK, seq=4, ack=1)
    t.expect(ACK, ack=1)
    t.inject(ACK, seq=1, ack=1, data=b"abc")
    t.expect(ACK, ack=5)
    assert t.state == "CLOSE-WAIT"


def test_nothing_comes_after_the_fin(talk):
    """What claims to lie behind it is not delivered."""
    t = talk().established()
    t.inject(FIN | ACK, seq=4, ack=1)
    t.inject(ACK, seq=4, ack=1, data=b"forged")
    t.inject(ACK, seq=1, ack=1, data=b"abcdef")
    assert t.receive() == b"abc"
    assert t.c.eof
    assert t.state == "CLOSE-WAIT"


def test_a_repeated_fin_is_acknowledged_again(talk):
    t = talk().established()
    t.inject(FIN | ACK, seq=1, ack=1)
    t.expect(ACK, ack=2)
    t.inject(FIN | ACK, seq=1, ack=1)
    t.expect(ACK, ack=2)
    assert t.state == "CLOSE-WAIT"


# ---------------------------------------------------------------------- close and data


@pytest.mark.req("RFC9293-SHLD-3")
def test_close_with_unread_data_resets(talk):
    """RFC 9293 SHLD-3: the peer must not believe that everything was taken."""
    t = talk().established()
    t.inject(ACK, seq=1, ack=1, data=b"unread")
    t.call("close")
    t.expect(RST | ACK, seq=1, ack=7)
    assert t.state == "CLOSED"


def test_close_after_reading_does_not(talk):
    t = talk().established()
    t.inject(ACK, seq=1, ack=1, data=b"read")
    t.receive()
    t.call("close")
    t.expect(FIN | ACK, seq=1, ack=5)


@pytest.mark.req("RFC9293-SHLD-3", "RFC9293-MAY-1")
def test_data_after_close_resets(talk):
    t = talk().established()
    t.call("close")
    t.expect(FIN | ACK, seq=1)
    t.inject(ACK, seq=1, ack=2, data=b"more")
    t.expect(RST, seq=2)
    assert t.state == "CLOSED"


def test_data_after_close_in_fin_wait_2_resets(talk):
    t = talk().established()
    t.call("close")
    t.expect(FIN | ACK, seq=1)
    t.inject(ACK, seq=1, ack=2)
    t.inject(ACK, seq=1, ack=2, data=b"more")
    t.expect(RST, seq=2)
    assert t.state == "CLOSED"


def test_data_after_half_close_is_taken(talk):
    t = talk().established()
    t.call("shutdown")
    t.expect(FIN | ACK, seq=1)
    t.inject(ACK, seq=1, ack=2, data=b"more")
    assert t.receive() == b"more"
    assert t.state == "FIN-WAIT-2"


def test_reading_ended_by_us(talk):
    """shutdown(SHUT_RD): what comes is thrown away, and acknowledged."""
    t = talk().established()
    t.inject(ACK, seq=1, ack=1, data=b"old")
    t.call("shutdown_read")
    assert t.c.eof
    t.inject(ACK, seq=4, ack=1, data=b"new")
    assert t.receive() == b""
    t.after(40 * MS)
    assert t.drain()[-1].ack == 7
    t.call("close")
    t.expect(FIN | ACK, seq=1, ack=7)


def test_a_peer_that_never_closes_is_left(talk):
    """Nobody will read any more, and the peer says nothing."""
    t = talk().established()
    t.call("close")
    t.expect(FIN | ACK, seq=1)
    t.inject(ACK, seq=1, ack=2)
    t.after(60 * SECOND - 1)
    assert t.state == "FIN-WAIT-2"
    t.after(1).expect_nothing()
    assert t.state == "CLOSED"
    assert t.stack.next_deadline() is None


def test_to_the_letter_it_is_waited_for(talk):
    t = talk(RFC).established()
    t.call("close")
    t.expect(FIN | ACK, seq=1)
    t.inject(ACK, seq=1, ack=2)
    t.after(24 * 3600 * SECOND)
    assert t.state == "FIN-WAIT-2"


@pytest.mark.parametrize("call", ["close", "shutdown"])
def test_twice_is_once(talk, call):
    t = talk().established()
    t.call(call)
    t.call(call)
    t.expect(FIN | ACK, seq=1)
    t.expect_nothing()


def test_half_close_then_close(talk):
    t = talk().established()
    t.call("shutdown")
    t.expect(FIN | ACK, seq=1)
    t.call("close")
    t.expect_nothing()
    t.inject(ACK, seq=1, ack=2)
    t.after(60 * SECOND)
    assert t.state == "CLOSED"


# ---------------------------------------------------------------------- abort


SILENT = ("SYN-SENT", "CLOSING", "LAST-ACK")
"""Nobody waits for more from us, or nobody knows us."""


@pytest.mark.parametrize("place", [p for p in PLACES if p.state not in ("CLOSED", "LISTEN", "TIME-WAIT")], ids=str)
def test_abort(talk, place):
    """RFC 9293 §3.10.5."""
    t = talk()
    reach(t, place)
    t.drain()
    c = next(iter(t.stack.connections.values()))
    c.abort(t.now)
    if place.state not in SILENT:
        segment = t.expect(RST | ACK)
        assert segment.seq == c.snd_nxt - c.iss
    t.expect_nothing()
    assert t.state == "CLOSED"
    assert isinstance(c.error, ConnectionAbortedError)
    t.after(60 * SECOND).expect_nothing()
    assert t.stack.next_deadline() is None


def test_abort_throws_away_what_waits(talk):
    t = talk().established()
    t.inject(ACK, seq=1, ack=1, data=b"in")
    t.send(bytes(100_000))
    t.drain()
    t.call("abort")
    t.expect(RST | ACK)
    t.expect_nothing()
    with pytest.raises(ConnectionAbortedError):
        t.receive()
    with pytest.raises(ConnectionAbortedError):
        t.send(b"x")


# ---------------------------------------------------------------------- wrong calls


def test_send_after_shutdown(talk):
    t = talk().established()
    t.call("shutdown")
    with pytest.raises(BrokenPipeError):
        t.send(b"x")


def test_send_and_receive_after_a_reset(talk):
    t = talk().established()
    t.inject(ACK, seq=1, ack=1, data=b"unread")
    t.inject(RST, seq=7)
    with pytest.raises(ConnectionResetError):
        t.send(b"x")
    with pytest.raises(ConnectionResetError):
        t.receive()


def test_what_arrived_before_the_end_can_still_be_read(talk):
    """An orderly close loses nothing, however late the application reads."""
    t = talk().established()
    t.call("shutdown")
    t.expect(FIN | ACK)
    t.inject(FIN | ACK, seq=1, ack=2, data=b"last words")
    t.drain()
    t.after(MODERN.time_wait)
    assert t.state == "CLOSED"
    assert t.c.receive(100, t.now) == b"last words"
    assert t.c.eof


def test_last_ack_leaves_what_was_not_read(talk):
    t = talk().established()
    t.inject(FIN | ACK, seq=1, ack=1, data=b"last words")
    t.call("shutdown")
    t.drain()
    t.inject(ACK, seq=12, ack=2)
    assert t.state == "CLOSED"
    assert t.c.receive(100, t.now) == b"last words"


def test_the_queue_is_sent_before_the_opening_is_over(talk):
    """RFC 9293 §3.10.2: SEND in SYN-SENT is queued until ESTABLISHED."""
    t = talk()
    t.open()
    t.expect(SYN)
    assert t.send(b"early") == 5
    t.expect_nothing()
    t.inject(SYN | ACK, seq=0, ack=1, mss=1460)
    t.expect(ACK, seq=1, data=b"early")
