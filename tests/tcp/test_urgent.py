"""Urgent data: RFC 9293 §3.8.5, RFC 6093."""

import pytest

from estab.tcp.config import MODERN
from estab.wire.link import FULL_OFFLOAD, MEMORY_OFFLOAD
from tests.conversation import ACK, FIN, MILLISECOND, URG

MS = MILLISECOND


@pytest.mark.req("RFC9293-MUST-30", "RFC9293-MUST-62")
def test_sent(talk):
    """RFC 6093 §4, RFC 9293 MUST-62: the pointer names the byte after the urgent one."""
    t = talk().established()
    t.send(b"abc", urgent=True)
    t.expect(ACK | URG, seq=1, data=b"abc", urgent=3)
    t.inject(ACK, seq=1, ack=4)
    t.send(b"d")
    t.expect(ACK, seq=4, data=b"d", urgent=0)


def test_urgent_data_does_not_wait_for_nagle(talk):
    t = talk().established()
    t.send(b"a")
    t.expect(data=b"a")
    t.send(b"!", urgent=True)
    t.expect(ACK | URG, seq=2, data=b"!", urgent=1)


@pytest.mark.req("RFC9293-MUST-31")
def test_segments_before_it_announce_it(talk):
    """RFC 9293 §3.8.5: as soon as it is known, although the byte itself comes later."""
    t = talk(MODERN.but(super_segments=False)).established(mss=1000)
    t.send(bytes(2500), urgent=True)
    assert [(s.seq, bool(s.flags & URG), s.urgent) for s in t.drain()] == [
        (1, True, 2500),
        (1001, True, 1500),
        (2001, True, 500),
    ]


def test_a_retransmission_says_it_again(talk):
    t = talk().established()
    t.send(b"abc", urgent=True)
    t.expect(urgent=3)
    t.after(200 * MS).expect(ACK | URG, seq=1, urgent=3)


@pytest.mark.req("RFC9293-MUST-31")
def test_beyond_sixteen_bits_it_waits_until_it_can_be_said(talk):
    """RFC 9293 MUST-31: of any length; 16 bits reach only so far."""
    t = talk(MODERN.but(super_segments=False, initial_window=100, nagle=False)).established(mss=1000, window_scale=7)
    t.inject(ACK, seq=1, ack=1)
    t.send(bytes(80_000), urgent=True)
    segments = t.drain()
    assert not segments[0].flags & URG
    marked = [s for s in segments if s.flags & URG]
    assert marked
    assert all(s.seq + s.urgent == 80_001 for s in marked)


@pytest.mark.req("RFC9293-MUST-31")
@pytest.mark.parametrize("offload", [FULL_OFFLOAD, MEMORY_OFFLOAD], ids=["device", "memory"])
def test_no_super_segment_carries_the_urgent_byte_out_of_reach_of_its_pointer(talk, offload):
    t = talk(offload=offload).established(mss=1000, window_scale=7)
    t.inject(ACK, seq=1, ack=1)
    t.c.congestion.cwnd = 4_000_000
    t.c.rtt.srtt = t.c.rtt.min_rtt = 1000
    t.send(bytes(80_000), urgent=True)
    segments = t.drain()
    assert sum(s.length for s in segments) == 80_000
    marked = [s for s in segments if s.flags & URG]
    assert marked
    assert all(s.seq + s.urgent == 80_001 for s in marked)


@pytest.mark.req("RFC9293-MUST-30", "RFC9293-MUST-33", "RFC9293-MUST-62")
def test_received_out_of_band(talk):
    t = talk().established()
    t.inject(ACK | URG, seq=1, ack=1, data=b"ab!cd", urgent=3)
    assert t.c.receive_urgent() == ord("!")
    assert t.c.receive_urgent() is None
    assert t.receive() == b"ab"
    assert t.c.at_urgent_mark
    assert t.receive() == b"cd"
    assert not t.c.at_urgent_mark


@pytest.mark.req("RFC9293-MUST-30")
def test_received_inline(talk):
    t = talk().established()
    t.c.urgent_inline = True
    t.inject(ACK | URG, seq=1, ack=1, data=b"ab!cd", urgent=3)
    assert t.receive() == b"ab"
    assert t.c.at_urgent_mark
    assert t.receive() == b"!cd"


@pytest.mark.req("RFC9293-MUST-32", "RFC9293-MUST-47")
def test_announced_before_it_is_there(talk):
    """RFC 9293 MUST-32: the application hears of it at once."""
    t = talk().established()
    t.stack.take_events()
    t.inject(ACK | URG, seq=1, ack=1, urgent=5)
    assert t.stack.take_events() == [t.c]
    t.inject(ACK, seq=1, ack=1, data=b"ab")
    assert t.c.receive_urgent() is None
    t.inject(ACK, seq=3, ack=1, data=b"cd!ef")
    assert t.c.receive_urgent() == ord("!")
    assert t.receive() == b"abcd"
    assert t.receive() == b"ef"


def test_announced_without_data(talk):
    t = talk().established()
    t.inject(ACK | URG, seq=1, ack=1, urgent=3)
    t.inject(ACK, seq=1, ack=1, data=b"ab!cd")
    assert t.receive() == b"ab"
    assert t.c.receive_urgent() == ord("!")


@pytest.mark.req("RFC9293-MUST-32")
def test_several(talk):
    """RFC 6093 §3: the mark moves on; an urgent byte that was not taken becomes ordinary."""
    t = talk().established()
    t.inject(ACK | URG, seq=1, ack=1, data=b"a!", urgent=2)
    t.stack.take_events()
    t.inject(ACK | URG, seq=3, ack=1, urgent=2)
    assert t.stack.take_events() == [t.c]
    t.inject(ACK, seq=3, ack=1, data=b"b?c")
    assert t.c.receive_urgent() == ord("?")
    assert t.receive() == b"a!b"
    assert t.receive() == b"c"


def test_the_mark_does_not_move_back(talk):
    t = talk().established()
    t.inject(ACK | URG, seq=1, ack=1, data=b"abcd!", urgent=5)
    t.inject(ACK | URG, seq=6, ack=1, data=b"x", urgent=0)
    t.inject(ACK | URG, seq=1, ack=1, data=b"abcd!", urgent=2)
    assert t.receive() == b"abcd"
    assert t.c.at_urgent_mark


@pytest.mark.parametrize("pointer", [0, 65_535])
def test_a_pointer_to_nowhere_hides_nothing(talk, pointer):
    t = talk(MODERN.but(receive_buffer=1000)).established()
    t.inject(ACK | URG, seq=1, ack=1, data=b"hello", urgent=pointer)
    assert t.receive() == b"hello"
    assert t.c.receive_urgent() is None


@pytest.mark.req("RFC9293-MUST-66")
@pytest.mark.parametrize("data", [b"", b"a"], ids=["empty", "probe"])
def test_a_closed_window_does_not_hide_it(talk, data):
    """RFC 9293 MUST-66: what cannot be sent yet can be announced."""
    t = talk(MODERN.but(receive_buffer=4)).established()
    t.inject(ACK, seq=1, ack=1, data=b"full")
    t.after(40 * MS).expect(ACK, ack=5, win=0)
    t.stack.take_events()
    t.inject(ACK | URG, seq=5, ack=1, data=data, urgent=3)
    assert t.c in t.stack.take_events()
    t.drain()
    assert t.receive() == b"full"
    t.expect(ACK, ack=5, win=4)
    t.inject(ACK | URG, seq=5, ack=1, data=b"ab!c", urgent=3)
    assert t.c.receive_urgent() == ord("!")
    assert t.receive() == b"ab"
    assert t.receive() == b"c"


def test_readable_does_not_count_the_urgent_byte(talk):
    t = talk().established()
    t.inject(ACK | URG, seq=1, ack=1, data=b"!", urgent=1)
    assert t.c.readable == 0
    assert t.receive() == b""
    assert t.c.receive_urgent() == ord("!")


def test_an_urgent_byte_before_the_end(talk):
    t = talk().established()
    t.inject(ACK | URG | FIN, seq=1, ack=1, data=b"bye!", urgent=4)
    assert t.receive() == b"bye"
    assert t.receive() == b""
    assert t.c.eof
    assert t.c.receive_urgent() == ord("!")


def test_peeking_at_the_mark_takes_nothing(talk):
    t = talk().established()
    t.inject(ACK | URG, seq=1, ack=1, data=b"a!b", urgent=2)
    assert t.receive(peek=True) == b"a"
    assert t.receive(peek=True) == b"a"
    assert t.receive() == b"a"
    for _ in range(2):
        assert t.receive(peek=True) == b"b"
        assert t.receive(0) == b""
        assert t.c.at_urgent_mark
    assert t.receive() == b"b"
    assert not t.c.at_urgent_mark


def test_peeking_at_the_mark_of_an_inline_byte_takes_nothing_either(talk):
    t = talk().established()
    t.c.urgent_inline = True
    t.inject(ACK | URG, seq=1, ack=1, data=b"a!b", urgent=2)
    assert t.receive() == b"a"
    for _ in range(2):
        assert t.receive(peek=True) == b"!b"
        assert t.c.at_urgent_mark
    assert t.receive() == b"!b"
    assert not t.c.at_urgent_mark


def test_in_close_wait_the_pointer_is_ignored(talk):
    """RFC 9293 §3.10.7.4, sixth."""
    t = talk().established()
    t.inject(FIN | ACK, seq=1, ack=1)
    t.drain()
    t.inject(ACK | URG, seq=2, ack=1, urgent=3)
    assert t.c.rcv_up is None
    assert t.state == "CLOSE-WAIT"
