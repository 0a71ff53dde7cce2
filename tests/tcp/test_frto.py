"""Timeouts that came too early, and how new data shows it where no timestamp does: RFC 5682, RFC 4015."""

from __future__ import annotations

import pytest

from estab.mutations import MUTATIONS
from estab.tcp.config import MODERN
from estab.tcp.observer import Reason
from estab.wire.tcp import CWR, ECE
from tests.conversation import ACK, MILLISECOND, SYN

MS = MILLISECOND
MSS = 1000
RTT = 100 * MS
CONFIG = MODERN.but(super_segments=False, timestamps=False, tail_probe=False, congestion="newreno")
LAST = 10_001
"""SND.NXT when the timer expires."""

both = pytest.mark.parametrize("sack", [True, False], ids=["sack", "basic"])


def flight(talk, sack=True, segments=10, more=10, config=CONFIG, **keywords):
    """Ten segments on a path of 100 ms, and ``more`` that wait for the window."""
    t = talk(config, **keywords)
    t.listen()
    t.inject(SYN, seq=0, mss=MSS, sack_permitted=sack)
    t.expect(SYN | ACK)
    t.after(RTT)
    t.inject(ACK, seq=1, ack=1)
    t.accept()
    t.send(bytes((segments + more) * MSS))
    t.after(RTT // 2 if t.c.congestion.paced else 0)
    assert len(t.drain()) == segments
    return t


def timed_out(talk, sack=True, **keywords):
    """The timer has expired, and the first segment has gone out again."""
    t = flight(talk, sack, **keywords)
    t.after(3 * RTT).expect(ACK, seq=1, len=MSS, reason=Reason.TIMEOUT)
    t.expect_nothing()
    return t


def tried(talk, sack=True, **keywords):
    """That was acknowledged, and two new segments went out."""
    t = timed_out(talk, sack, **keywords)
    t.inject(ACK, seq=1, ack=1001)
    t.expect(ACK, seq=LAST, len=MSS, reason=Reason.DATA)
    t.expect(ACK, seq=LAST + MSS, len=MSS, reason=Reason.DATA)
    t.expect_nothing()
    return t


def repeats(t):
    """Recovery as ever: what follows is sent again."""
    segment = t.expect(ACK, len=MSS, reason=Reason.TIMEOUT)
    assert "TCPSpuriousRTOs" not in t.stack.counters
    return segment.seq


# ---------------------------------------------------------------------- step 1


@pytest.mark.req("RFC5682-01")
@both
def test_two_new_segments_follow_the_first_acknowledgement(talk, sack):
    """Step 2b: whatever the window says, which is one segment."""
    tried(talk, sack)


@both
def test_the_same_segment_may_time_out_again(talk, sack):
    """Step 1: the trial begins anew."""
    t = timed_out(talk, sack)
    t.after(6 * RTT).expect(ACK, seq=1, reason=Reason.TIMEOUT)
    t.inject(ACK, seq=1, ack=1001)
    t.expect(ACK, seq=LAST)
    t.expect(ACK, seq=LAST + MSS)
    t.inject(ACK, seq=1, ack=2001)
    assert t.stack.counters["TCPSpuriousRTOs"] == 1
    assert t.c.congestion.cwnd == 10 * MSS
    assert t.c.congestion.ssthresh > 1 << 30


@both
def test_not_in_the_middle_of_a_recovery(talk, sack):
    """Step 1: SHOULD NOT."""
    t = flight(talk, sack)
    t.after(RTT)
    for end in (3001, 4001, 5001, 6001):
        t.inject(ACK, seq=1, ack=1, sack=((1001, end),) if sack else ())
    t.drain()
    t.after(3 * RTT).expect(ACK, seq=1, reason=Reason.TIMEOUT)
    t.inject(ACK, seq=1, ack=1001)
    assert repeats(t) == (6001 if sack else 1001)


@both
def test_a_timeout_after_a_trial_is_not_tried(talk, sack):
    """Step 1: SND.UNA is not beyond RecoveryPoint."""
    t = tried(talk, sack)
    t.after(t.c.rtt.rto)
    assert repeats(t) == 1001
    t.inject(ACK, seq=1, ack=2001)
    assert repeats(t) == 2001


def test_not_where_timestamps_tell(talk):
    """RFC 3522 decides at the first acknowledgement."""
    t = talk(CONFIG.but(timestamps=True))
    t.listen()
    t.inject(SYN, seq=0, mss=MSS + 12, sack_permitted=True, ts=(7, 0))
    t.expect(SYN | ACK)
    t.after(RTT)
    t.inject(ACK, seq=1, ack=1, ts=True)
    t.accept()
    t.send(bytes(20 * MSS))
    t.drain()
    t.after(3 * RTT).expect(ACK, seq=1, reason=Reason.TIMEOUT)
    t.after(RTT)
    t.inject(ACK, seq=1, ack=1001, ts=True)
    assert repeats(t) == 1001


# ---------------------------------------------------------------------- step 2


def test_duplicates_before_the_first_acknowledgement_are_waited_out(talk):
    """With SACK (§3.1 step 2): the board learns, nothing else happens."""
    t = timed_out(talk)
    t.inject(ACK, seq=1, ack=1, sack=((4001, 5001),))
    t.inject(ACK, seq=1, ack=1, sack=((4001, 6001),))
    t.expect_nothing()
    t.inject(ACK, seq=1, ack=1001, sack=((4001, 6001),))
    t.expect(ACK, seq=LAST)


def test_without_sack_a_duplicate_speaks_for_a_loss(talk):
    """§2.1 step 2a."""
    t = timed_out(talk, sack=False)
    t.inject(ACK, seq=1, ack=1)
    t.inject(ACK, seq=1, ack=1001)
    assert repeats(t) == 1001


@both
def test_everything_acknowledged_at_once_proves_nothing(talk, sack):
    """Step 2a: it may be the answer to the repetition. Two segments may leave."""
    t = timed_out(talk, sack)
    t.inject(ACK, seq=1, ack=LAST)
    assert t.c.congestion.cwnd == 2 * MSS
    assert t.c.congestion.ssthresh == 5 * MSS
    assert [segment.seq for segment in t.drain()] == [LAST, LAST + MSS]
    assert "TCPSpuriousRTOs" not in t.stack.counters


@both
def test_half_of_the_repetition_proves_nothing(talk, sack):
    """§2.1 step 2a."""
    t = timed_out(talk, sack)
    t.inject(ACK, seq=1, ack=501)
    assert repeats(t) == 1001


@both
@pytest.mark.parametrize(("more", "window"), [(0, 65_535), (10, 9000)], ids=["no data", "no window"])
def test_without_anything_new_to_send_nothing_is_tried(talk, sack, more, window):
    """Step 2b."""
    t = timed_out(talk, sack, more=more)
    t.inject(ACK, seq=1, ack=1001, win=window)
    assert repeats(t) == 1001
    assert t.c.congestion.cwnd == 2 * MSS


# ---------------------------------------------------------------------- step 3


@pytest.mark.req("RFC5682-02")
@both
def test_progress_below_the_point_shows_that_the_timeout_was_early(talk, sack):
    """Step 3b: the second had never been sent again. The window is back and what follows is new."""
    t = tried(talk, sack)
    t.inject(ACK, seq=1, ack=2001)
    assert t.stack.counters["TCPSpuriousRTOs"] == 1
    assert t.c.congestion.cwnd == 10 * MSS
    assert t.c.congestion.ssthresh > 1 << 30
    assert not t.c.board.lost
    t.inject(ACK, seq=1, ack=3001)
    assert t.drain()[0].seq == LAST + 2 * MSS


@pytest.mark.req("RFC5682-02")
def test_so_does_a_sack_below_the_point(talk):
    """§3.1 step 3b; the hole below it is repaired as a hole."""
    t = tried(talk)
    t.inject(ACK, seq=1, ack=1001, sack=((2001, 3001),))
    assert t.stack.counters["TCPSpuriousRTOs"] == 1
    t.drain()
    for end in (4001, 5001, 6001):
        t.inject(ACK, seq=1, ack=1001, sack=((2001, end),))
    again = [segment.seq for segment in t.drain() if segment.seq < LAST]
    again += [s.seq for s in t.after(RTT // 4).drain() if s.seq < LAST]
    assert again == [1001], "after a quarter of a round trip: the path is known to be uneven"


@pytest.mark.req("RFC5682-02")
@both
def test_a_duplicate_that_brings_nothing_shows_the_loss(talk, sack):
    """Step 3a: recovery goes on, with three segments of window, two of which are out unless it speaks for one."""
    t = tried(talk, sack)
    t.inject(ACK, seq=1, ack=1001)
    assert t.c.congestion.cwnd == 3 * MSS
    assert repeats(t) == 1001
    if not sack:
        assert repeats(t) == 2001
    t.expect_nothing()


@pytest.mark.parametrize("ack", [1001, 11_001], ids=["by SACK", "cumulatively"])
def test_an_answer_beyond_the_point_shows_the_loss(talk, ack):
    """§3.1 step 3a."""
    t = tried(talk)
    t.inject(ACK, seq=1, ack=ack, sack=((LAST, LAST + MSS),) if ack < LAST else ())
    assert "TCPSpuriousRTOs" not in t.stack.counters
    assert t.c.congestion.cwnd == 3 * MSS
    assert t.c.congestion.ssthresh == 5 * MSS
    if ack < LAST:
        assert repeats(t) == 1001


@both
def test_a_window_update_decides_nothing(talk, sack):
    """Step 3, neither progress nor duplicate."""
    t = tried(talk, sack)
    t.inject(ACK, seq=1, ack=1001, win=60_000)
    t.expect_nothing()
    t.inject(ACK, seq=1, ack=2001, win=60_000)
    assert t.stack.counters["TCPSpuriousRTOs"] == 1


def test_the_answer_to_a_probe_proves_nothing(talk):
    """The last segment had been sent twice before the timer expired."""
    t = flight(talk, more=0, config=CONFIG.but(tail_probe=True))
    t.after(2 * RTT).expect(ACK, seq=9001, reason=Reason.TAIL_PROBE)
    t.send(bytes(10 * MSS))
    t.expect_nothing()
    t.after(3 * RTT).expect(ACK, seq=1, reason=Reason.TIMEOUT)
    t.inject(ACK, seq=1, ack=1001)
    t.expect(ACK, seq=LAST)
    t.expect(ACK, seq=LAST + MSS)
    t.inject(ACK, seq=1, ack=1001, sack=((9001, LAST),))
    assert repeats(t) == 1001


@both
def test_without_an_answer_the_timer_ends_the_trial(talk, sack):
    t = tried(talk, sack)
    t.after(t.c.rtt.rto - 1).expect_nothing()
    t.after(1)
    assert repeats(t) == 1001


# ---------------------------------------------------------------------- the way back


def test_a_long_acknowledgement_does_not_set_free_a_burst(talk):
    """RFC 4015 §3.2 (5): what is in flight, and at most the initial window."""
    t = flight(talk, segments=4, more=0)
    t.after(3 * RTT).expect(ACK, seq=1, reason=Reason.TIMEOUT)
    t.send(bytes(10 * MSS))
    t.inject(ACK, seq=1, ack=1001)
    assert len(t.drain()) == 2
    t.inject(ACK, seq=1, ack=2001)
    assert t.stack.counters["TCPSpuriousRTOs"] == 1
    assert t.c.congestion.cwnd == 4 * MSS + MSS
    assert t.c.congestion.ssthresh > 1 << 30, "so that it doubles on its way back"
    assert len(t.drain()) == 1


def test_what_is_sent_afterwards_tells_the_timer(talk):
    """RFC 4015 §3.2 (RTO): the estimate is that before the timeout, or the new measurement if it is larger."""
    t = flight(talk)
    srtt, rttvar = t.c.rtt.srtt, t.c.rtt.rttvar
    t.after(3 * RTT).expect(ACK, seq=1, reason=Reason.TIMEOUT)
    t.after(RTT)
    t.inject(ACK, seq=1, ack=1001)
    t.drain()
    t.inject(ACK, seq=1, ack=2001)
    t.drain()
    assert t.c.rtt.srtt > srtt, "the late one is a measurement too"
    t.after(RTT)
    t.inject(ACK, seq=1, ack=LAST + MSS)
    assert (t.c.rtt.srtt, t.c.rtt.rttvar) == (srtt + 2 * MS, rttvar)
    t.after(RTT)
    t.inject(ACK, seq=1, ack=LAST + 2 * MSS)
    assert t.c.rtt.srtt > srtt + 2 * MS, "from then on as ever"


def test_a_path_that_became_longer_lengthens_the_timer(talk):
    """RFC 4015 §3.2 (RTO)."""
    t = tried(talk)
    t.inject(ACK, seq=1, ack=2001)
    t.drain()
    t.after(5 * RTT // 2)
    t.inject(ACK, seq=1, ack=LAST + 2 * MSS)
    assert (t.c.rtt.srtt, t.c.rtt.rttvar) == (5 * RTT // 2, 5 * RTT // 4)


@both
def test_cubic_gets_back_all_that_it_had(talk, sack):
    """RFC 9438 §4.9.2: the seven variables."""
    t = flight(talk, sack, config=CONFIG.but(congestion="cubic"))
    control = t.c.congestion
    names = ("cwnd_prior", "ssthresh", "w_max", "k", "w_est", "epoch")
    before = [getattr(control, name) for name in names]
    t.after(3 * RTT).expect(ACK, seq=1, reason=Reason.TIMEOUT)
    assert [getattr(t.c.congestion, name) for name in names] != before
    t.inject(ACK, seq=1, ack=1001)
    t.inject(ACK, seq=1, ack=2001)
    control = t.c.congestion
    assert [getattr(control, name) for name in names] == before
    assert control.cwnd == 10 * MSS


def test_bbr_gets_back_its_window(talk):
    """draft-ietf-ccwg-bbr, "Handling of spurious loss recovery"."""
    t = flight(talk, config=CONFIG.but(congestion="bbr"))
    cwnd = t.c.congestion.cwnd
    t.after(3 * RTT).expect(ACK, seq=1, reason=Reason.TIMEOUT)
    assert t.c.congestion.cwnd < cwnd
    t.inject(ACK, seq=1, ack=1001)
    t.inject(ACK, seq=1, ack=2001)
    assert t.c.congestion.cwnd >= cwnd


@both
def test_congestion_that_the_network_reports_keeps_the_reduction(talk, sack):
    """RFC 4015 §3.2 step 5: the timeout was early, and yet the path is full."""
    t = talk(CONFIG)
    t.listen()
    t.inject(SYN | ECE | CWR, seq=0, mss=MSS, sack_permitted=sack)
    t.expect(SYN | ACK | ECE)
    t.after(RTT)
    t.inject(ACK, seq=1, ack=1)
    t.accept()
    t.send(bytes(20 * MSS))
    t.drain()
    t.after(3 * RTT).expect(ACK, seq=1, reason=Reason.TIMEOUT)
    t.inject(ACK, seq=1, ack=1001)
    t.drain()
    t.inject(ACK | ECE, seq=1, ack=2001)
    assert "TCPSpuriousRTOs" not in t.stack.counters
    assert t.c.congestion.ssthresh == 5 * MSS
    assert t.c.congestion.cwnd <= 3 * MSS
    assert t.c.recovery.trial is None


@both
def test_a_real_hole_is_repaired_at_once_afterwards(talk, sack):
    """RecoveryPoint falls to SND.UNA: three duplicates count again."""
    t = tried(talk, sack)
    t.inject(ACK, seq=1, ack=2001)
    t.drain()
    for i in range(3):
        t.inject(ACK, seq=1, ack=2001, sack=((3001, 4001 + MSS * i),) if sack else ())
    t.after(RTT // 4 if sack else 0)
    assert [segment.seq for segment in t.drain() if segment.seq < LAST] == [2001]


@both
def test_without_the_defence_everything_is_sent_again(talk, sack):
    mutant = MUTATIONS["no-f-rto"].apply()
    t = timed_out(talk, sack, rules=mutant.rules)
    assert mutant.took_effect(mutant.rules, mutant.config)
    t.inject(ACK, seq=1, ack=1001)
    assert repeats(t) == 1001
    t.inject(ACK, seq=1, ack=2001)
    assert repeats(t) == 2001
