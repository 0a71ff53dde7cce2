"""What was sent before the peer took its window back: RFC 9293 §3.8.6."""

import pytest

from estab.tcp.config import RFC
from estab.tcp.observer import Reason
from tests.conversation import ACK

ONE_BY_ONE = RFC.but(super_segments=False, black_hole_timeouts=100)


def shrunken(talk):
    """Four segments of 1000 bytes are out, and only the first is within the window now."""
    t = talk(ONE_BY_ONE).established(mss=1000)
    t.send(bytes(5000))
    assert sum(segment.length for segment in t.drain()) == 5000
    t.inject(ACK, seq=1, ack=1, win=1000)
    return t


@pytest.mark.req("RFC9293-SHLD-15")
def test_nothing_new_goes_out(talk):
    """SHLD-15."""
    t = shrunken(talk)
    assert t.c.usable_window < 0
    t.send(bytes(3000))
    t.expect_nothing()


@pytest.mark.req("RFC9293-SHLD-16")
def test_what_lies_within_is_sent_again(talk):
    """SHLD-16."""
    t = shrunken(talk)
    t.after(t.c.rtt.rto).expect(ACK, seq=1, len=1000, reason=Reason.TIMEOUT)


@pytest.mark.req("RFC9293-MAY-7")
def test_what_lies_beyond_is_sent_again_too(talk):
    """MAY-7: the receiver had promised to take it."""
    t = shrunken(talk)
    t.inject(ACK, seq=1, ack=1001, win=0)
    t.after(t.c.rtt.rto).expect(ACK, seq=1001, len=1000, reason=Reason.TIMEOUT)


@pytest.mark.req("RFC9293-MUST-35")
def test_a_window_shrunk_to_nothing_is_probed(talk):
    """MUST-35: once nothing is outstanding, as any closed window."""
    t = shrunken(talk)
    t.send(b"more")
    t.inject(ACK, seq=1, ack=5001, win=0)
    t.after(t.c.rtt.rto).expect(ACK, seq=5000, len=0, reason=Reason.WINDOW_PROBE)
