"""When data is acknowledged where ``adaptive_acks`` says so, as under the profile linux."""

from __future__ import annotations

import pytest

from estab.tcp.config import LINUX, MODERN
from tests.conversation import ACK, FIN, MILLISECOND, PSH

MS = MILLISECOND


def talking(talk):
    return talk(LINUX).established()


def interactive(talk):
    """The peer has asked, the application has answered, and the answer was acknowledged."""
    t = talking(talk)
    t.inject(ACK | PSH, seq=1, ack=1, data=bytes(100))
    t.expect(ACK, ack=101, len=0)
    t.send(b"answer")
    t.expect(ACK | PSH, seq=1, ack=101, data=b"answer")
    t.after(10 * MS).inject(ACK, seq=101, ack=7)
    t.expect_nothing()
    return t


def test_the_first_data_is_acknowledged_at_once(talk):
    t = talking(talk)
    t.inject(ACK | PSH, seq=1, ack=1, data=bytes(100))
    t.expect(ACK, ack=101, len=0)


def test_without_it_the_first_data_waits(talk):
    t = talk(MODERN).established()
    t.inject(ACK | PSH, seq=1, ack=1, data=bytes(100))
    t.expect_nothing()


def test_an_application_that_answers_carries_the_acknowledgement_of_what_comes_next(talk):
    t = interactive(talk)
    t.after(20 * MS).inject(ACK | PSH, seq=101, ack=7, data=bytes(100))
    t.expect_nothing()
    t.send(b"answer")
    t.expect(ACK | PSH, ack=201, data=b"answer")


def test_where_it_does_not_answer_after_all_the_delay_ends_that(talk):
    t = interactive(talk)
    t.after(20 * MS).inject(ACK | PSH, seq=101, ack=7, data=bytes(100))
    t.after(40 * MS).expect(ACK, ack=201, len=0)
    t.after(100 * MS).inject(ACK | PSH, seq=201, ack=7, data=bytes(100))
    t.expect(ACK, ack=301, len=0)


def test_more_than_a_full_segment_does_not_wait(talk):
    t = interactive(talk)
    t.after(20 * MS).inject(ACK, seq=101, ack=7, data=bytes(1460))
    t.expect_nothing()
    t.inject(ACK, seq=1561, ack=7, data=bytes(100))
    t.expect(ACK, ack=1661, len=0)


def test_what_comes_twice_makes_haste(talk):
    t = interactive(talk)
    t.after(20 * MS).inject(ACK, seq=1, ack=7, data=bytes(100))
    t.expect(ACK, ack=101, len=0)
    t.inject(ACK | PSH, seq=101, ack=7, data=bytes(100))
    t.expect(ACK, ack=201, len=0)


def test_a_pause_makes_haste(talk):
    """Where the application answers no longer, or the delay would hold."""
    t = talking(talk)
    for number in range(20):
        t.after(10 * MS).inject(ACK | PSH, seq=1 + 100 * number, ack=1, data=bytes(100))
        t.after(50 * MS)
        t.expect(ACK, ack=101 + 100 * number, len=0)
    t.after(10 * MS).inject(ACK | PSH, seq=2001, ack=1, data=bytes(100))
    t.expect_nothing()
    t.after(40 * MS).expect(ACK, ack=2101, len=0)
    t.after(3000 * MS).inject(ACK | PSH, seq=2101, ack=1, data=bytes(100))
    t.expect(ACK, ack=2201, len=0)


def test_reading_all_of_it_acknowledges(talk):
    t = talking(talk)
    for number in range(16):
        t.inject(ACK | PSH, seq=1 + 100 * number, ack=1, data=bytes(100))
        t.expect(ACK, ack=101 + 100 * number, len=0)
    t.inject(ACK | PSH, seq=1601, ack=1, data=bytes(100))
    t.expect_nothing()
    assert len(t.receive()) == 1700
    t.expect(ACK, ack=1701, len=0)


@pytest.mark.parametrize("data", [b"", b"last words"])
def test_the_acknowledgement_of_a_fin_waits_for_ours(talk, data):
    t = interactive(talk)
    t.after(20 * MS).inject(ACK | FIN | PSH, seq=101, ack=7, data=data)
    t.expect_nothing()
    t.c.shutdown(t.now)
    t.expect(ACK | FIN, seq=7, ack=102 + len(data))
