"""When small segments go out: Nagle, Minshall, TCP_NODELAY, TCP_CORK, PSH (RFC 9293 §3.7.4, §3.9.1.2)."""

import pytest

from estab.tcp.config import MODERN, RFC
from tests.conversation import ACK, FIN, PSH, SECOND


def test_the_first_small_segment_goes_at_once(talk):
    t = talk().established()
    t.send(b"a")
    t.expect(ACK, seq=1, data=b"a")


@pytest.mark.req("RFC9293-SHLD-7", "RFC9293-MAY-16")
def test_the_second_waits_for_the_first(talk):
    t = talk().established()
    t.send(b"a")
    t.expect(data=b"a")
    t.send(b"b")
    t.send(b"c")
    t.expect_nothing()
    t.inject(ACK, seq=1, ack=2)
    t.expect(ACK, seq=2, data=b"bc")


@pytest.mark.req("RFC9293-SHLD-28")
def test_full_segments_do_not_wait(talk):
    t = talk().established(mss=1000)
    t.send(b"a")
    t.expect(data=b"a")
    t.send(bytes(1000))
    t.expect(ACK, seq=2, len=1000)


@pytest.mark.req("RFC9293-SHLD-7")
@pytest.mark.parametrize(("config", "waits"), [(MODERN, False), (RFC, True)], ids=["minshall", "strict"])
def test_a_small_segment_behind_full_ones(talk, config, waits):
    """Nagle's rule waits for any unacknowledged byte, Minshall's only for another small segment."""
    t = talk(config).established(mss=1000)
    t.send(bytes(2100))
    assert sum(s.length for s in t.drain()) == (2000 if waits else 2100)
    t.inject(ACK, seq=1, ack=2001)
    if waits:
        t.expect(ACK, seq=2001, len=100)
    t.expect_nothing()


def test_minshall_waits_for_the_small_one(talk):
    t = talk().established(mss=1000)
    t.send(bytes(1100))
    assert sum(s.length for s in t.drain()) == 1100
    t.send(b"b")
    t.expect_nothing()
    t.inject(ACK, seq=1, ack=1001)
    t.expect_nothing()
    t.inject(ACK, seq=1, ack=1101)
    t.expect(ACK, seq=1101, data=b"b")


@pytest.mark.req("RFC9293-MUST-17")
def test_nodelay(talk):
    """RFC 9293 MUST-17."""
    t = talk().established()
    t.call("set_nodelay", True)
    for i in range(5):
        t.send(b"x")
        t.expect(ACK, seq=1 + i, data=b"x")


def test_nodelay_lets_go_of_what_waits(talk):
    t = talk().established()
    t.send(b"a")
    t.expect(data=b"a")
    t.send(b"b")
    t.expect_nothing()
    t.call("set_nodelay", True)
    t.expect(data=b"b")


def test_nagle_off_by_configuration(talk):
    t = talk(MODERN.but(nagle=False)).established()
    t.send(b"a")
    t.send(b"b")
    t.expect(data=b"ab")
    t.send(b"c")
    t.expect(data=b"c")


def test_cork_holds_back_what_is_not_full(talk):
    t = talk().established(mss=1000)
    t.call("set_cork", True)
    t.send(bytes(1500))
    t.expect(ACK, seq=1, len=1000)
    t.expect_nothing()
    t.inject(ACK, seq=1, ack=1001)
    t.call("set_cork", False)
    t.expect(ACK, seq=1001, len=500)


def test_cork_holds_back_also_when_nothing_is_in_flight_but_not_for_ever(talk):
    t = talk().established()
    t.call("set_cork", True)
    t.send(b"first")
    t.after(MODERN.sws_override - 1).expect_nothing()
    t.after(SECOND).expect(ACK, seq=1, data=b"first")


def test_cork_does_not_hold_back_a_close(talk):
    t = talk().established()
    t.call("set_cork", True)
    t.send(b"last")
    t.call("close")
    t.expect(FIN | ACK, data=b"last")


def test_the_last_bytes_before_a_close_do_not_wait(talk):
    t = talk().established()
    t.send(b"a")
    t.expect(data=b"a")
    t.send(b"b")
    t.expect_nothing()
    t.call("shutdown")
    t.expect(FIN | ACK, seq=2, data=b"b")


@pytest.mark.req("RFC9293-MUST-61", "RFC9293-SHLD-27")
def test_the_end_of_what_was_written_is_pushed(talk):
    """RFC 9293 MUST-61, SHLD-27: PSH on the last segment of what waits, and only there."""
    t = talk(MODERN.but(super_segments=False)).established(mss=1000)
    t.send(bytes(2500))
    assert [bool(s.flags & PSH) for s in t.drain()] == [False, False, True]


@pytest.mark.req("RFC9293-MUST-60")
def test_nothing_is_held_back_for_ever(talk):
    """RFC 9293 MUST-60: the acknowledgement, or at the latest the retransmission, lets the rest go."""
    t = talk().established()
    t.send(b"a")
    t.expect(data=b"a")
    t.send(b"b")
    t.after(60 * SECOND)
    assert any(b"a" in b"".join(s.payload) for s in t.drain())
    t.inject(ACK, seq=1, ack=2)
    t.expect(data=b"b")
