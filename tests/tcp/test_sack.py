"""SACK blocks that we send: RFC 2018 §2 to §4, RFC 2883."""

import pytest

from estab.tcp.config import MODERN
from tests.conversation import ACK, FIN, MILLISECOND, SYN

MS = MILLISECOND


def blocks(t):
    return t.expect(ACK).options.sack


def test_agreed(talk):
    t = talk()
    t.listen()
    t.inject(SYN, seq=0, mss=1460, sack_permitted=True)
    assert t.expect(SYN | ACK).options.sack_permitted


@pytest.mark.req("RFC2018-02")
@pytest.mark.parametrize(("config", "offered"), [(MODERN, False), (MODERN.but(sack=False), True)])
def test_not_agreed(talk, config, offered):
    """RFC 2018 §4: no blocks unless the peer may expect them."""
    t = talk(config)
    t.listen()
    t.inject(SYN, seq=0, mss=1460, sack_permitted=offered)
    assert not t.expect(SYN | ACK).options.sack_permitted
    t.inject(ACK, seq=1, ack=1)
    t.inject(ACK, seq=11, ack=1, data=b"x")
    assert blocks(t) == ()


@pytest.mark.req("RFC2018-01")
def test_permission_is_for_syn_only(talk):
    t = talk().established(sack_permitted=True)
    t.inject(ACK, seq=11, ack=1, data=b"x")
    assert not t.expect(ACK).options.sack_permitted


@pytest.mark.req("RFC2018-05", "RFC2018-07")
def test_the_latest_arrival_comes_first(talk):
    t = talk().established(sack_permitted=True)
    t.inject(ACK, seq=11, ack=1, data=bytes(5))
    assert blocks(t) == ((11, 16),)
    t.inject(ACK, seq=31, ack=1, data=bytes(5))
    assert blocks(t) == ((31, 36), (11, 16))
    t.inject(ACK, seq=21, ack=1, data=bytes(5))
    assert blocks(t) == ((21, 26), (31, 36), (11, 16))
    t.inject(ACK, seq=16, ack=1, data=bytes(5))
    assert blocks(t) == ((11, 26), (31, 36))


@pytest.mark.req("RFC2018-06")
@pytest.mark.parametrize(("options", "most"), [({}, 4), ({"ts": (1, 0)}, 3)])
def test_as_many_as_fit(talk, options, most):
    t = talk().established(sack_permitted=True, **options)
    ts = bool(options)
    for i in range(6):
        t.inject(ACK, seq=11 + 10 * i, ack=1, data=b"x", ts=ts)
    assert len(t.drain()[-1].options.sack) == most


def test_what_remains_is_reported_after_a_hole_is_filled(talk):
    t = talk().established(sack_permitted=True)
    t.inject(ACK, seq=6, ack=1, data=bytes(5))
    t.inject(ACK, seq=21, ack=1, data=bytes(5))
    t.drain()
    t.inject(ACK, seq=1, ack=1, data=bytes(5))
    t.expect(ACK, ack=11, sack=((21, 26),))
    t.inject(ACK, seq=11, ack=1, data=bytes(10))
    t.expect(ACK, ack=26, sack=())


@pytest.mark.req("RFC2018-03")
def test_data_segments_report_too(talk):
    """RFC 2018 §4: every ACK while there is a hole."""
    t = talk().established(sack_permitted=True)
    t.inject(ACK, seq=11, ack=1, data=bytes(5))
    t.drain()
    t.send(b"mine")
    t.expect(ACK, data=b"mine", sack=((11, 16),))


@pytest.mark.req("RFC2883-01", "RFC2883-02")
def test_a_duplicate_below_is_reported_once(talk):
    """RFC 2883 §4, example 1."""
    t = talk().established(sack_permitted=True)
    t.inject(ACK, seq=1, ack=1, data=bytes(10))
    t.after(40 * MS).expect(ACK, ack=11, sack=())
    t.inject(ACK, seq=1, ack=1, data=bytes(10))
    t.expect(ACK, ack=11, sack=((1, 11),))
    t.inject(ACK, seq=11, ack=1, data=bytes(5))
    t.after(40 * MS).expect(ACK, ack=16, sack=())


def test_a_duplicate_below_with_a_hole_above(talk):
    """RFC 2883 §4, example 2: the duplicate first, then what is held."""
    t = talk().established(sack_permitted=True)
    t.inject(ACK, seq=1, ack=1, data=bytes(10))
    t.inject(ACK, seq=21, ack=1, data=bytes(10))
    t.drain()
    t.inject(ACK, seq=1, ack=1, data=bytes(10))
    t.expect(ACK, ack=11, sack=((1, 11), (21, 31)))


@pytest.mark.req("RFC2883-03")
def test_a_duplicate_out_of_order(talk):
    """RFC 2883 §4, example 3: followed by the block that contains it."""
    t = talk().established(sack_permitted=True)
    t.inject(ACK, seq=11, ack=1, data=bytes(10))
    t.inject(ACK, seq=21, ack=1, data=bytes(10))
    t.drain()
    t.inject(ACK, seq=21, ack=1, data=bytes(10))
    t.expect(ACK, ack=1, sack=((21, 31), (11, 31)))


@pytest.mark.req("RFC2883-01")
def test_a_partial_duplicate(talk):
    """RFC 2883 §4.2: only what came twice."""
    t = talk().established(sack_permitted=True)
    t.inject(ACK, seq=1, ack=1, data=bytes(10))
    t.after(40 * MS)
    t.drain()
    t.inject(ACK, seq=6, ack=1, data=bytes(10))
    t.after(40 * MS).expect(ACK, ack=16, sack=((6, 11),))


def test_no_duplicates_are_reported_to_who_did_not_ask(talk):
    t = talk().established()
    t.inject(ACK, seq=1, ack=1, data=bytes(10))
    t.inject(ACK, seq=1, ack=1, data=bytes(10))
    assert all(s.options.sack == () for s in t.drain())


def test_an_early_fin_is_no_data(talk):
    t = talk().established(sack_permitted=True)
    t.inject(FIN | ACK, seq=11, ack=1, data=bytes(5))
    t.expect(ACK, ack=1, sack=((11, 16),))


@pytest.mark.req("RFC9293-SHLD-31", "RFC1122-03")
def test_first_arrival_stays(talk):
    """Overlaps of other contents do not change what was held: a forged copy comes too late."""
    t = talk().established(sack_permitted=True)
    t.inject(ACK, seq=4, ack=1, data=b"DEF")
    t.inject(ACK, seq=1, ack=1, data=b"abcdefghi")
    assert t.receive() == b"abcDEFghi"


def test_the_number_of_pieces_is_limited(talk):
    t = talk(MODERN.but(reassembly_pieces=5)).established(sack_permitted=True)
    for i in range(20):
        t.inject(ACK, seq=11 + 10 * i, ack=1, data=b"x")
    assert len(t.c.reassembly) == 5
    assert t.stack.counters["OfoPruned"] == 15
    for segment in t.drain():
        assert all(11 <= low < high <= 61 for low, high in segment.options.sack)
    t.inject(ACK, seq=1, ack=1, data=bytes(10))
    assert len(t.receive()) == 11


def test_what_is_beyond_the_window_is_not_held(talk):
    t = talk(MODERN.but(receive_buffer=20)).established(sack_permitted=True)
    t.inject(ACK, seq=11, ack=1, data=bytes(100))
    t.expect(ACK, ack=1, sack=((11, 21),))
    t.inject(ACK, seq=21, ack=1, data=bytes(100))
    t.expect(ACK, ack=1, sack=((11, 21),))
