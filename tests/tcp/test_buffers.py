"""How the buffers of a connection follow its path: the receive buffer what is read, the send buffer the window."""

from __future__ import annotations

import pytest

from estab.tcp.config import KIB, MIB, MODERN, PROFILES, SECOND
from tests.conversation import ACK, MILLISECOND, SYN, Conversation

MS = MILLISECOND
RTT = 100 * MS
START = MODERN.receive_buffer_start
MSS = 1000


def peer(t: Conversation, timestamps: bool = True, rtt: int = RTT) -> Conversation:
    """A connection to a peer that scales and sends segments of 1000 bytes."""
    stamps = {"ts": True} if timestamps else {}
    t.listen()
    t.inject(SYN, seq=0, mss=1460, window_scale=7, sack_permitted=True, **stamps)
    t.expect(SYN | ACK, seq=0, ack=1)
    t.after(rtt)
    t.inject(ACK, seq=1, ack=1, **stamps)
    t.accept()
    return t


def rounds(t: Conversation, sizes: list[int], read: int = 1 << 30, timestamps: bool = True) -> list[int]:
    """Each round trip the peer sends ``sizes`` more bytes (less if the window binds), which are read, then or never.

    What we say reaches the peer half a round trip later. The size of the receive buffer after each."""
    seen = []
    position, edge = 1, 65_536
    echo = 0
    for size in sizes:
        end = min(position + size, edge)
        packets = []
        while position < end:
            length = min(MSS, end - position)
            stamp = {"ts": (t.peer_stamp + t.now // MS, echo)} if timestamps else {}
            packets.append(t.segment_bytes(ACK, seq=position, ack=1, data=bytes(length), **stamp))
            position += length
        t.inject_batch(packets)
        t.receive(read)
        for segment in t.drain():
            edge = max(edge, segment.ack + (segment.window << t.c.rcv_wscale))
            echo = segment.options.timestamps[0] if segment.options.timestamps else 0
        t.after(RTT)
        for segment in t.drain():
            edge = max(edge, segment.ack + (segment.window << t.c.rcv_wscale))
            echo = segment.options.timestamps[0] if segment.options.timestamps else 0
        seen.append(t.c.receive_limit)
    return seen


DOUBLING = [10 * MSS << n for n in range(6)]


def test_a_sender_that_doubles_is_never_held_back(talk):
    t = peer(talk())
    sizes = rounds(t, DOUBLING)
    assert t.c.rcv_nxt == t.irs + 1 + sum(DOUBLING)
    assert sizes == sorted(sizes)
    assert sizes[-1] >= 2 * DOUBLING[-1]


def test_without_timestamps_it_takes_a_few_windows_more(talk):
    t = peer(talk(), timestamps=False)
    sizes = rounds(t, DOUBLING + [DOUBLING[-1]] * 3, timestamps=False)
    assert sizes == sorted(sizes)
    assert sizes[-1] >= 2 * DOUBLING[-1]


@pytest.mark.parametrize("timestamps", [True, False])
def test_what_a_queue_adds_to_a_short_path_does_not_count(talk, timestamps):
    """The handshake says how long it is."""
    t = peer(talk(), timestamps, rtt=MS // 5)
    assert set(rounds(t, DOUBLING, timestamps=timestamps)) == {START}


def test_a_path_that_has_become_long_gets_what_it_needs_after_a_while(talk):
    t = peer(talk(), rtt=MS // 5)
    patience = 10 * SECOND // RTT
    sizes = rounds(t, [60 * MSS] * (patience + 5) + [100 * MSS, 200 * MSS, 400 * MSS])
    assert set(sizes[:patience]) == {START}
    assert sizes[-1] > 700 * MSS


def test_a_steady_sender_gets_no_more_than_it_needs(talk):
    t = peer(talk())
    sizes = rounds(t, [30 * MSS] * 10)
    assert sizes[-1] == sizes[4]
    assert sizes[-1] <= 10 * 30 * MSS


def test_little_data_costs_nothing(talk):
    t = peer(talk())
    rounds(t, [5 * MSS, 4 * MSS])
    assert t.c.tuning is None
    t.inject(ACK, seq=9001, ack=1, data=bytes(MSS), ts=True)
    assert t.c.tuning is not None


def test_a_slow_reader_does_not_make_its_buffer_grow(talk):
    t = peer(talk())
    assert set(rounds(t, DOUBLING, read=2 * MSS)) == {START}
    assert t.c.receive_queue.pinned <= START


def test_a_reader_who_comes_seldom_does_not_either(talk):
    """What is read at once has come over many round trips."""
    t = peer(talk())
    rounds(t, [12 * MSS])
    for _ in range(3):
        position = t.c.receive_position - t.irs
        for seq in range(position, position + 60 * MSS, 5 * MSS):
            t.inject(ACK, seq=seq, ack=1, data=bytes(5 * MSS), ts=True)
            t.after(5 * RTT // 2)
        t.receive()
    assert t.c.receive_limit == START


def test_it_stops_at_the_most_that_is_allowed(talk):
    config = MODERN.but(receive_buffer_start=20_000, receive_buffer_max=30_000)
    t = peer(talk(config))
    assert rounds(t, DOUBLING)[-1] == 30_000


def test_a_fixed_buffer_stays_as_it_is(talk):
    t = peer(talk(MODERN.but(receive_buffer=100_000)))
    assert set(rounds(t, DOUBLING)) == {100_000}
    assert t.c.tuning is None


def test_fixing_it_ends_the_tuning(talk):
    t = peer(talk())
    rounds(t, DOUBLING[:3])
    assert t.c.tuning is not None
    t.c.set_receive_buffer(50_000)
    assert set(rounds(t, [1000])) == {50_000}
    assert t.c.tuning is None


def test_the_scale_is_that_of_the_largest_buffer(talk):
    """RFC 7323 §2.2: it cannot be changed after the SYN."""
    t = talk(MODERN.but(receive_buffer_max=6 * MIB))
    t.listen()
    t.inject(SYN, seq=0, mss=1460, window_scale=3)
    assert t.expect(SYN | ACK, win=65_535).options.window_scale == 7
    t.inject(ACK, seq=1, ack=1)
    assert t.accept().rcv_wscale == 7


def test_fixing_it_while_opening_does_not_change_the_scale(talk):
    t = talk()
    t.open()
    scale = t.expect(SYN).options.window_scale
    t.c.set_receive_buffer(4 * KIB)
    t.inject(SYN | ACK, seq=0, ack=1, mss=1460, window_scale=3)
    t.expect(ACK)
    assert t.c.rcv_wscale == scale


def test_memory_counts_and_not_payload(talk):
    """A packet whose header is as large as its payload takes twice the room."""
    t = peer(talk())
    seq = 1
    while t.c.rcv_edge - t.c.rcv_nxt >= 3000:
        t.inject(ACK, seq=seq, ack=1, data=bytes(2100), ts=True)
        t.drain()
        seq += 2100
    assert t.c.receive_queue.pinned > t.c.receive_queue.size
    assert START - 6000 < t.c.receive_queue.pinned <= START


def test_tiny_segments_do_not_take_more_memory_than_the_buffer_has(talk):
    t = peer(talk())
    for seq in range(1, 301):
        t.inject(ACK, seq=seq, ack=1, data=b"x", ts=True)
        t.drain()
    assert t.c.receive_queue.size == 300
    assert len(t.c.receive_queue.chunks) <= 2


# ---------------------------------------------------------------------- sending


def test_the_send_buffer_holds_two_windows_if_the_application_fills_it(talk):
    t = talk(MODERN.but(send_buffer_start=20_000)).established(mss=1000, window_scale=10)
    c = t.c
    assert t.send(bytes(100_000)) == 20_000
    acked = 1
    for _ in range(5):
        t.after(MS)
        acked += sum(segment.length for segment in t.drain())
        t.inject(ACK, seq=1, ack=acked, win=65_535)
        c = t.c
        t.send(bytes(200_000))
    assert c.send_limit >= c.congestion.cwnd > 40_000
    assert c.low_water == c.send_limit // 2


def test_the_send_buffer_stays_where_nobody_waits_for_room(talk):
    t = talk(MODERN.but(send_buffer_start=50_000)).established(mss=1000, window_scale=10)
    acked = 1
    for _ in range(8):
        t.send(bytes(20_000))
        t.after(MS)
        acked += sum(segment.length for segment in t.drain())
        t.inject(ACK, seq=1, ack=acked, win=65_535)
    assert t.c.send_limit == 50_000


@pytest.mark.parametrize("config", [MODERN.but(send_buffer=20_000), MODERN.but(send_buffer_max=20_000)])
def test_the_send_buffer_does_not_grow_beyond_what_was_set(talk, config):
    t = talk(config.but(send_buffer_start=20_000)).established(mss=1000, window_scale=10)
    acked = 1
    for _ in range(5):
        t.send(bytes(200_000))
        t.after(MS)
        acked += sum(segment.length for segment in t.drain())
        t.inject(ACK, seq=1, ack=acked, win=65_535)
    assert t.c.send_limit == 20_000


def test_no_profile_begins_with_more_than_its_most():
    for config in PROFILES.values():
        assert config.receive_buffer_start <= config.receive_buffer_max
        assert config.send_buffer_start <= config.send_buffer_max
