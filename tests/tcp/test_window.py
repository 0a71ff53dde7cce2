"""The window that we offer and the scale of both: RFC 9293 §3.8.6.2.2, RFC 7323 §2."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estab.tcp.config import KIB, MIB, MODERN
from tests.conversation import ACK, MILLISECOND, MODES, SYN, Conversation

MS = MILLISECOND


@pytest.mark.req("RFC9293-REC-1", "RFC7323-06", "RFC7323-08")
def test_both_sides_scale(talk):
    t = talk(MODERN.but(receive_buffer=MIB))
    t.listen()
    t.inject(SYN, seq=0, mss=1460, window_scale=3, win=50_000)
    synack = t.expect(SYN | ACK, win=65_535)
    assert synack.options.window_scale == 5
    t.inject(ACK, seq=1, ack=1, win=1000)
    c = t.accept()
    assert c.snd_wnd == 8000
    t.send(b"x")
    assert t.expect(data=b"x").window == MIB >> 5


@pytest.mark.req("RFC7323-03")
def test_the_window_of_a_syn_is_not_scaled(talk):
    """RFC 7323 §2.2."""
    t = talk()
    t.open()
    t.expect(SYN, win=65_535)
    t.inject(SYN | ACK, seq=0, ack=1, mss=1460, window_scale=7, win=4000)
    t.expect(ACK)
    assert t.c.snd_wnd == 4000
    t.inject(ACK, seq=1, ack=1, win=4000)
    assert t.c.snd_wnd == 4000 << 7


@pytest.mark.req("RFC7323-01", "RFC7323-07")
def test_only_one_side_scales(talk):
    """RFC 7323 §2.2, §2.3: both shifts are zero unless both SYNs carried the option."""
    t = talk()
    t.open()
    assert t.expect(SYN).options.window_scale is not None
    t.inject(SYN | ACK, seq=0, ack=1, mss=1460)
    assert t.expect(ACK).window == 65_535
    t.inject(ACK, seq=1, ack=1, win=4000)
    assert t.c.snd_wnd == 4000


@pytest.mark.req("RFC7323-01")
def test_an_option_that_was_not_offered_is_not_answered(talk):
    t = talk()
    t.listen()
    t.inject(SYN, seq=0, mss=1460)
    assert t.expect(SYN | ACK).options.window_scale is None


@pytest.mark.req("RFC7323-07")
def test_switched_off(talk):
    t = talk(MODERN.but(window_scale=False))
    t.listen()
    t.inject(SYN, seq=0, mss=1460, window_scale=3)
    assert t.expect(SYN | ACK).options.window_scale is None
    t.inject(ACK, seq=1, ack=1, win=4000)
    assert t.accept().snd_wnd == 4000


@pytest.mark.req("RFC7323-04")
def test_a_small_buffer_still_offers_the_option(talk):
    """RFC 7323 §2.2: a shift of 0 lets the peer scale."""
    t = talk(MODERN.but(receive_buffer=32 * KIB))
    t.open()
    assert t.expect(SYN).options.window_scale == 0


@pytest.mark.req("RFC7323-05")
@pytest.mark.parametrize("shift", [14, 15, 255])
def test_a_shift_beyond_fourteen_is_fourteen(talk, shift):
    """RFC 7323 §2.3."""
    t = talk().established(window_scale=shift)
    t.inject(ACK, seq=1, ack=1, win=3)
    assert t.c.snd_wnd == 3 << 14


@pytest.mark.req("RFC7323-02")
def test_the_option_on_a_later_segment_is_ignored(talk):
    """RFC 7323 §2.2."""
    t = talk().established(window_scale=2)
    t.inject(ACK, seq=1, ack=1, win=1000, window_scale=9)
    assert t.c.snd_wnd == 4000


@pytest.mark.req("RFC9293-MUST-1")
def test_a_window_is_unsigned(talk):
    """RFC 9293 MUST-1."""
    t = talk().established()
    t.inject(ACK, seq=1, ack=1, win=65_535)
    assert t.c.snd_wnd == 65_535
    assert t.c.usable_window == 65_535


@pytest.mark.parametrize(("seq", "ack", "taken"), [(1, 1, False), (11, 1, True)], ids=["old", "new"])
def test_an_old_segment_does_not_change_the_window(talk, seq, ack, taken):
    """SND.WL1 and SND.WL2: RFC 9293 §3.10.7.4."""
    t = talk().established()
    t.inject(ACK, seq=1, ack=1, data=bytes(10), win=2000)
    t.inject(ACK, seq=seq, ack=ack, win=500)
    assert t.c.snd_wnd == (500 if taken else 2000)


@pytest.mark.req("RFC9293-MAY-8")
def test_a_repetition_that_acknowledges_more_brings_the_window_of_its_time(talk):
    """Or SND.UNA would move the right edge beyond the peer's, who then hears nothing any more."""
    t = talk(MODERN.but(super_segments=False)).established(mss=1000)
    t.send(bytes(4000))
    t.drain()
    t.inject(ACK, seq=501, ack=1001, win=3000, data=bytes(500))
    t.drain()
    t.inject(ACK, seq=1, ack=4001, win=1000, data=bytes(500))
    t.drain()
    assert t.c.usable_window == 1000
    t.inject(ACK, seq=1, ack=4001, win=3000, data=bytes(500))
    assert t.c.snd_wnd == 1000, "the same repetition again is old"


def test_what_is_not_read_closes_the_window(talk):
    t = talk(MODERN.but(receive_buffer=4000)).established(mss=1000)
    t.inject(ACK, seq=1, ack=1, data=bytes(2000))
    t.after(40 * MS).expect(ACK, ack=2001, win=2000)
    t.inject(ACK, seq=2001, ack=1, data=bytes(2000))
    t.after(40 * MS).expect(ACK, ack=4001, win=0)


@pytest.mark.req("RFC9293-MUST-39", "RFC1122-05")
def test_an_acknowledgement_that_is_due_announces_no_small_step(talk):
    t = talk(MODERN.but(receive_buffer=4000)).established()
    for seq in range(1, 4000, 1000):
        t.inject(ACK, seq=seq, ack=1, data=bytes(1000))
    t.drain()
    t.receive(999)
    t.inject(ACK, seq=4000, ack=1)
    t.expect(ACK, ack=4001, win=0)
    t.receive(1000)
    t.expect(ACK, ack=4001, win=1999)


@pytest.mark.req("RFC9293-MUST-39", "RFC1122-05")
def test_reading_opens_it_again_by_worthwhile_steps(talk):
    """RFC 9293 MUST-39: half of the buffer or a segment, whichever is less."""
    t = talk(MODERN.but(receive_buffer=4000)).established()
    for seq in range(1, 4000, 1000):
        t.inject(ACK, seq=seq, ack=1, data=bytes(1000))
    t.drain()
    t.after(40 * MS)
    t.drain()
    t.receive(999)
    t.expect_nothing()
    t.receive(1)
    t.expect(ACK, ack=4001, win=1000)
    t.receive(100)
    t.expect_nothing()
    t.receive(3000)
    t.expect(ACK, ack=4001, win=4000)


def test_reading_a_little_from_a_wide_open_window_is_not_news(talk):
    t = talk().established(window_scale=7)
    t.inject(ACK, seq=1, ack=1, data=bytes(1000))
    t.after(40 * MS).expect(ACK)
    t.receive()
    t.expect_nothing()


def test_data_beyond_the_window_is_cut_off(talk):
    t = talk(MODERN.but(receive_buffer=10)).established()
    t.inject(ACK, seq=1, ack=1, data=b"0123456789abcdef")
    t.after(40 * MS).expect(ACK, ack=11, win=0)
    assert t.receive() == b"0123456789"


@pytest.mark.req("RFC9293-MUST-66")
def test_a_closed_window_does_not_hide_the_acknowledgement(talk):
    """RFC 9293 MUST-66 and §3.10.7.4: with RCV.WND = 0 valid ACKs are still taken."""
    t = talk(MODERN.but(receive_buffer=10)).established()
    t.send(b"mine")
    t.drain()
    t.inject(ACK, seq=1, ack=1, data=bytes(10))
    t.inject(ACK, seq=11, ack=5, data=b"beyond")
    assert t.c.snd_una == t.c.snd_nxt


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("data"), st.integers(1, 4000)),
        st.tuples(st.just("gap"), st.integers(1, 4000)),
        st.tuples(st.just("read"), st.integers(1, 4000)),
        st.tuples(st.just("wait"), st.sampled_from([1, 50])),
        st.tuples(st.just("send"), st.integers(1, 50)),
    ),
    max_size=25,
)


@pytest.mark.req("RFC7323-09")
def test_what_was_announced_is_accepted_although_rounding_took_it_back(talk):
    """RFC 7323 §2.4: a window that is not a multiple of its unit is announced as less."""
    t = talk(MODERN.but(receive_buffer=262_144)).established(window_scale=0, sack_permitted=True)
    for seq in (1, 2):
        t.inject(ACK, seq=seq, ack=1, data=b"a")
        t.after(40 * MS)
    first, second = t.drain()
    edge = first.ack + (first.window << 3)
    assert second.ack + (second.window << 3) < edge
    t.inject(ACK, seq=edge - 1, ack=1, data=b"z")
    t.expect(ACK, ack=3, sack=((edge - 1, edge),))


@pytest.mark.req("RFC9293-SHLD-14", "RFC7323-12")
@settings(max_examples=60)
@given(STEPS, st.sampled_from([500, 3000, 65_535, 200_000]), st.sampled_from([None, 0, 7]))
def test_the_right_edge_never_moves_left(steps, buffer, scale):
    """RFC 9293 SHLD-14; by less than one unit of the scale at most (RFC 7323 §2.4)."""
    t = Conversation(MODES[0], MODERN.but(receive_buffer=buffer)).established(window_scale=scale)
    shift = t.c.rcv_wscale
    position, edge = 1, 1 + min(buffer, 65_535)
    for action, size in steps:
        if action == "data":
            size = min(size, edge - position)
            t.inject(ACK, seq=position, ack=1, data=bytes(size))
            position += size
        elif action == "gap":
            t.inject(ACK, seq=position + 10, ack=1, data=bytes(size))
        elif action == "read":
            t.receive(size)
        elif action == "send":
            t.send(bytes(size))
        else:
            t.after(size * MS)
        for segment in t.drain():
            right = segment.ack + (segment.window << shift)
            assert right > edge - (1 << shift)
            assert right - segment.ack <= buffer
            edge = max(edge, right)
            position = max(position, segment.ack)
