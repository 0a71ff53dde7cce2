"""Options that we read and do not take part in: fast open (RFC 7413), MD5 (RFC 2385), AO (RFC 5925), the unknown."""

import pytest

from estab.tcp.config import RFC, Ecn
from estab.wire.options import Options
from tests.conversation import ACK, SYN

OFFERS = (
    Options(mss=1460, fast_open=b""),
    Options(mss=1460, fast_open=bytes(8)),
    Options(mss=1460, md5=bytes(16)),
    Options(mss=1460, ao=bytes(14)),
    Options(mss=1460, unknown=((77, b"\1\2"),)),
)


@pytest.mark.req("RFC7413-07")
@pytest.mark.parametrize("offer", OFFERS, ids=str)
def test_an_offer_in_a_syn_is_passed_over(talk, offer):
    """RFC 7413 §4.2: the server ignores cookies when disabled; RFC 9293 MUST-6."""
    t = talk(RFC)
    t.listen()
    t.inject(SYN, seq=0, options=offer)
    answer = t.expect(SYN | ACK, seq=0, ack=1).options
    assert (answer.fast_open, answer.md5, answer.ao, answer.unknown) == (None, None, None, ())
    t.inject(ACK, seq=1, ack=1)
    assert t.state == "ESTABLISHED"


@pytest.mark.req("RFC7413-01")
def test_nothing_of_it_is_offered(talk):
    """RFC 7413 §2: off unless the application asks."""
    t = talk(RFC.but(ecn=Ecn.OFF))
    t.open()
    offered = t.expect(SYN, len=0).options
    assert (offered.fast_open, offered.md5, offered.ao, offered.unknown) == (None, None, None, ())


@pytest.mark.req("RFC9293-MUST-5", "RFC9293-MUST-6")
@pytest.mark.parametrize("options", [Options(fast_open=bytes(8)), Options(unknown=((77, b""),))], ids=str)
def test_on_later_segments_too(talk, options):
    """RFC 9293 MUST-5, MUST-6; RFC 7413 §4.1.1: only in a SYN has it a meaning."""
    t = talk(RFC).established()
    t.inject(ACK, seq=1, ack=1, data=b"x", options=options)
    assert t.receive() == b"x"
