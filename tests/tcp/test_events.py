"""What the application is told: levels, in the order data, EOF, closed; water marks of the send buffer."""

import pytest

from estab.tcp.config import MODERN
from tests.conversation import ACK, FIN, RST, SYN

SMALL = MODERN.but(send_buffer=10_000)


def test_a_listener_is_told_of_a_connection(talk):
    t = talk()
    listener = t.listen()
    t.inject(SYN, seq=0, mss=1460)
    assert t.stack.take_events() == []
    t.inject(ACK, seq=1, ack=1)
    t._before()
    (watched,) = t.stack.take_events()
    assert watched.port == listener.port
    assert watched.ready == 1


def test_an_opening_that_succeeds(talk):
    t = talk()
    t.open()
    t.stack.take_events()
    t.expect(SYN)
    t.inject(SYN | ACK, seq=0, ack=1, mss=1460)
    assert t.stack.take_events() == [t.c]
    assert t.c.writable


def test_an_opening_that_fails(talk):
    t = talk()
    t.open()
    t.stack.take_events()
    t.expect(SYN)
    t.inject(RST | ACK, seq=0, ack=1)
    assert t.stack.take_events() == [t.c]
    assert isinstance(t.c.error, ConnectionRefusedError)


def test_data_is_readable(talk):
    t = talk().established()
    t.stack.take_events()
    t.inject(ACK, seq=1, ack=1, data=b"hello")
    assert t.stack.take_events() == [t.c]
    assert t.c.readable == 5
    assert not t.c.eof


def test_out_of_order_data_is_not(talk):
    t = talk().established()
    t.stack.take_events()
    t.inject(ACK, seq=2, ack=1, data=b"ello")
    assert t.c.readable == 0
    assert t.stack.take_events() == []


def test_many_reasons_to_look_are_one(talk):
    """Levels, not edges: the number of events is bounded by that of connections."""
    t = talk().established()
    t.stack.take_events()
    for i in range(50):
        t.inject(ACK, seq=1 + i, ack=1, data=b"x")
    assert t.stack.take_events() == [t.c]
    assert t.stack.take_events() == []


def test_eof_comes_after_the_data(talk):
    t = talk().established()
    t.inject(FIN | ACK, seq=1, ack=1, data=b"bye")
    assert t.c.readable == 3
    assert not t.c.eof
    assert t.receive(2) == b"by"
    assert not t.c.eof
    assert t.receive() == b"e"
    assert t.c.eof


def test_closed_is_the_last(talk):
    t = talk().established()
    t.inject(FIN | ACK, seq=1, ack=1, data=b"bye")
    t.call("shutdown")
    t.drain()
    t.stack.take_events()
    t.inject(ACK, seq=5, ack=2)
    assert t.c in t.stack.take_events()
    assert t.c.state.value == "CLOSED"
    assert t.c.readable == 3


def test_the_send_buffer_is_limited(talk):
    t = talk(SMALL).established()
    t.inject(ACK, seq=1, ack=1, win=0)
    assert t.c.room == 10_000
    assert t.send(bytes(8000)) == 8000
    assert t.send(bytes(8000)) == 2000
    assert t.send(b"x") == 0
    assert t.c.room == 0
    assert not t.c.writable


def test_writable_again_at_the_low_water_mark(talk):
    """Not at every byte that drains: an application would be woken for each."""
    t = talk(SMALL).established(mss=1000)
    t.send(bytes(20_000))
    t.drain()
    t.stack.take_events()
    t.inject(ACK, seq=1, ack=4001)
    assert not t.c.writable
    assert t.c.room == 4000
    assert t.stack.take_events() == []
    t.inject(ACK, seq=1, ack=5001)
    assert t.stack.take_events() == [t.c]
    assert t.c.writable
    t.inject(ACK, seq=1, ack=6001)
    assert t.stack.take_events() == [], "told once"


def test_a_low_water_mark_of_ones_own(talk):
    t = talk(SMALL).established(mss=1000)
    t.c.low_water = 1000
    t.send(bytes(20_000))
    t.drain()
    t.inject(ACK, seq=1, ack=8001)
    assert not t.c.writable
    t.inject(ACK, seq=1, ack=9001)
    assert t.c.writable


def test_whoever_was_not_refused_is_not_told(talk):
    t = talk(SMALL).established(mss=1000)
    t.send(bytes(9000))
    t.drain()
    t.stack.take_events()
    t.inject(ACK, seq=1, ack=9001)
    assert t.stack.take_events() == []


def test_whoever_filled_it_exactly_is_told(talk):
    """Asking ``writable`` before each call, one never sees ``send`` come back short."""
    t = talk(SMALL).established(mss=1000)
    t.send(bytes(10_000))
    assert not t.c.writable
    t.drain()
    t.stack.take_events()
    t.inject(ACK, seq=1, ack=9001)
    assert t.stack.take_events() == [t.c]
    assert t.c.writable


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_what_can_change_is_copied(talk, kind):
    """A retransmission may read it minutes later."""
    t = talk().established()
    buffer = bytearray(b"original")
    t.send(kind(buffer))
    buffer[:] = b"changed!"
    t.expect(data=b"original")


def test_peeking_leaves_it_there(talk):
    t = talk().established()
    t.inject(ACK, seq=1, ack=1, data=b"hello")
    assert t.receive(3, peek=True) == b"hel"
    assert t.receive(peek=True) == b"hello"
    assert t.receive() == b"hello"
    assert t.receive(peek=True) == b""


def test_reading_piece_by_piece(talk):
    t = talk().established()
    t.inject(ACK, seq=1, ack=1, data=b"hello ")
    t.inject(ACK, seq=7, ack=1, data=b"world")
    assert [t.receive(4) for _ in range(4)] == [b"hell", b"o wo", b"rld", b""]
