"""Options beside data, and super-segments: no packet is larger than the link takes (RFC 9293 MUST-16, RFC 6691)."""

import pytest

from estab.wire.link import FULL_OFFLOAD, MEMORY_OFFLOAD, NO_OFFLOAD
from tests.conversation import ACK, SECOND


@pytest.mark.req("RFC9293-MUST-16")
@pytest.mark.parametrize("stamps", [{}, {"ts": (5, 0)}])
@pytest.mark.parametrize("lost", [False, True], ids=["new", "again"])
def test_blocks_do_not_make_a_full_packet_larger(talk, stamps, lost):
    """MUST-16: a hole is told by an ACK of its own, for data that is full leaves no room."""
    t = talk(mtu=1500).established(sack_permitted=True, **stamps)
    more = {"ts": True} if stamps else {}
    if lost:
        t.send(bytes(8000))
        t.after(SECOND)
        t.drain()
    t.inject(ACK, seq=1001, ack=1401 if lost else 1, data=b"x", **more)
    if not lost:
        t.send(bytes(8000))
    t.expect(ACK, seq=8001 if lost else 1, ack=1, len=0, sack=((1001, 1002),))
    segments = t.drain()
    assert segments
    assert all(segment.length <= 1460 - 12 * bool(stamps) for segment in segments)
    assert not any(segment.options.sack for segment in segments if segment.length > 1400)


@pytest.mark.req("RFC2018-03")
def test_a_small_segment_has_room_for_blocks(talk):
    """RFC 2018 §4: whatever acknowledges leaves no hole untold while there is room."""
    t = talk().established(sack_permitted=True)
    t.inject(ACK, seq=1001, ack=1, data=b"x")
    t.expect(ACK, len=0, sack=((1001, 1002),))
    t.send(b"small")
    t.expect(ACK, data=b"small", sack=((1001, 1002),))


def test_a_duplicate_is_told_before_data_goes(talk):
    """RFC 2883 §4: once, and not on a segment that has no room for it."""
    t = talk().established(sack_permitted=True)
    t.inject(ACK, seq=1, ack=1, data=b"abc")
    t.after(t.config.delayed_ack).expect(ACK, ack=4)
    t.inject(ACK, seq=1, ack=1, data=b"abc")
    t.send(bytes(1460))
    t.expect(ACK, len=0, ack=4, sack=((1, 4),))
    t.expect(ACK, len=1460, sack=())


@pytest.mark.req("RFC9293-MUST-16")
@pytest.mark.parametrize("v6", [False, True], ids=["v4", "v6"])
@pytest.mark.parametrize(
    ("offload", "least", "most"),
    [(NO_OFFLOAD, 1400, 1500), (FULL_OFFLOAD, 60_000, 65_535), (MEMORY_OFFLOAD, 250_000, 1 << 18)],
    ids=["cut", "whole", "in memory"],
)
def test_packets_fit_the_link(talk, v6, offload, least, most):
    """What is larger than the path goes to a link that cuts it, and to no other; as large as it takes."""
    t = _with_much_to_send(talk(v6=v6, offload=offload))
    sizes = [packet.size() for packet in t.stack.transmit(t.now, 500)]
    assert least < max(sizes) <= most


def test_several_packets_are_decided_about_at_once_where_the_link_cuts_them(talk):
    t = _with_much_to_send(talk(offload=FULL_OFFLOAD))
    before = t.c.snd_nxt
    (first,) = t.stack.transmit(t.now, 1)
    assert [packet.size() for packet in t.stack.outbox] == [first.size()] * 3
    assert t.c.snd_nxt - before == t.c.largest == 4 * (first.size() - len(first.head))


def test_another_link_takes_shorter_packets(talk):
    t = _with_much_to_send(talk(offload=MEMORY_OFFLOAD))
    t.stack.set_link(t.stack.mtu, FULL_OFFLOAD)
    assert max(packet.size() for packet in t.stack.transmit(t.now, 500)) <= 65_535


def _with_much_to_send(t):
    t.established(mss=9000, window_scale=7)
    t.inject(ACK, seq=1, ack=1)
    t.c.congestion.cwnd = 4_000_000
    t.c.rtt.srtt = t.c.rtt.min_rtt = 1000
    t.c.set_send_buffer(1 << 20)
    t.send(bytes(600_000))
    return t
