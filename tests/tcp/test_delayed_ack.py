"""When we acknowledge: RFC 9293 §3.8.6.3, RFC 5681 §4.2."""

import pytest

from estab.tcp.config import MODERN, RFC
from estab.wire import tcp
from estab.wire.packet import Packet
from estab.wire.tcp import Segment
from tests.conversation import ACK, FIN, MILLISECOND, SECOND

MS = MILLISECOND


@pytest.mark.req("RFC9293-MUST-40", "RFC9293-SHLD-18", "RFC1122-04")
@pytest.mark.parametrize("config", [MODERN, RFC], ids=lambda config: config.profile)
def test_one_segment_is_acknowledged_after_the_delay(talk, config):
    t = talk(config).established()
    t.inject(ACK, seq=1, ack=1, data=b"hello")
    t.after(config.delayed_ack - 1).expect_nothing()
    t.after(1).expect(ACK, seq=1, ack=6, len=0)
    t.after(SECOND).expect_nothing()
    assert config.delayed_ack < 500 * MS


@pytest.mark.req("RFC9293-MUST-40", "RFC5681-18")
def test_the_delay_counts_from_the_first(talk):
    t = talk().established()
    t.inject(ACK, seq=1, ack=1, data=b"a")
    t.after(30 * MS)
    t.inject(ACK, seq=2, ack=1, data=b"b")
    t.after(10 * MS - 1).expect_nothing()
    t.after(1).expect(ACK, ack=3)


@pytest.mark.req("RFC9293-SHLD-19", "RFC1122-04")
def test_every_second_full_segment_at_once(talk):
    t = talk().established()
    for i in range(4):
        t.inject(ACK, seq=1 + 1460 * i, ack=1, data=bytes(1460))
        if i % 2:
            t.expect(ACK, ack=1 + 1460 * (i + 1))
        t.expect_nothing()


@pytest.mark.req("RFC9293-SHLD-19")
def test_what_full_means_is_what_the_peer_sends(talk):
    """A peer behind a smaller path sends smaller segments: RFC 5681 §4.2 (RMSS)."""
    t = talk().established()
    for i in range(4):
        t.inject(ACK, seq=1 + 536 * i, ack=1, data=bytes(536))
        if i % 2:
            t.expect(ACK, ack=1 + 536 * (i + 1))
        t.expect_nothing()


def test_data_carries_the_acknowledgement(talk):
    t = talk().established()
    t.inject(ACK, seq=1, ack=1, data=b"hello")
    t.send(b"answer")
    t.expect(ACK, ack=6, data=b"answer")
    t.after(150 * MS).expect_nothing()


@pytest.mark.req("RFC9293-MAY-13", "RFC1122-03", "RFC5681-16", "RFC6582-13")
def test_out_of_order_at_once(talk):
    """RFC 5681 §4.2: the sender's fast retransmit lives on it."""
    t = talk().established()
    t.inject(ACK, seq=11, ack=1, data=b"x")
    t.expect(ACK, ack=1)
    t.inject(ACK, seq=12, ack=1, data=b"x")
    t.expect(ACK, ack=1)


@pytest.mark.req("RFC2018-04", "RFC5681-19")
def test_every_out_of_order_segment_has_its_own(talk):
    """RFC 2018 §4; also when they come in one batch."""
    t = talk().established()
    for i in range(5):
        t.inject(ACK, seq=11 + 2 * i, ack=1, data=b"x")
    assert [s.ack for s in t.drain()] == [1] * 5


@pytest.mark.req("RFC5681-16")
def test_filling_a_hole_at_once(talk):
    t = talk().established()
    t.inject(ACK, seq=2, ack=1, data=b"b")
    t.expect(ACK, ack=1)
    t.inject(ACK, seq=1, ack=1, data=b"a")
    t.expect(ACK, ack=3)
    assert t.receive() == b"ab"


@pytest.mark.req("RFC6582-13")
def test_filling_a_part_of_a_hole_at_once(talk):
    t = talk().established()
    t.inject(ACK, seq=5, ack=1, data=b"e")
    t.expect(ACK, ack=1)
    t.inject(ACK, seq=1, ack=1, data=b"a")
    t.expect(ACK, ack=2)


def test_a_duplicate_at_once(talk):
    t = talk().established()
    t.inject(ACK, seq=1, ack=1, data=b"hello")
    t.after(40 * MS).expect(ACK, ack=6)
    t.inject(ACK, seq=1, ack=1, data=b"hello")
    t.expect(ACK, ack=6)


def test_fin_at_once(talk):
    t = talk().established()
    t.inject(FIN | ACK, seq=1, ack=1, data=b"bye")
    t.expect(ACK, ack=5)


@pytest.mark.req("RFC5681-19")
def test_an_acknowledgement_is_not_acknowledged(talk):
    t = talk().established()
    t.send(b"x")
    t.drain()
    t.inject(ACK, seq=1, ack=2)
    t.after(SECOND).expect_nothing()


@pytest.mark.req("RFC9293-MUST-58", "RFC9293-MUST-59")
def test_one_batch_one_acknowledgement(talk):
    """RFC 9293 MUST-58, MUST-59: what is there already is processed before anything is sent."""
    t = talk().established()
    packets = []
    for i in range(10):
        segment = Segment(t.irs + 1 + 1000 * i, t.iss + 1, ACK, 65_535, (bytes(1000),))
        segment.source_port, segment.destination_port = t.PORT, 80
        packets.append(Packet(tcp.build(segment, t.peer, t.ours).tobytes()))
    t.stack.receive(packets, t.now)
    t.expect(ACK, ack=10_001)
    t.expect_nothing()
