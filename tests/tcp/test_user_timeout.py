"""How long to wait for the peer: RFC 9293 §3.9.1.8 and the option of RFC 5482."""

import pytest

from estab.tcp.config import MODERN
from estab.wire.options import Options
from tests.conversation import ACK, SECOND, SYN

TALKING = MODERN.but(user_timeout_option=True)


def dies_after(t, timeout):
    """Data is never acknowledged: alive one nanosecond before, dead at the very time."""
    t.send(b"x")
    t.drain()
    t.after(timeout - 1)
    assert t.state == "ESTABLISHED"
    t.after(1)
    t.drain()
    assert t.state == "CLOSED"
    assert isinstance(t.c.error, TimeoutError)


@pytest.mark.req("RFC9293-MUST-21")
def test_set_by_the_application_for_ever(talk):
    t = talk().established()
    t.call("set_user_timeout", None)
    t.send(b"x")
    t.after(24 * 3600 * SECOND)
    assert t.state == "ESTABLISHED"


@pytest.mark.req("RFC9293-MUST-21")
def test_set_by_the_application(talk):
    t = talk().established()
    t.call("set_user_timeout", 7 * SECOND)
    dies_after(t, 7 * SECOND)


def test_counts_from_the_first_unacknowledged_byte(talk):
    t = talk().established()
    t.call("set_user_timeout", 7 * SECOND)
    t.send(b"x")
    t.drain()
    t.after(5 * SECOND)
    t.drain()
    t.inject(ACK, seq=1, ack=2)
    dies_after(t, 7 * SECOND)


def test_an_idle_connection_does_not_time_out(talk):
    t = talk().established()
    t.call("set_user_timeout", 7 * SECOND)
    t.after(3600 * SECOND).expect_nothing()
    assert t.state == "ESTABLISHED"


def test_not_announced_unless_asked_for(talk):
    t = talk()
    t.open()
    assert t.expect(SYN).options.user_timeout is None


@pytest.mark.req("RFC5482-03", "RFC5482-04")
def test_announced_in_the_syn(talk):
    t = talk(TALKING)
    t.open()
    assert t.expect(SYN).options.user_timeout == 300


@pytest.mark.req("RFC5482-03")
def test_announced_in_the_syn_ack(talk):
    t = talk(TALKING)
    t.listen()
    t.inject(SYN, seq=0, mss=1460, user_timeout=500)
    assert t.expect(SYN | ACK).options.user_timeout == 300


@pytest.mark.req("RFC5482-01", "RFC5482-06", "RFC5482-07")
@pytest.mark.parametrize(
    ("ours", "peers", "effective"),
    [(300, 1000, 1000), (300, 200, 300), (10, 20, 100), (300, 30_000, 3600)],
    ids=["the peer's is longer", "ours is longer", "lower limit", "upper limit"],
)
def test_adopted(talk, ours, peers, effective):
    """min(U_LIMIT, max(ADV_UTO, REMOTE_UTO, L_LIMIT)): RFC 5482 §3.1."""
    t = talk(TALKING.but(user_timeout=ours * SECOND)).established(user_timeout=peers)
    dies_after(t, effective * SECOND)


@pytest.mark.req("RFC9293-MUST-5", "RFC5482-06")
def test_adopted_from_a_later_segment(talk):
    """RFC 5482 §3.2: the option may come with any segment."""
    t = talk(TALKING).established()
    t.inject(ACK, seq=1, ack=1, data=b"x", user_timeout=1000)
    dies_after(t, 1000 * SECOND)


@pytest.mark.req("RFC5482-13")
def test_the_peers_wish_is_ignored_unless_we_take_part(talk):
    t = talk().established(user_timeout=1000)
    dies_after(t, 300 * SECOND)


@pytest.mark.req("RFC5482-02", "RFC5482-05")
def test_what_the_application_has_set_does_not_change(talk):
    """RFC 5482 §3: an explicit USER_TIMEOUT is not CHANGEABLE, whatever the peer wishes before or after."""
    t = talk(TALKING).established(user_timeout=1000)
    t.call("set_user_timeout", 20 * SECOND)
    t.inject(ACK, seq=1, ack=1, data=b"x", user_timeout=500)
    dies_after(t, 20 * SECOND)


@pytest.mark.req("RFC5482-09")
def test_the_option_may_be_lost(talk):
    """RFC 5482 §3.2: nothing depends on its arrival; our own holds until the peer's is heard."""
    t = talk(TALKING).established()
    dies_after(t, 300 * SECOND)


@pytest.mark.req("RFC5482-12")
def test_a_wish_for_nothing_is_ignored(talk):
    """RFC 5482 §3.4: 0 is reserved."""
    t = talk(TALKING).established(user_timeout=1000)
    t.inject(ACK, seq=1, ack=1, data=b"x", options=Options(unknown=((28, b"\0\0"),)))
    dies_after(t, 1000 * SECOND)


@pytest.mark.req("RFC5482-14")
def test_keep_alive_waits_longer_than_what_was_agreed(talk):
    """RFC 5482 §4.2: or it would end a connection that both sides want to survive a pause."""
    t = talk(TALKING.but(keepalive=True, keepalive_idle=10 * SECOND)).established(user_timeout=1000)
    t.after(1000 * SECOND).expect_nothing()
    t.after(1).expect(ACK, seq=0, len=0)


def test_keep_alive_is_free_where_nothing_was_agreed(talk):
    t = talk(TALKING.but(keepalive=True, keepalive_idle=10 * SECOND)).established()
    t.after(10 * SECOND).expect(ACK, seq=0, len=0)


@pytest.mark.req("RFC5482-11")
def test_an_opening_is_not_subject_to_it(talk):
    t = talk(MODERN.but(user_timeout=SECOND))
    t.open()
    t.after(30 * SECOND)
    assert t.state == "SYN-SENT"


def test_an_unanswered_window_probe_is_subject_to_it(talk):
    t = talk(MODERN.but(user_timeout=10 * SECOND)).established()
    t.inject(ACK, seq=1, ack=1, win=0)
    t.send(b"x")
    t.after(10 * SECOND - 1)
    assert t.state == "ESTABLISHED"
    t.after(1)
    assert t.state == "CLOSED"
    assert isinstance(t.c.error, TimeoutError)
