"""Loss found by acknowledgements: RFC 5681 §3.2, RFC 6582, RFC 3042, RFC 2018 §5, RFC 8985 §6."""

import pytest

from estab.tcp.config import MODERN, RFC
from estab.tcp.observer import Reason
from estab.tcp.recovery import OPEN, RECOVERY
from estab.wire.packet import Packet
from tests.conversation import ACK, MILLISECOND, SECOND, SYN

MS = MILLISECOND
MSS = 1000
ONE_BY_ONE = MODERN.but(super_segments=False)


def flight(talk, segments=10, config=ONE_BY_ONE, **syn):
    """``segments`` of 1000 bytes are out, number ``i`` begins at 1 + 1000 i; more waits."""
    t = talk(config).established(mss=MSS, **syn)
    t.send(bytes(MSS * segments))
    assert [s.seq for s in t.drain()] == [1 + MSS * i for i in range(segments)]
    return t


def duplicates(t, count, **fields):
    for _ in range(count):
        t.inject(ACK, seq=1, ack=t.c.snd_una - t.iss, **fields)


def seqs(t):
    return [s.seq for s in t.drain()]


@pytest.mark.req("RFC5681-12", "RFC6582-02", "RFC4821-01")
def test_the_third_duplicate_repairs(talk):
    t = flight(talk)
    duplicates(t, 2)
    t.expect_nothing()
    duplicates(t, 1)
    t.expect(ACK, seq=1, len=MSS, reason=Reason.RETRANSMISSION)
    t.expect_nothing()
    assert t.c.congestion.ssthresh == t.c.congestion.cwnd == 7000


@pytest.mark.parametrize(("counts", "kept"), [(True, 7 * MSS), (False, 7 * MSS * 6 // 10)])
def test_a_loss_reduces_the_window_or_to_the_letter_what_was_in_flight(talk, counts, kept):
    """RFC 9438 §4.6 allows the first where the window grows only when it was used, RFC 5681 §3.1 has the second."""
    t = flight(talk, 6, ONE_BY_ONE.but(window_counts=counts))
    assert t.c.congestion.cwnd == 10 * MSS
    duplicates(t, 3)
    assert t.c.congestion.ssthresh == kept


@pytest.mark.req("RFC3042-01", "RFC3042-02")
def test_limited_transmit(talk):
    """RFC 3042: each of the first two duplicates lets a new segment out, and the window stays."""
    t = flight(talk)
    t.send(bytes(5000))
    t.expect_nothing()
    for i in range(2):
        duplicates(t, 1)
        t.expect(ACK, seq=10_001 + MSS * i, len=MSS, reason=Reason.DATA)
        t.expect_nothing()
    assert t.c.congestion.cwnd == 10_000


@pytest.mark.req("RFC3042-02", "RFC5681-13")
def test_limited_transmit_does_not_count_as_flight(talk):
    """RFC 5681 §3.2 step 2: a share of what was out before the duplicates."""
    t = flight(talk, config=ONE_BY_ONE.but(window_counts=False))
    t.send(bytes(5000))
    duplicates(t, 3)
    assert seqs(t) == [10_001, 11_001, 1]
    assert t.c.congestion.ssthresh == 7000


def test_what_arrived_before_the_loss_was_seen_was_flight(talk):
    """RFC 5681 §3.2 step 2: duplicates that come at once leave no time for limited transmit; the flight was no less."""
    t = talk(ONE_BY_ONE)
    t.open()
    t.after(20 * MS)
    t.inject(SYN | ACK, seq=0, ack=1, mss=MSS, sack_permitted=True)
    t.send(bytes(20 * MSS))
    t.drain()
    t.after(20 * MS)
    for arrived in (2, 3, 4):
        assert not t.c.recovery.again and t.c.congestion.ssthresh > 20 * MSS
        block = (1001, 1 + MSS * arrived)
        t.stack.receive([Packet(t.segment_bytes(ACK, seq=1, ack=1, sack=(block,)))], t.now)
    assert t.c.congestion.ssthresh == 7000


@pytest.mark.req("RFC6675-14", "RFC5681-14", "RFC6582-04", "RFC6582-05")
def test_the_full_acknowledgement_ends_it(talk):
    t = flight(talk)
    duplicates(t, 3)
    t.drain()
    half = t.c.congestion.cwnd
    t.inject(ACK, seq=1, ack=10_001)
    t.expect_nothing()
    assert t.c.congestion.cwnd == half, "the acknowledgement that ends recovery opens nothing (RFC 6582 §3.2)"
    assert t.c.recovery.phase is OPEN
    t.send(bytes(20_000))
    assert len(t.drain()) == half // MSS


@pytest.mark.req("RFC6582-06", "RFC6582-08")
def test_a_partial_acknowledgement_repairs_the_next_hole(talk):
    """RFC 6582 §3.2 step 3: one hole a round trip, no further duplicates needed, no further reduction."""
    t = flight(talk)
    duplicates(t, 3)
    t.expect(seq=1)
    half = t.c.congestion.cwnd
    t.inject(ACK, seq=1, ack=3001)
    t.expect(ACK, seq=3001, len=MSS)
    t.expect_nothing()
    t.inject(ACK, seq=1, ack=7001)
    t.expect(ACK, seq=7001, len=MSS)
    t.inject(ACK, seq=1, ack=10_001)
    t.expect_nothing()
    assert t.c.congestion.cwnd == half


@pytest.mark.req("RFC5681-14")
def test_duplicates_in_recovery_let_new_data_out(talk):
    """RFC 5681 §3.2 step 4."""
    t = flight(talk)
    t.send(bytes(10_000))
    duplicates(t, 3)
    t.drain()
    duplicates(t, 6)
    assert seqs(t)
    assert t.c.flight > 10_000


def test_duplicates_of_a_closed_window_are_not_duplicates(talk):
    """RFC 5681 §2: with an empty flight nothing can be lost."""
    t = talk(ONE_BY_ONE).established(mss=MSS)
    duplicates(t, 10)
    t.expect_nothing()
    assert t.c.congestion.cwnd == 10_000


@pytest.mark.parametrize("change", [{"win": 60_000}, {"data": b"x"}], ids=["window", "data"])
def test_what_says_more_is_no_duplicate(talk, change):
    """RFC 5681 §2: neither data nor another window."""
    t = flight(talk)
    for i in range(5):
        if "win" in change:
            duplicates(t, 1, win=60_000 - i)
        else:
            t.inject(ACK, seq=1 + i, ack=1, data=b"x")
    assert all(not s.length for s in t.drain())
    assert t.c.congestion.cwnd == 10_000


@pytest.mark.req("RFC5681-15")
def test_forged_duplicates_open_nothing(talk):
    """However many come, no more leaves than was there (RFC 5681 §3.2, step 4)."""
    t = flight(talk)
    t.send(bytes(100_000))
    duplicates(t, 200)
    assert sum(s.length for s in t.drain()) <= 11 * MSS


@pytest.mark.req("RFC6675-17", "RFC6582-03", "RFC6582-10")
def test_duplicates_after_a_timeout_begin_nothing(talk):
    """RFC 6582 §3.2 step 2: they answer our own retransmissions."""
    t = flight(talk)
    t.after(200 * MS).expect(seq=1, reason=Reason.TIMEOUT)
    t.inject(ACK, seq=1, ack=10_001)
    t.send(bytes(2000))
    t.drain()
    before = t.c.congestion.ssthresh
    duplicates(t, 5)
    assert t.c.congestion.ssthresh == before
    assert not t.c.board.lost


@pytest.mark.req("RFC5681-20")
def test_a_lost_retransmission_ends_in_a_timeout(talk):
    t = flight(talk, config=ONE_BY_ONE.but(congestion="newreno"))
    duplicates(t, 5)
    t.drain()
    once = t.c.congestion.ssthresh
    assert once == 5000
    t.inject(ACK, seq=1, ack=2001)
    t.drain()
    t.after(t.c.rtt.rto).expect(ACK, seq=2001, reason=Reason.TIMEOUT)
    assert t.c.congestion.cwnd == MSS
    assert t.c.congestion.ssthresh < once


@pytest.mark.req("RFC6675-11", "RFC5681-05")
def test_reordering_within_two_is_no_loss(talk):
    t = flight(talk)
    duplicates(t, 2)
    t.inject(ACK, seq=1, ack=4001)
    assert all(s.seq > 10_000 for s in t.drain())
    duplicates(t, 2)
    assert all(s.seq > 10_000 for s in t.drain())
    assert t.c.congestion.ssthresh > 10**6


# ---------------------------------------------------------------------- with SACK


def far(talk, segments=10, config=ONE_BY_ONE):
    """A flight on a path of 100 ms, half a round trip and one after it left."""
    t = talk(config)
    t.listen()
    t.inject(SYN, seq=0, mss=MSS, sack_permitted=True)
    t.expect(SYN | ACK)
    t.after(100 * MS)
    t.inject(ACK, seq=1, ack=1)
    t.accept()
    t.send(bytes(MSS * segments))
    assert len(t.drain()) == segments
    t.after(100 * MS)
    return t


def sacked(t, *blocks):
    t.inject(ACK, seq=1, ack=t.c.snd_una - t.iss, sack=blocks)


@pytest.mark.req("RFC6675-04", "RFC6675-12", "RFC8985-01", "RFC8985-08")
def test_three_sacked_segments_show_the_hole(talk):
    t = far(talk)
    sacked(t, (1001, 2001))
    sacked(t, (1001, 3001))
    t.expect_nothing()
    sacked(t, (1001, 4001))
    t.expect(ACK, seq=1, len=MSS, reason=Reason.RETRANSMISSION)
    t.expect_nothing()


@pytest.mark.req("RFC6675-04", "RFC6675-07", "RFC6675-08", "RFC8985-07", "RFC8985-08", "RFC8985-10")
def test_fewer_show_it_after_a_while(talk):
    """RFC 8985 §6.2: a quarter of a round trip is left to reordering, then time decides."""
    t = far(talk)
    sacked(t, (1001, 2001))
    t.after(25 * MS - 1).expect_nothing()
    t.after(1).expect(ACK, seq=1, len=MSS, reason=Reason.RETRANSMISSION)


@pytest.mark.req("RFC8985-07")
def test_one_block_may_show_it_at_once(talk):
    """What counts is what was SACKed, not how many acknowledgements said so."""
    t = far(talk)
    sacked(t, (3001, 10_001))
    assert seqs(t) == [1, 1001, 2001]


@pytest.mark.req("RFC3042-03", "RFC6675-01", "RFC6675-10")
def test_bare_duplicates_are_nothing_new(talk):
    """RFC 3042 §2, RFC 6675 §2: with SACK a duplicate brings a block."""
    t = far(talk)
    t.send(bytes(5000))
    duplicates(t, 10)
    t.expect_nothing()


@pytest.mark.req("RFC2018-09", "RFC6675-05", "RFC6675-16")
def test_only_the_holes_are_sent_again(talk):
    t = far(talk)
    sacked(t, (1001, 3001), (4001, 10_001))
    assert seqs(t) == [1, 3001]
    t.after(100 * MS)
    t.inject(ACK, seq=1, ack=3001, sack=((4001, 10_001),))
    t.expect_nothing()
    t.inject(ACK, seq=1, ack=10_001)
    t.expect_nothing()


@pytest.mark.req("RFC2018-12", "RFC6675-13", "RFC6675-14")
def test_the_window_is_halved_once_until_all_is_acknowledged(talk):
    t = far(talk, config=ONE_BY_ONE.but(congestion="newreno"))
    sacked(t, (1001, 4001))
    assert t.c.congestion.ssthresh == 5000
    assert t.c.recovery.recover - t.c.iss == 10_001
    sacked(t, (1001, 4001), (5001, 10_001))
    t.inject(ACK, seq=1, ack=4001, sack=((5001, 10_001),))
    assert t.c.congestion.ssthresh == 5000
    assert t.c.recovery.phase is RECOVERY
    t.inject(ACK, seq=1, ack=10_001)
    assert t.c.recovery.phase is OPEN


@pytest.mark.req("RFC2883-04")
def test_a_block_is_compared_with_the_acknowledgement_beside_it(talk):
    """RFC 2883 §5: an old acknowledgement, overtaken by a newer one, reports nothing that came twice."""
    t = far(talk)
    t.inject(ACK, seq=1, ack=5001)
    t.inject(ACK, seq=1, ack=1, sack=((1001, 2001),))
    assert "TCPDSACKRecv" not in t.stack.counters


@pytest.mark.req("RFC3042-01", "RFC6675-06")
def test_limited_transmit_with_sack(talk):
    t = far(talk)
    t.send(bytes(5000))
    sacked(t, (1001, 2001))
    t.expect(ACK, seq=10_001, len=MSS)
    sacked(t, (1001, 3001))
    t.expect(ACK, seq=11_001, len=MSS)
    assert t.c.congestion.cwnd == 10_000


@pytest.mark.req("RFC2018-11", "RFC8985-11")
def test_a_peer_that_reneges(talk):
    """RFC 2018 §8: what it SACKed and then threw away is sent again, the left edge first."""
    t = far(talk)
    sacked(t, (1, 2001))
    t.expect_nothing()
    t.after(SECOND)
    assert 1 in seqs(t)
    t.inject(ACK, seq=1, ack=1001)
    t.after(SECOND)
    assert 1001 in seqs(t)


@pytest.mark.req("RFC2018-10", "RFC2018-13")
def test_to_the_letter_a_timeout_sends_what_was_sacked_again(talk):
    """RFC 2018 §5.1: nothing shows that the peer threw it away, and yet it is not believed to have it."""
    t = flight(talk, segments=4, config=RFC.but(super_segments=False), sack_permitted=True)
    t.inject(ACK, seq=1, ack=1, sack=((1001, 4001),))
    t.after(3 * SECOND)
    assert {*seqs(t)} == {1}
    t.inject(ACK, seq=1, ack=1001)
    assert seqs(t) == [1001, 2001]


def test_otherwise_it_is_skipped(talk):
    """RFC 6675 §5.1."""
    t = flight(talk, segments=4, sack_permitted=True)
    t.inject(ACK, seq=1, ack=1, sack=((1001, 4001),))
    t.after(400 * MS)
    assert {*seqs(t)} == {1}
    t.inject(ACK, seq=1, ack=1001)
    t.expect_nothing()


@pytest.mark.req("RFC2018-17", "RFC6675-02")
def test_what_is_sacked_is_kept(talk):
    """RFC 2018 §8: until it is acknowledged cumulatively."""
    t = far(talk)
    sacked(t, (1001, 10_001))
    assert len(t.c.send_queue) == 10_000


@pytest.mark.parametrize("block", [(20_001, 21_001), (-5000, -4000), (5001, 4001), (9001, 11_001), (1, 1)], ids=str)
def test_senseless_blocks_are_ignored(talk, block):
    t = far(talk)
    for _ in range(5):
        sacked(t, block)
    t.expect_nothing()
    assert t.c.board.sacked == 0


@pytest.mark.req("RFC8985-01")
def test_blocks_without_agreement_are_ignored(talk):
    t = flight(talk)
    sacked(t, (5001, 10_001))
    assert t.c.board.sacked == 0


def test_acknowledged_blocks_divide_the_board_only_so_far(talk):
    t = flight(talk, config=ONE_BY_ONE.but(scoreboard_ranges=20), sack_permitted=True)
    for i in range(500):
        sacked(t, (11 + 10 * i, 16 + 10 * i))
        t.drain()
    assert len(t.c.board.ranges) <= 22
    t.inject(ACK, seq=1, ack=t.c.snd_nxt - t.iss)
    assert t.c.flight == 0


def test_what_waited_for_a_repair_tells_no_round_trip_time(talk):
    """Karn's rule for the whole acknowledgement: nine segments had arrived long before it."""
    t = far(talk)
    before = t.c.rtt.srtt
    sacked(t, (1001, 5001))
    t.expect(ACK, seq=1)
    t.after(100 * MS)
    t.inject(ACK, seq=1, ack=10_001)
    assert t.c.rtt.srtt == before
