"""RST: exact, or challenged, or ignored (RFC 9293 §3.10.7.4, second; RFC 5961 §3), and what it does where."""

import pytest

from estab.tcp import arrives
from estab.tcp.observer import Reason
from estab.tcp.rules import RULES
from tests.conversation import ACK, RST, SYN
from tests.tcp import states
from tests.tcp.states import reach

WINDOW = 65_535
OPENING = (states.SYN_RECEIVED, states.SIMULTANEOUS)
SWEPT = OPENING + states.LIVE


@pytest.mark.req("RFC5961-01", "RFC5961-02", "RFC5961-03", "RFC5961-13")
@pytest.mark.parametrize("v6", [False, True], ids=["v4", "v6"])
@pytest.mark.parametrize(
    "case",
    [
        ("next", -1, "drop"),
        ("next", 0, "reset"),
        ("next", 1, "challenge"),
        ("edge", -1, "challenge"),
        ("edge", 0, "drop"),
    ],
)
@pytest.mark.parametrize("place", SWEPT, ids=str)
def test_sweep(talk, place, case, v6):
    base, offset, expected = case
    t = talk(v6=v6)
    n = reach(t, place)
    c = t.stack.connections[t.key]
    t.inject(RST, seq=offset + (c.rcv_nxt if base == "next" else c.rcv_edge) - c.irs)
    if expected == "challenge":
        t.expect(ACK, seq=n.nxt, ack=n.rcv, reason=Reason.CHALLENGE)
    t.expect_nothing()
    assert t.state == ("CLOSED" if expected == "reset" else place.state)


@pytest.mark.req("RFC9293-MUST-66", "RFC9293-SHLD-2")
@pytest.mark.parametrize("length", [0, 5])
@pytest.mark.parametrize("offset", [-1, 0, 1, 4])
def test_sweep_of_a_closed_window(talk, offset, length):
    """With no window only RCV.NXT itself resets; text with the RST does not matter (MUST-66)."""
    t = talk(config=talk().config.but(receive_buffer=4))
    t.established()
    t.inject(ACK, seq=1, ack=1, data=b"full")
    t.after(t.config.delayed_ack)
    t.expect(ACK, seq=1, ack=5, win=0)
    t.inject(RST, seq=5 + offset, data=b"x" * length)
    t.expect_nothing()
    assert t.state == ("ESTABLISHED" if offset else "CLOSED")


@pytest.mark.req("RFC9293-SHLD-2")
def test_text_with_a_reset_does_not_reach_into_the_window(talk):
    """RFC 5961 §3.2 looks at the sequence number alone."""
    t = talk().established()
    t.inject(RST, seq=-5, data=b"x" * 20)
    t.expect_nothing()
    assert t.state == "ESTABLISHED"


# ---------------------------------------------------------------------- what a valid one does


@pytest.mark.req("RFC9293-MUST-11")
def test_a_new_syn_ends_a_passive_opening_and_is_challenged_in_an_active_one(talk):
    """RFC 9293 §3.10.7.4, fourth, and RFC 5961 §4.2."""
    t = talk()
    n = reach(t, states.SYN_RECEIVED)
    t.inject(SYN, seq=n.rcv + 5)
    assert not t.stack.connections
    t = talk()
    n = reach(t, states.SIMULTANEOUS)
    t.inject(SYN, seq=n.rcv + 5)
    t.expect(ACK, ack=n.rcv)
    assert t.state == "SYN-RECEIVED"


def test_a_passive_opening_is_forgotten(talk):
    t = talk()
    n = reach(t, states.SYN_RECEIVED)
    t.inject(RST, seq=n.rcv)
    assert not t.stack.connections
    assert not t.stack.embryos
    listener = t.stack.listeners[80][0]
    assert not listener.half_open
    assert t.stack.accept(listener) is None
    assert t.stack.take_events() == []
    t.inject(SYN, seq=50)
    t.expect(SYN | ACK, ack=51)


@pytest.mark.req("RFC9293-MUST-11")
def test_an_active_opening_is_refused(talk):
    t = talk()
    n = reach(t, states.SIMULTANEOUS)
    t.inject(RST, seq=n.rcv)
    with pytest.raises(ConnectionRefusedError):
        t.receive()


@pytest.mark.req("RFC9293-MUST-12")
@pytest.mark.parametrize("place", states.LIVE, ids=str)
def test_the_user_is_told(talk, place):
    t = talk()
    n = reach(t, place)
    if place.state in ("ESTABLISHED", "CLOSE-WAIT"):
        t.send(b"never acknowledged")
        t.drain()
    t.stack.take_events()
    t.inject(RST, seq=n.rcv)
    assert t.stack.take_events() == [t.c]
    for call in (lambda: t.c.receive(1, t.now), lambda: t.c.send(b"x", t.now)):
        with pytest.raises(ConnectionResetError):
            call()
    assert len(t.c.send_queue) == 0
    assert t.c.board.ranges == []


def test_what_was_received_before_is_thrown_away(talk):
    t = talk().established()
    t.inject(ACK, seq=1, ack=1, data=b"unread")
    t.inject(RST, seq=7)
    with pytest.raises(ConnectionResetError):
        t.c.receive(10, t.now)
    assert t.c.receive_queue.size == 0


def test_statistics_tell_which(talk):
    for place, counter in (
        (states.SYN_RECEIVED, "AttemptFails"),
        (states.SIMULTANEOUS, "AttemptFails"),
        (states.ESTABLISHED, "EstabResets"),
        (states.CLOSE_WAIT, "EstabResets"),
        (states.FIN_WAIT_1, "TCPAbortOnReset"),
        (states.LAST_ACK, "TCPAbortOnReset"),
    ):
        t = talk()
        n = reach(t, place)
        t.inject(RST, seq=n.rcv)
        assert t.stack.counters[counter] == 1, place


def test_two_in_one_batch(talk):
    """The second finds nobody."""
    t = talk().established()
    rst = t.segment_bytes(RST, seq=1)
    t.inject_batch([rst, rst])
    t.expect_nothing()
    assert t.state == "CLOSED"


# ---------------------------------------------------------------------- what the checks are for


def obey_any(c, segment, now):
    if segment.flags & RST:
        arrives.reset(c, now)
        return True
    return False


@pytest.mark.parametrize("place", states.LIVE, ids=str)
def test_without_exactness_a_guess_resets(talk, place):
    t = talk(rules=RULES.without_step(arrives.check_rst, obey_any))
    n = reach(t, place)
    t.inject(RST, seq=n.rcv + 1000)
    assert t.state == "CLOSED"


@pytest.mark.parametrize("place", states.LIVE, ids=str)
def test_without_the_sequence_check_any_number_challenges(talk, place):
    t = talk(rules=RULES.without_step(arrives.check_sequence))
    n = reach(t, place)
    t.inject(RST, seq=n.rcv + 2**30)
    t.expect(ACK, reason=Reason.CHALLENGE)


@pytest.mark.req("RFC5961-03")
def test_blind_resets_hit_nothing(talk):
    """CVE-2004-0230: one guess per window, as many as there are windows, and then some."""
    t = talk().established()
    for guess in range(0, 2**32, 2**32 // 1000):
        if guess:
            t.inject(RST, seq=1 + guess)
    assert t.state == "ESTABLISHED"
    assert len(t.drain()) <= t.config.challenge_acks


def test_blind_resets_do_not_remove_a_half_open_connection(talk):
    for place in OPENING:
        t = talk()
        n = reach(t, place)
        for guess in (-(2**31) + 1, -1000, -1, 1, 2, 1000, WINDOW - 1, 2**20, 2**31 - 1):
            t.inject(RST, seq=n.rcv + guess)
            assert t.state == "SYN-RECEIVED"
        t.drain()
        t.inject(ACK, seq=1, ack=1)
        assert t.state == "ESTABLISHED"


@pytest.mark.parametrize("place", SWEPT, ids=str)
def test_a_reset_is_never_answered_by_a_reset(talk, place):
    t = talk()
    n = reach(t, place)
    for offset in (0, 0, 1, -1):
        t.inject(RST | ACK, seq=n.rcv + offset, ack=n.nxt + 5)
    assert all(not segment.flags & RST for segment in t.drain())
