"""False alarms: what was late was not lost (RFC 3522, RFC 4015, RFC 3708)."""

import pytest

from estab.tcp.config import MODERN
from estab.tcp.observer import Reason
from estab.tcp.timers import NEVER
from tests.conversation import ACK, MILLISECOND, SYN

MS = MILLISECOND
MSS = 1000


def flight(talk, **config):
    """Ten segments with timestamps on a path of 100 ms; the stamp that they carry."""
    t = talk(MODERN.but(super_segments=False, **config))
    t.listen()
    t.inject(SYN, seq=0, mss=MSS + 12, sack_permitted=True, ts=(7, 0))
    t.expect(SYN | ACK)
    t.after(100 * MS)
    t.inject(ACK, seq=1, ack=1, ts=True)
    t.accept()
    t.send(bytes(10 * MSS))
    segments = t.drain()
    assert len(segments) == 10
    return t, segments[0].options.timestamps[0]


def late(t, ack, stamp):
    """The acknowledgement of the first transmission."""
    t.inject(ACK, seq=1, ack=ack, ts=(t.peer_stamp + t.now // MS, stamp))


@pytest.mark.req("RFC4015-01")
def test_a_timeout_that_was_too_early_is_taken_back(talk):
    """RFC 4015 §3.2: the window as before, and new data instead of repetitions."""
    t, stamp = flight(talk, tail_probe=False)
    t.after(300 * MS).expect(ACK, seq=1, reason=Reason.TIMEOUT)
    assert t.c.congestion.cwnd == MSS
    late(t, 1001, stamp)
    assert t.c.congestion.cwnd >= 10 * MSS
    assert t.c.congestion.ssthresh > 1 << 30
    t.drain()
    t.send(bytes(5 * MSS))
    assert all(segment.seq >= 10_001 for segment in t.drain())
    assert t.stack.counters["TCPSpuriousRTOs"] == 1


@pytest.mark.req("RFC4015-01")
def test_the_timeout_learns_from_it(talk):
    """RFC 4015 §3.2 (RTO): the late answer is a sample."""
    t, stamp = flight(talk, tail_probe=False)
    t.after(300 * MS).expect(ACK, seq=1, reason=Reason.TIMEOUT)
    t.after(50 * MS)
    before = t.c.rtt.srtt
    late(t, 1001, stamp)
    assert t.c.rtt.srtt > before
    assert t.c.rtt.rto > 300 * MS


def test_a_real_timeout_stays(talk):
    """The echo is that of the repetition."""
    t, _ = flight(talk, tail_probe=False)
    again = t.after(300 * MS).expect(ACK, seq=1, reason=Reason.TIMEOUT).options.timestamps[0]
    t.after(100 * MS)
    late(t, 1001, again)
    assert t.c.congestion.ssthresh == 7 * MSS
    assert "TCPSpuriousRTOs" not in t.stack.counters


def test_a_fast_retransmission_that_was_superfluous_is_taken_back(talk):
    """RFC 3708 §3: D-SACK reports all that was sent again."""
    t, _ = flight(talk)
    t.after(100 * MS)
    for end in (2001, 3001, 4001, 5001):
        t.inject(ACK, seq=1, ack=1, sack=((1001, end),), ts=True)
    t.drain()
    assert t.c.congestion.ssthresh < 10 * MSS
    t.after(100 * MS)
    t.inject(ACK, seq=1, ack=10_001, sack=((1, 1001),), ts=True)
    assert t.c.congestion.ssthresh > 1 << 30
    assert t.stack.counters["TCPFullUndo"] == 1


def test_later_it_is_too_late(talk):
    """What is acknowledged beyond the recovery tells nothing about it."""
    t, _ = flight(talk)
    t.after(100 * MS)
    for end in (2001, 3001, 4001, 5001):
        t.inject(ACK, seq=1, ack=1, sack=((1001, end),), ts=True)
    t.drain()
    reduced = t.c.congestion.ssthresh
    t.inject(ACK, seq=1, ack=t.c.snd_nxt - t.iss, ts=True)
    t.send(bytes(MSS))
    t.drain()
    t.after(100 * MS)
    t.inject(ACK, seq=1, ack=t.c.snd_nxt - t.iss, ts=True)
    t.inject(ACK, seq=1, ack=t.c.snd_nxt - t.iss, sack=((1, 1001),), ts=True)
    assert t.c.congestion.ssthresh == reduced < 10 * MSS


def fast_retransmission(talk, *ends, more=0):
    """Recovery began with the SACKs up to ``ends``; the stamp of its first repetition."""
    t, stamp = flight(talk)
    t.send(bytes(more * MSS))
    t.after(100 * MS)
    for end in ends:
        t.inject(ACK, seq=1, ack=1, sack=((1001, end),), ts=True)
    again = [s for s in t.drain() if s.seq < 10_001]
    assert again[0].seq == 1
    return t, stamp, again[0].options.timestamps[0]


def test_by_the_echo_of_the_original(talk):
    """RFC 3522 §3.2 after a fast retransmission."""
    t, stamp, _ = fast_retransmission(talk, 2001, 3001, 4001)
    t.after(5 * MS)
    late(t, 4001, stamp)
    assert t.c.congestion.ssthresh > 1 << 30
    assert t.stack.counters["TCPFullUndo"] == 1


def test_only_the_first_answer_counts(talk):
    """The first hole was real; that the second was merely late does not make it a false alarm."""
    t, stamp = flight(talk)
    t.after(100 * MS)
    t.inject(ACK, seq=1, ack=1, sack=((1001, 2001), (3001, 7001)), ts=True)
    again = [s.options.timestamps[0] for s in t.drain()]
    reduced = t.c.congestion.ssthresh
    t.after(100 * MS)
    t.inject(ACK, seq=1, ack=2001, sack=((3001, 7001),), ts=(t.peer_stamp + t.now // MS, again[0]))
    late(t, 7001, stamp)
    assert t.c.congestion.ssthresh == reduced == 7 * MSS


@pytest.mark.parametrize("knows", [False, True], ids=["never a D-SACK", "D-SACK before"])
def test_everything_at_once_proves_it_only_to_who_knows_dsack(talk, knows):
    """RFC 3522 §3.2 step 5: all acknowledgements may have been lost."""
    t, stamp = flight(talk, tail_probe=False)
    if knows:
        t.inject(ACK, seq=1, ack=2001, sack=((1, 1001),), ts=True)
    t.after(t.c.rtt.rto)
    t.drain()
    assert t.c.congestion.cwnd == MSS
    late(t, 10_001, stamp)
    assert (t.c.congestion.ssthresh > 1 << 30) is knows


def test_together_with_a_duplicate_report_the_echo_proves_nothing(talk):
    """RFC 3522 §3.2: both have arrived, so the acknowledgement of the first was lost."""
    t, stamp = flight(talk, tail_probe=False)
    t.after(300 * MS).expect(ACK, seq=1, reason=Reason.TIMEOUT)
    t.inject(ACK, seq=1, ack=4001, sack=((1, 1001),), ts=(t.peer_stamp + t.now // MS, stamp))
    assert t.c.congestion.ssthresh == 7 * MSS


def test_the_report_of_a_repetition_that_new_data_followed(talk):
    """RFC 3708 §3: the answer to the repetition comes behind all that was sent before it."""
    t, _, _ = fast_retransmission(talk, 2001, 3001, 4001, more=8)
    end = t.c.snd_nxt - t.iss
    assert end > 10_001
    t.after(100 * MS)
    t.inject(ACK, seq=1, ack=end, ts=True)
    t.inject(ACK, seq=1, ack=end, sack=((1, 1001),), ts=True)
    assert t.c.congestion.ssthresh > 1 << 30


def test_all_of_the_repetitions_have_to_be_reported(talk):
    """RFC 3708 §3: until then the rest may have been lost."""
    t, _ = flight(talk)
    t.after(100 * MS)
    t.inject(ACK, seq=1, ack=1, sack=((1001, 2001), (3001, 10_001)), ts=True)
    assert [segment.seq for segment in t.drain() if segment.seq < 10_001] == [1, 2001]
    t.after(100 * MS)
    t.inject(ACK, seq=1, ack=10_001, sack=((1, 1001),), ts=True)
    assert t.c.congestion.ssthresh == 7 * MSS
    t.inject(ACK, seq=1, ack=10_001, sack=((2001, 3001),), ts=True)
    assert t.c.congestion.ssthresh > 1 << 30


def test_of_what_was_sent_again_twice_a_report_proves_nothing(talk):
    """RFC 3708 §3: it may be about the two repetitions."""
    t, _ = flight(talk, tail_probe=False)
    t.after(300 * MS).expect(ACK, seq=1, reason=Reason.TIMEOUT)
    t.after(600 * MS).expect(ACK, seq=1, reason=Reason.TIMEOUT)
    t.inject(ACK, seq=1, ack=1001, ts=True)
    t.inject(ACK, seq=1, ack=1001, sack=((1, 1001),), ts=True)
    t.inject(ACK, seq=1, ack=1001, sack=((1, 1001),), ts=True)
    assert t.c.congestion.ssthresh == 7 * MSS
    assert "TCPSpuriousRTOs" not in t.stack.counters


def test_a_duplicate_from_the_network_is_no_report(talk):
    """RFC 3708 §3: it was never sent again."""
    t, _, _ = fast_retransmission(talk, 2001, 3001, 4001, 5001)
    reduced = t.c.congestion.ssthresh
    t.inject(ACK, seq=1, ack=1, sack=((2001, 3001), (1001, 5001)), ts=True)
    t.inject(ACK, seq=1, ack=1, sack=((3001, 4001), (1001, 5001)), ts=True)
    assert t.c.congestion.ssthresh == reduced
    t.inject(ACK, seq=1, ack=10_001, sack=((1, 1001),), ts=True)
    assert t.c.congestion.ssthresh == reduced


def test_lost_acknowledgements_are_congestion_too(talk):
    """RFC 3708 §3: all had arrived, and of what the peer said nothing had."""
    t, _ = flight(talk, tail_probe=False)
    again = t.after(300 * MS).expect(ACK, seq=1, reason=Reason.TIMEOUT).options.timestamps[0]
    t.after(100 * MS)
    t.inject(ACK, seq=1, ack=10_001, sack=((1, 1001),), ts=(t.peer_stamp + t.now // MS, again))
    assert t.c.congestion.ssthresh == 7 * MSS


def test_what_was_taken_for_lost_is_under_way_again(talk):
    """And judged anew by its own time."""
    t, stamp = flight(talk, tail_probe=False)
    t.after(300 * MS).expect(ACK, seq=1, reason=Reason.TIMEOUT)
    assert t.c.board.lost == 9 * MSS
    late(t, 1001, stamp)
    assert t.c.board.lost == 0
    assert t.c.board.outstanding() == 9 * MSS
    assert t.c.timers.rto != NEVER
    late(t, 10_001, stamp)
    assert not t.c.board.ranges
