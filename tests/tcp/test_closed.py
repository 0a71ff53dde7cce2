"""A segment for nobody: RFC 9293 §3.10.7.1."""

import pytest

from estab.tcp.observer import Reason
from tests.conversation import ACK, FIN, PSH, RST, SYN, URG


def relative(wire: int, begin: int) -> int:
    return (wire - begin + 2**31 & 0xFFFFFFFF) - 2**31


@pytest.mark.parametrize("v6", [False, True])
@pytest.mark.parametrize(
    ("flags", "data", "span"),
    [(SYN, b"", 1), (0, b"", 0), (FIN, b"", 1), (URG, b"", 0), (PSH, b"abc", 3), (SYN | FIN, b"abc", 5)],
)
def test_without_ack_the_reset_acknowledges_what_came(talk, flags, data, span, v6):
    t = talk(v6=v6)
    t.inject(flags, seq=7, data=data)
    t.expect(RST | ACK, seq=relative(0, t.iss), ack=7 + span, len=0, win=0, reason=Reason.RESET)
    t.expect_nothing()
    assert t.stack.counters["TCPNoConnection"] == 1
    assert not t.stack.connections


@pytest.mark.parametrize("v6", [False, True])
@pytest.mark.parametrize("flags", [ACK, SYN | ACK, FIN | ACK, ACK | URG])
@pytest.mark.parametrize("data", [b"", b"abc"])
def test_with_ack_the_reset_takes_its_number(talk, flags, data, v6):
    t = talk(v6=v6)
    t.inject(flags, seq=7, ack=33, data=data)
    t.expect(RST, seq=33, len=0, win=0)
    t.expect_nothing()


@pytest.mark.req("RFC7323-24")
@pytest.mark.parametrize("flags", [SYN, ACK])
def test_timestamps_are_echoed(talk, flags):
    """RFC 7323 §5.2: TSval 0, TSecr of what came."""
    t = talk()
    t.inject(flags, seq=5, ack=7, ts=(77, 12))
    assert t.drain()[0].options.timestamps == (0, 77)


def test_without_timestamps_a_reset_has_none(talk):
    t = talk()
    t.inject(SYN, seq=5)
    assert t.drain()[0].options.timestamps is None


@pytest.mark.parametrize("flags", [RST, RST | ACK, RST | SYN, RST | FIN | ACK])
def test_a_reset_is_never_answered(talk, flags):
    t = talk()
    t.inject(flags, seq=7, ack=33)
    t.expect_nothing()
    assert t.stack.counters["TCPNoConnection"] == 1
