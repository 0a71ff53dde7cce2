"""Both at once, segment by segment: RFC 9293 §3.5 Figure 7, §3.6 Figure 13, appendix A.2."""

import pytest

from tests.conversation import ACK, FIN, RST, SECOND, SYN
from tests.tcp import states
from tests.tcp.states import reach


@pytest.fixture
def t(talk):
    t = talk()
    reach(t, states.SIMULTANEOUS)
    return t


def test_the_syn_ack_of_the_peer_opens(t):
    """Its sequence number lies left of the window; its ACK counts all the same."""
    t.inject(SYN | ACK, seq=0, ack=1)
    assert t.state == "ESTABLISHED"
    t.expect(ACK, seq=1, ack=1)
    t.expect_nothing()


def test_a_bare_ack_opens(t):
    t.inject(ACK, seq=1, ack=1)
    assert t.state == "ESTABLISHED"
    t.expect_nothing()


def test_the_repeated_syn_asks_for_the_syn_ack_again(t):
    t.inject(SYN, seq=0)
    t.expect(SYN | ACK, seq=0, ack=1)
    t.expect_nothing()
    assert t.state == "SYN-RECEIVED"


def test_a_lost_syn_ack_comes_again(t):
    t.after(SECOND)
    t.expect(SYN | ACK, seq=0, ack=1)
    t.inject(SYN | ACK, seq=0, ack=1)
    assert t.state == "ESTABLISHED"


def test_a_wrong_ack_is_reset(t):
    t.inject(ACK, seq=1, ack=2)
    t.expect(RST, seq=2)
    t.expect_nothing()
    assert t.state == "SYN-RECEIVED"


def test_a_syn_ack_with_a_wrong_ack_gets_one_answer(t):
    t.inject(SYN | ACK, seq=0, ack=2)
    t.expect(ACK, seq=1, ack=1)
    t.expect_nothing()
    assert t.state == "SYN-RECEIVED"


def test_data_with_the_last_ack(t):
    t.inject(ACK, seq=1, ack=1, data=b"hello")
    assert t.state == "ESTABLISHED"
    assert t.receive() == b"hello"


def test_options_are_those_of_the_two_syns(talk):
    t = talk()
    reach(t, states.SIMULTANEOUS, window_scale=3, sack_permitted=True, ts=(77, 0), win=1000)
    t.inject(SYN | ACK, seq=0, ack=1, window_scale=3, ts=(78, 0), win=2000, mss=1460)
    assert t.state == "ESTABLISHED"
    assert (t.c.snd_wscale, t.c.sack_ok, t.c.ts_ok) == (3, True, True)
    assert t.c.snd_wnd == 2000, "the window of a SYN is not scaled"
    t.inject(ACK, seq=1, ack=1, ts=(79, 0), win=2000)
    assert t.c.snd_wnd == 16_000


def test_it_gives_up(t):
    t.after(1000 * SECOND)
    assert t.state == "CLOSED"
    assert isinstance(t.c.error, TimeoutError)


# ---------------------------------------------------------------------- closing


@pytest.fixture
def closing(talk):
    t = talk()
    reach(t, states.CLOSING)
    return t


def test_the_ack_of_our_fin(closing):
    t = closing
    t.inject(ACK, seq=2, ack=2)
    assert t.state == "TIME-WAIT"


def test_the_repeated_fin_brings_the_ack_of_ours(closing):
    """It lies left of the window; without its ACK both would repeat FINs until they give up."""
    t = closing
    t.inject(FIN | ACK, seq=1, ack=2)
    assert t.state == "TIME-WAIT"
    t.expect(ACK, seq=2, ack=2)
    t.expect_nothing()


def test_the_repeated_fin_without_news(closing):
    t = closing
    t.inject(FIN | ACK, seq=1, ack=1)
    t.expect(ACK, seq=2, ack=2)
    t.expect_nothing()
    assert t.state == "CLOSING"


def test_our_fin_is_repeated(closing):
    t = closing
    t.after(SECOND)
    t.expect(FIN | ACK, seq=1, ack=2)


def test_both_with_data(talk):
    t = talk().established()
    t.send(b"ours")
    t.call("shutdown")
    t.drain()
    t.inject(FIN | ACK, seq=1, ack=1, data=b"theirs")
    t.expect(ACK, seq=6, ack=8)
    assert t.state == "CLOSING"
    t.inject(ACK, seq=8, ack=5)
    assert t.state == "CLOSING", "only our FIN counts"
    t.inject(ACK, seq=8, ack=6)
    assert t.state == "TIME-WAIT"
    assert t.c.receive(100, t.now) == b"theirs"


@pytest.mark.parametrize("first", ["ACK", "FIN"])
def test_fin_and_ack_of_fin_in_either_order(talk, first):
    t = talk()
    reach(t, states.FIN_WAIT_1)
    if first == "ACK":
        t.inject(ACK, seq=1, ack=2)
        assert t.state == "FIN-WAIT-2"
        t.inject(FIN | ACK, seq=1, ack=1)
    else:
        t.inject(FIN | ACK, seq=1, ack=1)
        assert t.state == "CLOSING"
        t.inject(ACK, seq=2, ack=2)
    assert t.state == "TIME-WAIT"
    t.expect(ACK, seq=2, ack=2)


def test_crossed_window_probes(talk):
    """Both windows are closed and both ask: each answer is outside the other's window, and its window counts."""
    t = talk(config=talk().config.but(receive_buffer=4, timestamps=False))
    t.established()
    t.inject(ACK, seq=1, ack=1, data=b"full", win=0)
    t.after(t.config.delayed_ack)
    t.expect(ACK, ack=5, win=0)
    t.send(b"waiting")
    t.after(2 * SECOND)
    assert {(s.seq, s.length) for s in t.drain()} == {(0, 0)}
    t.inject(ACK, seq=4, ack=1, win=0)
    t.expect(ACK, seq=1, ack=5)
    t.inject(ACK, seq=5, ack=1, win=5000)
    assert b"".join(b"".join(s.payload) for s in t.drain()) == b"waiting"
