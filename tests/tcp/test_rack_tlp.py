"""Loss detection by time, in conversations: RFC 8985 §6 and §8, RFC 2018 §8."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estab.tcp.config import MODERN
from estab.tcp.observer import Reason
from estab.tcp.recovery import OPEN, RECOVERY
from estab.tcp.timers import NEVER
from tests.conversation import ACK, MILLISECOND, SYN, Conversation

MS = MILLISECOND
MSS = 1000
RTT = 100 * MS
QUARTER = RTT // 4
ONE_BY_ONE = MODERN.but(super_segments=False)
PATIENT = ONE_BY_ONE.but(tail_probe=False)


def path(talk, config=ONE_BY_ONE):
    """A connection over a path of 100 ms, with SACK and without timestamps."""
    t = talk(config)
    t.listen()
    t.inject(SYN, seq=0, mss=MSS, sack_permitted=True)
    t.expect(SYN | ACK)
    t.after(RTT)
    t.inject(ACK, seq=1, ack=1)
    t.accept()
    return t


def flight(talk, segments=10, config=ONE_BY_ONE):
    """``segments`` of 1000 bytes left 100 ms ago."""
    t = path(talk, config)
    t.send(bytes(MSS * segments))
    assert len(t.drain()) == segments
    t.after(RTT)
    return t


def sacked(t, *blocks):
    t.inject(ACK, seq=1, ack=t.c.snd_una - t.iss, sack=blocks)


def seqs(t):
    return [segment.seq for segment in t.drain()]


def repair(t, seq):
    return t.expect(ACK, seq=seq, len=MSS, reason=Reason.RETRANSMISSION)


# ---------------------------------------------------------------------- the reordering window


@pytest.mark.req("RFC8985-21", "RFC8985-02")
def test_the_timer_waits_for_the_last_hole(talk):
    """§6.2 step 5: both are judged together, when the later of them has had its time."""
    t = path(talk)
    for _ in range(3):
        t.send(bytes(MSS))
        t.after(10 * MS)
        t.drain()
    t.after(90 * MS)
    sacked(t, (2001, 3001))
    t.after(15 * MS - 1).expect_nothing()
    t.after(1)
    repair(t, 1)
    assert t.c.board.lost == MSS, "the second goes when the window allows"
    t.after(RTT)
    t.inject(ACK, seq=1, ack=1001, sack=((2001, 3001),))
    repair(t, 1001)


def test_acknowledgements_meanwhile_judge_as_well(talk):
    """§6.2: with each of them, what has had its time is lost."""
    t = path(talk)
    for _ in range(4):
        t.send(bytes(MSS))
        t.after(10 * MS)
        t.drain()
    t.after(80 * MS)
    sacked(t, (2001, 3001))
    t.after(5 * MS - 1).expect_nothing()
    t.after(6 * MS)
    sacked(t, (2001, 4001))
    repair(t, 1)


def reordered(talk):
    """The second segment has overtaken the first."""
    t = flight(talk)
    sacked(t, (1001, 2001))
    t.after(10 * MS)
    t.inject(ACK, seq=1, ack=2001)
    t.expect_nothing()
    t.inject(ACK, seq=1, ack=10_001)
    assert t.c.rack.reordering
    t.send(bytes(10 * MSS))
    assert len(t.drain()) == 10
    t.after(RTT)
    return t


@pytest.mark.req("RFC8985-20")
def test_three_no_longer_show_a_loss_on_a_path_that_reorders(talk):
    """§6.2 step 4: nor do nine; time does."""
    t = reordered(talk)
    for end in range(12_001, 21_001, MSS):
        t.inject(ACK, seq=1, ack=10_001, sack=((11_001, end),))
    t.expect_nothing()
    t.after(QUARTER - 1).expect_nothing()
    t.after(1)
    repair(t, 10_001)


def test_nothing_happens_if_it_comes_in_time(talk):
    t = reordered(talk)
    window = t.c.congestion.cwnd
    t.inject(ACK, seq=1, ack=10_001, sack=((11_001, 20_001),))
    t.after(QUARTER - 1)
    t.inject(ACK, seq=1, ack=20_001)
    t.after(RTT).expect_nothing()
    assert t.c.congestion.cwnd >= window
    assert "RetransSegs" not in t.stack.counters


def test_what_was_only_lost_is_no_reordering(talk):
    """§6.2 step 3: the hole was filled by a repetition, or acknowledged together with what was SACKed above it."""
    t = flight(talk)
    sacked(t, (1001, 5001))
    repair(t, 1)
    t.after(RTT)
    t.inject(ACK, seq=1, ack=10_001)
    assert not t.c.rack.reordering


def test_one_acknowledgement_of_much_is_no_reordering(talk):
    """Those before it were lost: it acknowledges five segments, and SACKs one above the sixth."""
    t = flight(talk)
    t.inject(ACK, seq=1, ack=5001, sack=((6001, 7001),))
    assert not t.c.rack.reordering


def test_a_duplicate_report_doubles_the_window(talk):
    """§6.2 step 4: a round trip with D-SACK adds a quarter."""
    t = reordered(talk)
    t.inject(ACK, seq=1, ack=11_001, sack=((10_001, 11_001),))
    t.inject(ACK, seq=1, ack=12_001, sack=((11_001, 12_001),))
    sacked(t, (13_001, 20_001))
    t.after(2 * QUARTER - 1).expect_nothing()
    t.after(1)
    repair(t, 12_001)


def test_a_lost_repetition_is_found_without_a_timeout(talk):
    """§6.2 step 5: something that was sent after it has arrived."""
    t = flight(talk)
    sacked(t, (1001, 5001))
    repair(t, 1)
    t.send(bytes(10 * MSS))
    for end in range(6001, 11_001, MSS):
        sacked(t, (1001, end))
    new = t.drain()
    assert new[0].seq == 10_001
    t.after(RTT - 1 * MS)
    t.expect_nothing()
    t.after(1 * MS)
    sacked(t, (1001, 11_001))
    repair(t, 1)
    assert "TCPTimeouts" not in t.stack.counters


@pytest.mark.req("RFC5681-20")
def test_a_loss_in_the_window_after_reduces_again(talk):
    """RFC 5681 §4.3: two windows in a row that lose something are two signs of congestion."""
    t = flight(talk)
    t.send(bytes(10 * MSS))
    for end in range(4001, 11_001, MSS):
        sacked(t, (1001, end))
    assert seqs(t) == [1, *range(10_001, 16_001, MSS)]
    first = t.c.congestion.ssthresh
    t.after(RTT)
    sacked(t, (1001, 10_001), (11_001, 16_001))
    assert 10_001 in seqs(t), "it is repaired by the recovery that is going on"
    assert t.c.congestion.ssthresh == first == 7000
    t.inject(ACK, seq=1, ack=10_001, sack=((11_001, 16_001),))
    assert t.c.recovery.phase is RECOVERY
    assert t.c.congestion.ssthresh < first


def test_losses_of_one_window_reduce_once(talk):
    """RFC 5681 §4.3: the second is found later, and what left after the reduction has arrived."""
    t = flight(talk)
    t.send(bytes(10 * MSS))
    sacked(t, (1001, 5001))
    sacked(t, (1001, 5001), (6001, 10_001))
    t.after(RTT)
    t.drain()
    t.inject(ACK, seq=1, ack=5001, sack=((6001, 10_001),))
    t.drain()
    t.inject(ACK, seq=1, ack=10_001)
    assert t.c.recovery.phase is OPEN
    assert t.c.congestion.ssthresh == 7000


# ---------------------------------------------------------------------- the timeout


def test_a_timeout_marks_only_what_is_old(talk):
    """§6.3: what left less than a round trip and the window ago may still be under way."""
    t = path(talk, PATIENT)
    t.send(bytes(5 * MSS))
    t.after(300 * MS - RTT - QUARTER + 1)
    t.send(bytes(3 * MSS))
    assert len(t.drain()) == 8
    t.after(RTT + QUARTER - 2).expect_nothing()
    t.after(1).expect(ACK, seq=1, reason=Reason.TIMEOUT)
    t.expect_nothing()
    assert t.c.board.lost == 4 * MSS
    assert t.c.board.outstanding() == 4 * MSS


def test_a_peer_that_threw_away_what_it_had(talk):
    """RFC 2018 §8: its left edge was SACKed and still is not acknowledged at the timeout: all of it goes again."""
    t = flight(talk, config=PATIENT)
    sacked(t, (1, 5001))
    t.expect_nothing()
    t.after(t.c.rtt.rto)
    t.expect(ACK, seq=1, reason=Reason.TIMEOUT)
    t.expect_nothing()
    assert t.c.board.sacked == 0
    assert t.c.board.lost == 9 * MSS
    again = []
    for _ in range(4):
        t.after(RTT)
        t.inject(ACK, seq=1, ack=(again or [1])[-1] + MSS)
        again += seqs(t)
    assert again == list(range(1001, 10_001, MSS))
    t.after(RTT).expect_nothing()
    assert t.stack.counters["TCPTimeouts"] == 1


# ---------------------------------------------------------------------- the timers


def compare_timers(t):
    """Something waits for the peer if and only if a timer waits for it; the RTO comes last; nothing is due."""
    c, at = t.c, t.c.timers
    assert c.snd_una <= c.snd_nxt
    recovering = [at.rto, at.tail_probe, at.reorder]
    if c.snd_una < c.snd_nxt:
        assert at.rto != NEVER
        assert at.persist == NEVER
        assert at.rto >= max(each for each in (0, *recovering[1:]) if each != NEVER)
    else:
        assert recovering == [NEVER] * 3
    if at.reorder != NEVER:
        assert at.tail_probe == NEVER or at.reorder <= at.tail_probe
    deadline = t.stack.next_deadline()
    assert deadline is None or deadline > t.now


EVENTS = st.lists(
    st.tuples(st.sampled_from(["send", "ack", "sack", "sack", "dsack", "wait", "wait"]), st.integers(0, 20)),
    min_size=5,
    max_size=25,
)


@settings(max_examples=80)
@given(EVENTS)
def test_timers_follow_from_what_is_outstanding(events):
    t = path(lambda config: Conversation(config=config))
    t.send(bytes(10 * MSS))
    t.drain()
    for what, size in events:
        una, nxt = t.c.snd_una - t.iss, t.c.snd_nxt - t.iss
        left, right = min(una + size * MSS, nxt), min(una + (size + 2) * MSS, nxt)
        if what == "send":
            t.send(bytes(size * 300))
        elif what == "ack":
            t.inject(ACK, seq=1, ack=left)
        elif what == "sack" and left < right:
            t.inject(ACK, seq=1, ack=una, sack=((left, right),))
        elif what == "dsack":
            t.inject(ACK, seq=1, ack=una, sack=((max(una - MSS, 1), una),) if una > 1 else ())
        elif what == "wait":
            t.after(size * 13 * MS)
        t.drain()
        compare_timers(t)
