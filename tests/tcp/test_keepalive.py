"""Keep-alive: RFC 9293 §3.8.4."""

import errno

import pytest

from estab.tcp.config import MODERN
from estab.tcp.observer import Reason
from tests.conversation import ACK, FIN, RST, SECOND

BRISK = MODERN.but(keepalive=True, keepalive_idle=10 * SECOND, keepalive_interval=2 * SECOND, keepalive_probes=3)


@pytest.mark.req("RFC9293-MUST-25", "RFC1122-08")
def test_off_unless_asked_for(talk):
    """MUST-25."""
    t = talk().established()
    t.after(30 * 24 * 3600 * SECOND).expect_nothing()
    assert t.state == "ESTABLISHED"


@pytest.mark.req("RFC9293-MUST-24", "RFC9293-MUST-28", "RFC9293-SHLD-12", "RFC1122-08")
def test_two_hours_by_default(talk):
    """MUST-28."""
    t = talk().established()
    t.call("set_keepalive", True)
    t.after(7200 * SECOND - 1).expect_nothing()
    t.after(1).expect(ACK, seq=0, ack=1, len=0, reason=Reason.KEEPALIVE)


@pytest.mark.req("RFC9293-MUST-27", "RFC9293-MAY-5")
def test_answered(talk):
    t = talk(BRISK).established()
    for _ in range(5):
        t.after(10 * SECOND - 1).expect_nothing()
        t.after(1).expect(ACK, seq=0, ack=1, len=0)
        t.inject(ACK, seq=1, ack=1)
        t.expect_nothing()
    assert t.state == "ESTABLISHED"


@pytest.mark.req("RFC9293-MUST-29", "RFC1122-08")
def test_one_answer_lost_is_not_a_dead_peer(talk):
    """MUST-29."""
    t = talk(BRISK).established()
    t.after(10 * SECOND).expect(reason=Reason.KEEPALIVE)
    t.after(2 * SECOND).expect(reason=Reason.KEEPALIVE)
    t.inject(ACK, seq=1, ack=1)
    t.after(10 * SECOND).expect(reason=Reason.KEEPALIVE)
    t.after(2 * SECOND).expect(reason=Reason.KEEPALIVE)
    t.after(2 * SECOND).expect(reason=Reason.KEEPALIVE)
    assert t.state == "ESTABLISHED"


@pytest.mark.req("RFC9293-MAY-5")
def test_never_answered(talk):
    t = talk(BRISK).established()
    t.after(10 * SECOND).expect(seq=0, reason=Reason.KEEPALIVE)
    t.after(2 * SECOND).expect(seq=0, reason=Reason.KEEPALIVE)
    t.after(2 * SECOND).expect(seq=0, reason=Reason.KEEPALIVE)
    t.after(2 * SECOND).expect(RST | ACK, seq=1, ack=1)
    assert t.state == "CLOSED"
    assert t.c.error.errno == errno.ETIMEDOUT


@pytest.mark.req("RFC9293-MUST-26")
def test_traffic_puts_it_off(talk):
    """MUST-26: only when nothing has been heard for the interval."""
    t = talk(BRISK).established()
    t.after(9 * SECOND)
    t.inject(ACK, seq=1, ack=1, data=b"x")
    t.after(10 * SECOND - 1)
    t.expect(ACK, ack=2, reason=Reason.ACK)
    t.expect_nothing()
    t.after(1).expect(seq=0, reason=Reason.KEEPALIVE)


@pytest.mark.req("RFC9293-MUST-26")
def test_not_while_data_is_outstanding(talk):
    """MUST-26: then retransmission asks."""
    t = talk(BRISK).established()
    t.send(b"x")
    t.drain()
    t.after(60 * SECOND)
    assert all(s.seq == 1 and s.length for s in t.drain())
    assert t.state == "ESTABLISHED"


@pytest.mark.req("RFC9293-MUST-24")
def test_switched_off_again(talk):
    t = talk(BRISK).established()
    t.call("set_keepalive", False)
    t.after(3600 * SECOND).expect_nothing()


def test_the_restarted_peer_resets(talk):
    """What keep-alive is for: half-open connections are found."""
    t = talk(BRISK).established()
    t.after(10 * SECOND).expect(seq=0)
    t.inject(RST, seq=1)
    assert t.state == "CLOSED"
    assert isinstance(t.c.error, ConnectionResetError)


def test_half_closed_too(talk):
    t = talk(BRISK).established()
    t.call("shutdown")
    t.expect(FIN | ACK)
    t.inject(ACK, seq=1, ack=2)
    t.after(10 * SECOND).expect(ACK, seq=1, len=0, reason=Reason.KEEPALIVE)


def test_the_peers_probe_is_answered(talk):
    t = talk().established()
    t.inject(ACK, seq=0, ack=1)
    t.expect(ACK, seq=1, ack=1)
    t.inject(ACK, seq=0, ack=1, data=b"\0")
    t.expect(ACK, seq=1, ack=1)
    assert t.receive() == b""
