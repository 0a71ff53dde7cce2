"""A segment for a listener: RFC 9293 §3.10.7.2."""

import pytest

from tests.conversation import ACK, FIN, PSH, RST, SYN, URG
from tests.tcp.states import LISTEN, reach


@pytest.mark.parametrize("v6", [False, True])
@pytest.mark.parametrize("flags", [RST, RST | ACK, RST | SYN, RST | SYN | ACK])
def test_first_a_reset_is_ignored(talk, flags, v6):
    t = talk(v6=v6)
    reach(t, LISTEN)
    t.inject(flags, seq=0, ack=1)
    t.expect_nothing()
    assert t.stack.counters["TCPListenDrop"] == 1
    assert not t.stack.connections


@pytest.mark.parametrize("v6", [False, True])
@pytest.mark.parametrize("flags", [ACK, SYN | ACK, FIN | ACK, PSH | ACK])
def test_second_any_ack_is_reset(talk, flags, v6):
    t = talk(v6=v6)
    reach(t, LISTEN)
    t.inject(flags, seq=0, ack=77, data=b"x")
    t.expect(RST, seq=77)
    t.expect_nothing()
    assert not t.stack.connections


@pytest.mark.parametrize("flags", [0, FIN, PSH, URG])
def test_fourth_anything_else_is_dropped(talk, flags):
    t = talk()
    reach(t, LISTEN)
    t.inject(flags, seq=0, data=b"x")
    t.expect_nothing()
    assert t.stack.counters["TCPListenDrop"] == 1


def test_the_listener_stays(talk):
    t = talk()
    reach(t, LISTEN)
    for port in (40000, 40001):
        t.inject(SYN, seq=0, ports=(80, port))
    assert len(t.stack.connections) == 2
    assert t.stack.find_listener((t.ours, 80)) is not None


def test_text_with_the_syn_waits_for_the_handshake(talk):
    t = talk()
    t.listen()
    t.inject(SYN, seq=0, data=b"early", mss=1460)
    t.expect(SYN | ACK, seq=0, ack=6)
    assert t.stack.connections[t.key].readable == 0
    t.inject(ACK, seq=6, ack=1)
    t.accept()
    assert t.receive() == b"early"


def test_text_and_fin_with_the_syn(talk):
    t = talk()
    t.listen()
    t.inject(SYN | FIN, seq=0, data=b"early", mss=1460)
    t.expect(SYN | ACK, seq=0, ack=6)
    assert t.state == "SYN-RECEIVED"
    t.inject(ACK, seq=7, ack=1)
    t.expect(ACK, seq=1, ack=7)
    assert t.state == "CLOSE-WAIT"
    t.accept()
    assert t.receive() == b"early"
    assert t.c.eof


def test_the_window_of_a_syn_is_not_scaled(talk):
    t = talk()
    t.listen()
    t.inject(SYN, seq=0, win=1000, window_scale=7)
    assert t.stack.connections[t.key].snd_wnd == 1000
    t.drain()
    t.inject(ACK, seq=1, ack=1, win=1000)
    assert t.stack.connections[t.key].snd_wnd == 1000 << 7


def test_a_repeated_syn_repeats_the_syn_ack(talk):
    t = talk()
    t.listen()
    for _ in range(3):
        t.inject(SYN, seq=0, mss=1460)
        t.expect(SYN | ACK, seq=0, ack=1)
        t.expect_nothing()
    t.inject(ACK, seq=1, ack=1)
    assert t.state == "ESTABLISHED"
