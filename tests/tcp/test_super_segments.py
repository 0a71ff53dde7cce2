"""Segments larger than the path's packets: one for the link that cuts and joins, many for any other."""

import pytest

from estab.tcp.config import MODERN
from estab.wire import ip, tcp
from estab.wire.link import FULL_OFFLOAD
from estab.wire.packet import Packet
from estab.wire.tcp import FIN, PSH, Segment
from tests.conversation import ACK, MILLISECOND, SYN

MS = MILLISECOND
WIDE = MODERN.but(initial_window=100)


def packets(t):
    found = []
    while batch := t.stack.transmit(t.now, 64):
        found += batch
    return found


@pytest.mark.req("RFC9293-SHLD-28")
@pytest.mark.parametrize("v6", [False, True])
def test_one_packet_for_many(talk, v6):
    t = talk(WIDE, v6=v6, offload=FULL_OFFLOAD).established(mss=1400, window_scale=7)
    t.inject(ACK, seq=1, ack=1)
    t.send(bytes(140_000))
    sent = packets(t)
    assert len(sent) <= 9, "an eighth of the window each"
    assert all(packet.size() <= 65_535 for packet in sent)
    assert all(packet.segment_size == 1400 for packet in sent)
    for packet in sent:
        header = 60 if v6 else 40
        assert packet.segments == -(-(packet.size() - header) // 1400)
    assert sum(packet.segments for packet in sent) == 100


@pytest.mark.parametrize("v6", [False, True])
def test_many_packets_for_a_plain_link(talk, v6):
    t = talk(WIDE, v6=v6).established(mss=1400, window_scale=7)
    t.inject(ACK, seq=1, ack=1)
    data = bytes(range(256)) * 400
    t.send(data)
    t.call("close")
    sent = packets(t)
    assert all(packet.size() <= 1500 and packet.segments == 1 for packet in sent)
    assert len(sent) == -(-len(data) // 1400)
    position, seen = 1, b""
    for packet in sent:
        again = Packet(packet.tobytes())
        ip.parse(again)
        segment = tcp.parse(again)
        assert (segment.seq - t.iss) & 0xFFFFFFFF == position
        position += segment.length
        seen += b"".join(map(bytes, segment.payload))
        last = packet is sent[-1]
        assert bool(segment.flags & (PSH | FIN)) == last, "PSH and FIN on the last piece only"
    assert seen == data


def test_switched_off_every_segment_is_a_packet(talk):
    t = talk(WIDE.but(super_segments=False), offload=FULL_OFFLOAD).established(mss=1400, window_scale=7)
    t.inject(ACK, seq=1, ack=1)
    t.send(bytes(14_000))
    assert [packet.segments for packet in packets(t)] == [1] * 10


def test_a_small_window_is_used_to_the_last_segment(talk):
    """Waiting for a fuller segment would leave much of it unused."""
    t = talk(WIDE.but(congestion="newreno"), offload=FULL_OFFLOAD)
    t.open()
    t.after(20 * MS)
    t.inject(SYN | ACK, seq=0, ack=1, mss=1400, window_scale=7)
    t.drain()
    t.c.congestion.cwnd = t.c.congestion.ssthresh = 8 * 1400
    t.send(bytes(140_000))
    assert sum(s.length for s in t.drain()) == 8 * 1400
    t.after(20 * MS)
    t.inject(ACK, seq=1, ack=1401)
    assert [s.length for s in t.drain()] == [1400]


def test_a_hole_is_sent_again_as_a_hole(talk):
    t = talk(WIDE, offload=FULL_OFFLOAD).established(mss=1400, window_scale=7, sack_permitted=True)
    t.inject(ACK, seq=1, ack=1)
    t.send(bytes(140_000))
    packets(t)
    t.drain()
    t.inject(ACK, seq=1, ack=1, sack=((28_001, 140_001),))
    holes = t.drain()
    assert holes[0].seq == 1
    assert sum(s.length for s in holes) == 28_000
    assert len(holes) <= 2


def test_the_window_of_the_peer_is_respected(talk):
    t = talk(WIDE, offload=FULL_OFFLOAD).established(mss=1400)
    t.inject(ACK, seq=1, ack=1, win=5000)
    t.send(bytes(100_000))
    assert sum(s.length for s in t.drain()) <= 5000


def data(t, seq, length, segments=1, flags=ACK):
    segment = Segment(t.irs + seq, t.iss + 1, flags, 65_535, (bytes(length),))
    segment.source_port, segment.destination_port = t.PORT, t.ports[0]
    whole = tcp.build(segment, t.peer, t.ours)
    return Packet(whole.tobytes(), (), 0, length // segments if segments > 1 else 0, segments)


def test_a_super_packet_arrives(talk):
    """It stands for ten packets: acknowledged at once, and what is full-sized is still a packet's worth."""
    t = talk(offload=FULL_OFFLOAD).established()
    t.stack.receive([data(t, 1, 14_600, 10)], t.now)
    t.expect(ACK, ack=14_601)
    t.expect_nothing()
    assert t.c.rcv_mss == 1460


def test_a_batch_is_joined_and_acknowledged_once(talk):
    t = talk().established()
    t.stack.receive([data(t, 1 + 1000 * i, 1000) for i in range(9)], t.now)
    t.expect(ACK, ack=9001)
    t.expect_nothing()
    assert t.c.rcv_mss == 1000
    assert t.stack.counters["InSegs"] == 11


def test_one_packet_in_a_batch_is_still_delayed(talk):
    t = talk().established()
    t.stack.receive([data(t, 1, 1000)], t.now)
    t.after(40 * MS - 1).expect_nothing()
    t.after(1).expect(ACK, ack=1001)


def test_a_hole_in_a_batch(talk):
    """Each out-of-order segment has its own acknowledgement: duplicates are what the peer repairs by."""
    t = talk().established()
    t.stack.receive([data(t, 1 + 1000 * i, 1000) for i in (0, 2, 4, 6)], t.now)
    assert [s.ack for s in t.drain()] == [1001] * 3


def test_what_two_connections_send_is_not_joined(talk):
    t = talk().established()
    other = data(t, 1001, 1000)
    changed = bytearray(other.tobytes())
    changed[20:22] = (9).to_bytes(2, "big")
    t.stack.receive([data(t, 1, 1000), Packet(bytes(changed)), data(t, 1001, 1000)], t.now)
    assert t.c.readable == 2000
