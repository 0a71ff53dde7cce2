"""A segment in SYN-SENT: RFC 9293 §3.10.7.3."""

import pytest

from estab.tcp.arrives import syn_sent_ack
from estab.tcp.rules import RULES
from tests.conversation import ACK, FIN, PSH, RST, SYN, URG
from tests.tcp.states import SYN_SENT, reach


@pytest.fixture(params=[False, True], ids=["v4", "v6"])
def t(talk, request):
    t = talk(v6=request.param)
    reach(t, SYN_SENT)
    return t


@pytest.mark.req("RFC1337-06")
@pytest.mark.parametrize("flags", [ACK, SYN | ACK, FIN | ACK])
@pytest.mark.parametrize("ack", [-(2**31) + 1, -1, 0, 2, 2**30])
def test_first_a_wrong_ack_is_reset(t, flags, ack):
    t.inject(flags, seq=0, ack=ack, data=b"x")
    t.expect(RST, seq=ack)
    t.expect_nothing()
    assert t.state == "SYN-SENT"


@pytest.mark.req("RFC5961-04")
@pytest.mark.parametrize("ack", [-1, 0, 2])
def test_first_a_reset_with_a_wrong_ack_is_dropped(t, ack):
    t.inject(RST | ACK, seq=0, ack=ack)
    t.expect_nothing()
    assert t.state == "SYN-SENT"
    assert t.stack.counters["TCPSynSentDrop"] == 1


@pytest.mark.req("RFC5961-04")
def test_second_a_reset_with_our_ack_refuses(t):
    t.inject(RST | ACK, seq=0, ack=1)
    t.expect_nothing()
    assert t.state == "CLOSED"
    assert isinstance(t.c.error, ConnectionRefusedError)
    with pytest.raises(ConnectionRefusedError):
        t.receive()


@pytest.mark.req("RFC5961-04")
def test_second_a_reset_without_ack_is_dropped(t):
    t.inject(RST, seq=0)
    t.expect_nothing()
    assert t.state == "SYN-SENT"
    assert t.stack.counters["TCPSynSentDrop"] == 1


def test_fourth_syn_and_ack_open(t):
    t.inject(SYN | ACK, seq=0, ack=1, win=5000, window_scale=7)
    t.expect(ACK, seq=1, ack=1)
    t.expect_nothing()
    assert t.state == "ESTABLISHED"
    c = t.c
    assert (c.snd_wnd, c.snd_wl1 - c.irs, c.snd_wl2 - c.iss) == (5000, 0, 1)


def test_fourth_syn_and_ack_with_text_and_fin(t):
    t.inject(SYN | ACK | FIN, seq=0, ack=1, data=b"hello")
    t.expect(ACK, seq=1, ack=7)
    assert t.state == "CLOSE-WAIT"
    assert t.receive() == b"hello"
    assert t.c.eof


def test_fourth_a_syn_alone_opens_both_sides(t):
    t.inject(SYN, seq=0, win=5000)
    t.expect(SYN | ACK, seq=0, ack=1)
    t.expect_nothing()
    assert t.state == "SYN-RECEIVED"
    c = t.c
    assert (c.snd_wnd, c.snd_wl1 - c.irs, c.passive) == (5000, 0, False)


def test_text_of_a_simultaneous_syn_waits(t):
    t.inject(SYN | FIN, seq=0, data=b"early")
    t.expect(SYN | ACK, seq=0, ack=6)
    assert t.c.readable == 0
    t.inject(ACK, seq=7, ack=1)
    assert t.state == "CLOSE-WAIT"
    assert t.receive() == b"early"


@pytest.mark.parametrize("flags", [0, ACK, FIN, FIN | ACK, PSH | ACK, URG])
def test_fifth_neither_syn_nor_reset_is_dropped(t, flags):
    t.inject(flags, seq=0, ack=1, data=b"x")
    t.expect_nothing()
    assert t.state == "SYN-SENT"
    assert t.stack.counters["TCPSynSentDrop"] == 1


def test_close_ends_the_opening_silently(t):
    t.call("close")
    t.expect_nothing()
    assert t.state == "CLOSED"
    assert t.c.error is None


def test_abort_ends_the_opening_silently(t):
    t.call("abort")
    t.expect_nothing()
    assert t.state == "CLOSED"


def test_an_old_ack_opens_where_it_is_not_checked(talk):
    """What the first check is for: without it a SYN-ACK of another time is believed."""
    t = talk(rules=RULES.without_step(syn_sent_ack))
    reach(t, SYN_SENT)
    t.inject(SYN | ACK, seq=0, ack=0)
    assert t.state == "ESTABLISHED"
