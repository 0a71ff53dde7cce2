"""What the application hears while a connection is in trouble: RFC 9293 §3.8.3, §3.9.1.8, §3.9.2.2."""

import errno

import pytest

from estab.tcp.config import RFC, Ecn
from estab.wire.icmp import IcmpKind
from tests.conversation import ACK, SECOND, SYN

ROUTER = "10.0.0.254"
SOFT = (
    (IcmpKind.UNREACHABLE, 0, errno.ENETUNREACH),
    (IcmpKind.UNREACHABLE, 1, errno.EHOSTUNREACH),
    (IcmpKind.UNREACHABLE, 5, errno.EHOSTUNREACH),
    (IcmpKind.TIME_EXCEEDED, 0, errno.EHOSTUNREACH),
)


@pytest.mark.req(
    "RFC9293-MUST-47", "RFC9293-MUST-54", "RFC9293-MUST-56", "RFC9293-SHLD-25", "RFC1122-09", "RFC1122-11", "RFC5927-06"
)
@pytest.mark.parametrize(("kind", "code", "expected"), SOFT)
def test_what_the_network_says_is_told_and_ends_nothing(talk, kind, code, expected):
    """MUST-47, MUST-54, MUST-56, SHLD-25."""
    t = talk().established()
    t.send(b"x")
    t.drain()
    t.stack.take_events()
    t.inject_icmp(kind, code, seq=1, router=ROUTER)
    assert t.c in t.stack.take_events()
    assert t.c.soft_error.errno == expected
    assert t.state == "ESTABLISHED"
    t.inject(ACK, seq=1, ack=2)
    assert t.c.soft_error is None


@pytest.mark.req("RFC9293-MUST-56")
@pytest.mark.parametrize(("kind", "code", "expected"), SOFT)
def test_to_the_letter_an_opening_goes_on_too(talk, kind, code, expected):
    """MUST-56 makes no exception for SYN-SENT."""
    t = talk(RFC.but(ecn=Ecn.OFF))
    t.open()
    t.expect(SYN)
    t.inject_icmp(kind, code, seq=0, router=ROUTER)
    assert t.state == "SYN-SENT"
    assert t.c.soft_error.errno == expected
    t.inject(SYN | ACK, seq=0, ack=1, mss=1460)
    assert t.state == "ESTABLISHED"


@pytest.mark.req("RFC9293-MUST-56")
def test_a_parameter_problem_ends_nothing(talk):
    """MUST-56."""
    t = talk().established()
    t.send(b"x")
    t.drain()
    t.inject_icmp(IcmpKind.PARAMETER_PROBLEM, 0, seq=1, router=ROUTER)
    assert t.state == "ESTABLISHED"


@pytest.mark.req("RFC9293-MUST-20", "RFC9293-MUST-47", "RFC9293-SHLD-9", "RFC9293-SHLD-10", "RFC1122-07")
def test_after_r1_the_application_is_told(talk):
    """MUST-20, SHLD-9, SHLD-10: at the third retransmission, once; an answer takes it back."""
    t = talk().established()
    t.send(b"x")
    t.drain()
    t.stack.take_events()
    for expected in (False, False, True):
        assert not t.c.in_trouble
        t.after(t.c.rtt.rto).expect(seq=1)
        assert t.c.in_trouble == expected
        assert (t.c in t.stack.take_events()) == expected
    t.after(t.c.rtt.rto).expect(seq=1)
    assert t.stack.take_events() == []
    t.inject(ACK, seq=1, ack=2)
    assert not t.c.in_trouble


@pytest.mark.req("RFC9293-MUST-22")
def test_an_opening_is_no_exception(talk):
    """MUST-22."""
    t = talk()
    t.open()
    t.expect(SYN)
    t.stack.take_events()
    t.after(7 * SECOND)
    assert len(t.drain()) == 3
    assert t.c.in_trouble
    assert t.c in t.stack.take_events()
    assert t.state == "SYN-SENT"


@pytest.mark.req("RFC9293-SHLD-11", "RFC1122-07")
def test_to_the_letter_r2_is_at_least_100_seconds(talk):
    """SHLD-11; MUST-20: then the connection is closed."""
    t = talk(RFC).established()
    t.send(b"x")
    t.after(100 * SECOND)
    assert t.state == "ESTABLISHED"
    t.after(RFC.user_timeout)
    assert t.state == "CLOSED"
    assert t.c.error.errno == errno.ETIMEDOUT


@pytest.mark.req("RFC9293-SHLD-20")
def test_who_does_not_ask_hears_nothing(talk):
    """SHLD-20: a soft error is only there to be looked at; no call fails because of it."""
    t = talk().established()
    t.send(b"x")
    t.drain()
    t.inject_icmp(IcmpKind.UNREACHABLE, 1, seq=1, router=ROUTER)
    assert t.send(b"y") == 1
    t.inject(ACK, seq=1, ack=1, data=b"z")
    assert t.receive() == b"z"
