"""What the profile ``freebsd`` does otherwise; each beside what the default does."""

from __future__ import annotations

import errno

import pytest

from estab.tcp.config import FREEBSD, MODERN
from estab.wire.icmp import IcmpKind
from tests.conversation import ACK, FIN, MILLISECOND, PSH, RST, SYN

MS = MILLISECOND
PLAIN = MODERN.but(super_segments=False)


def test_the_second_small_segment_is_acknowledged_at_once(talk):
    for config, at_once in ((FREEBSD, True), (PLAIN, False)):
        t = talk(config).established()
        t.inject(ACK | PSH, seq=1, ack=1, data=b"a")
        t.expect_nothing()
        t.inject(ACK | PSH, seq=2, ack=1, data=b"b")
        if at_once:
            t.expect(ACK, ack=3)
        else:
            t.expect_nothing()


def test_closing_with_unread_data_sends_fin(talk):
    for config, flags in ((FREEBSD, FIN | ACK), (PLAIN, RST | ACK)):
        t = talk(config).established()
        t.inject(ACK | PSH, seq=1, ack=1, data=b"unread")
        t.call("close")
        assert t.drain()[-1].flags == flags


@pytest.mark.parametrize(("config", "answered"), [(FREEBSD, False), (PLAIN, True)])
def test_what_is_empty_and_has_an_old_timestamp_is_not_answered(talk, config, answered):
    t = talk(config).established(ts=(500, 0))
    t.inject(ACK, seq=1, ack=1, ts=(499, 0))
    assert bool(t.drain()) is answered


def test_what_is_written_to_an_idle_connection_goes_out_with_its_small_end(talk):
    for idle, count in ((True, 3), (False, 2)):
        t = talk(FREEBSD.but(nagle_from_idle=idle, super_segments=False)).established(mss=1000)
        t.send(bytes(2100))
        assert len(t.drain()) == count
        t.send(b"more")
        t.expect_nothing()


def test_no_larger_segments_are_offered_than_were(talk):
    for config, mss in ((FREEBSD, 500), (PLAIN, 1460)):
        t = talk(config)
        t.listen()
        t.inject(SYN, seq=0, mss=500)
        assert t.expect(SYN | ACK).options.mss == mss


def test_buffers_are_of_whole_segments(talk):
    t = talk(FREEBSD).established(mss=1460)
    assert t.c.receive_limit == 45 * 1460
    assert t.c.send_limit == 23 * 1460


@pytest.mark.parametrize("code", [9, 10, 13])
def test_a_filter_ends_an_opening(talk, code):
    for config, state in ((FREEBSD, "CLOSED"), (MODERN.but(open_fails_on_unreachable=False), "SYN-SENT")):
        t = talk(config)
        t.open()
        t.expect(SYN)
        t.inject_icmp(IcmpKind.UNREACHABLE, code, seq=0)
        assert t.state == state


def test_giving_up_sends_a_reset(talk):
    for resets in (True, False):
        t = talk(FREEBSD.but(data_retries=0, timeout_resets=resets)).established()
        t.send(b"lost")
        t.expect(data=b"lost")
        t.after(10_000 * MS)
        assert [segment.flags & RST for segment in t.drain()] == ([RST] if resets else [])
        assert t.c.error.errno == errno.ETIMEDOUT


def test_an_opening_ends_after_its_timeout(talk):
    t = talk(FREEBSD.but(open_timeout=5000 * MS))
    t.open()
    t.after(4999 * MS)
    assert t.state == "SYN-SENT"
    t.after(2 * MS)
    assert t.state == "CLOSED"
    assert t.c.error.errno == errno.ETIMEDOUT


def test_a_closed_window_is_asked_about_by_a_byte(talk):
    for text, seq, size in ((True, 1001, 1), (False, 1000, 0)):
        t = talk(FREEBSD.but(persist_with_text=text, super_segments=False)).established(mss=1000)
        t.inject(ACK, seq=1, ack=1, win=1000)
        t.send(bytes(2000))
        t.expect(seq=1, len=1000)
        t.inject(ACK, seq=1, ack=1001, win=0)
        t.after(4900 * MS)
        t.expect_nothing()
        t.after(200 * MS)
        t.expect(ACK, seq=seq, len=size)
        t.inject(ACK, seq=1, ack=1001, win=1000)
        t.expect(seq=1001, len=1000)


def test_what_is_wholly_old_acknowledges(talk):
    for counts, left in ((True, 0), (False, 100)):
        t = talk(FREEBSD.but(old_acks_count=counts)).established()
        t.inject(ACK | PSH, seq=1, ack=1, data=bytes(100))
        t.send(bytes(100))
        t.expect(seq=1, len=100)
        t.inject(ACK | PSH, seq=1, ack=101, data=bytes(50))
        assert len(t.c.send_queue) == left


def test_a_half_open_connection_answers_every_syn(talk):
    t = talk(FREEBSD)
    t.listen()
    t.inject(SYN, seq=0, mss=1460)
    t.expect(SYN | ACK, seq=0, ack=1)
    t.inject(SYN, seq=1000, mss=1460)
    t.expect(SYN | ACK, seq=0, ack=1)
    t.inject(SYN | ACK, seq=0, ack=1)
    t.expect(RST, seq=1)
    assert t.state == "CLOSED"
