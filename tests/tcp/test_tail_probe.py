"""The end of a flight is probed before the timeout: RFC 8985 §7."""

import pytest

from estab.tcp.config import MODERN
from estab.tcp.observer import Reason
from estab.tcp.timers import NEVER
from estab.tcp.tlp import TailLossProbe
from tests.conversation import ACK, FIN, MILLISECOND, SYN

MS = MILLISECOND
MSS = 1000
ONE_BY_ONE = MODERN.but(super_segments=False)
BY_FLIGHT = ONE_BY_ONE.but(window_counts=False)
RTT = 100 * MS
PTO = 2 * RTT
RTO = 3 * RTT


def flight(talk, segments=10, config=ONE_BY_ONE, **syn):
    """``segments`` of 1000 bytes leave on a path of 100 ms, now."""
    t = talk(config)
    t.listen()
    t.inject(SYN, seq=0, **{"mss": MSS, "sack_permitted": True, **syn})
    t.expect(SYN | ACK)
    t.after(RTT)
    t.inject(ACK, seq=1, ack=1)
    t.accept()
    t.send(bytes(MSS * segments))
    assert len(t.drain()) == segments
    return t


def probe(t, seq):
    return t.expect(ACK, seq=seq, len=MSS, reason=Reason.TAIL_PROBE)


@pytest.mark.req("RFC8985-12", "RFC8985-16")
def test_the_last_segment_is_sent_again(talk):
    """§7.2, §7.3: after two round trips without an answer, and nobody has said that anything is lost."""
    t = flight(talk)
    t.after(PTO - 1).expect_nothing()
    t.after(1)
    probe(t, 9001)
    t.expect_nothing()
    assert t.c.congestion.cwnd == 10 * MSS


@pytest.mark.req("RFC8985-16")
def test_new_data_is_the_better_probe(talk):
    t = flight(talk)
    t.send(bytes(5000))
    t.expect_nothing()
    t.after(PTO)
    probe(t, 10_001)
    t.expect_nothing()


@pytest.mark.req("RFC8985-12")
def test_progress_begins_the_wait_anew(talk):
    t = flight(talk)
    t.after(RTT)
    t.inject(ACK, seq=1, ack=5001)
    t.after(PTO - 1).expect_nothing()
    t.after(1)
    probe(t, 9001)


@pytest.mark.req("RFC8985-13")
@pytest.mark.parametrize(
    ("patience", "at"), [(50 * MS, 250 * MS), (100 * MS, RTO), (PTO, RTO)], ids=["waited for", "just", "too long"]
)
def test_a_lone_segment_may_be_acknowledged_late(talk, patience, at):
    """§7.2: the peer's delay is waited for, but never beyond the timeout, whose place the probe takes."""
    t = flight(talk, 1, ONE_BY_ONE.but(tail_probe_ack_delay=patience))
    t.after(at - 1).expect_nothing()
    t.after(1)
    probe(t, 1)
    t.expect_nothing()
    assert t.c.congestion.cwnd == 10 * MSS
    t.after(RTO - 1).expect_nothing()
    t.after(1).expect(ACK, seq=1, reason=Reason.TIMEOUT)


@pytest.mark.req("RFC8985-14", "RFC8985-17", "RFC8985-19")
def test_then_the_timeout_runs_and_no_second_probe(talk):
    """§7.3: one probe at a time; the timer begins anew with it."""
    t = flight(talk)
    t.after(PTO)
    probe(t, 9001)
    t.after(RTO - 1).expect_nothing()
    t.after(1).expect(ACK, seq=1, reason=Reason.TIMEOUT)


@pytest.mark.req("RFC8985-14", "RFC8985-15")
def test_not_again_before_the_path_was_timed(talk):
    """§7.3: an answer to what was sent twice tells no round-trip time."""
    t = flight(talk, 1, ONE_BY_ONE.but(tail_probe_ack_delay=50 * MS))
    t.after(250 * MS)
    probe(t, 1)
    t.inject(ACK, seq=1, ack=1001, sack=((1, 1001),))
    assert t.c.tail.end is None, "both have arrived"
    t.send(bytes(3 * MSS))
    assert len(t.drain()) == 3
    t.after(RTO - 1).expect_nothing()
    t.after(1).expect(ACK, seq=1001, reason=Reason.TIMEOUT)


@pytest.mark.req("RFC8985-04")
def test_not_without_sack(talk):
    """§4: only together with RACK."""
    t = flight(talk, sack_permitted=False)
    t.after(RTO - 1).expect_nothing()
    t.after(1).expect(ACK, seq=1, reason=Reason.TIMEOUT)


@pytest.mark.req("RFC8985-12")
def test_not_when_something_was_sacked(talk):
    """§7.2: then RACK has a clock of its own."""
    t = flight(talk)
    t.after(RTT)
    t.inject(ACK, seq=1, ack=1, sack=((9001, 10_001),))
    t.after(RTT)
    assert all(reason is not Reason.TAIL_PROBE for reason in t.reasons)
    assert t.drain()


def test_not_without_new_data_to_acknowledge(talk):
    t = flight(talk)
    t.inject(ACK, seq=1, ack=10_001)
    t.after(PTO).expect_nothing()


def test_switched_off(talk):
    t = flight(talk, config=ONE_BY_ONE.but(tail_probe=False))
    t.after(RTO).expect(ACK, seq=1, reason=Reason.TIMEOUT)


@pytest.mark.req("RFC8985-18")
@pytest.mark.parametrize("twice", [False, True], ids=["lost", "arrived twice"])
def test_a_probe_that_repaired_a_loss_is_a_sign_of_congestion(talk, twice):
    """§7.4: unless the peer says that both copies arrived."""
    t = flight(talk)
    t.after(PTO)
    probe(t, 9001)
    t.inject(ACK, seq=1, ack=9001)
    t.send(bytes(MSS))
    t.expect(ACK, seq=10_001, len=MSS)
    t.inject(ACK, seq=1, ack=11_001, sack=((9001, 10_001),) if twice else ())
    assert (t.c.congestion.ssthresh < 20 * MSS) is not twice


def test_a_probe_of_new_data_repaired_nothing(talk):
    t = flight(talk)
    t.send(bytes(MSS))
    t.after(PTO)
    probe(t, 10_001)
    t.send(bytes(MSS))
    t.inject(ACK, seq=1, ack=11_001)
    t.drain()
    t.inject(ACK, seq=1, ack=12_001)
    assert t.c.congestion.ssthresh > 1 << 30


@pytest.mark.req("RFC8985-13")
def test_how_long_to_wait():
    tail = TailLossProbe()
    assert tail.timeout(50 * MS, False, 200 * MS) == 100 * MS
    assert tail.timeout(50 * MS, True, 200 * MS) == 300 * MS
    assert tail.timeout(1000, False, 200 * MS) == 2 * MS, "a hiccup of a scheduler is no loss"


def test_a_long_path_is_probed_in_place_of_the_timeout(talk):
    """§7.2: where two round trips are longer than the timeout, the timeout's time is the probe's."""
    t = flight(talk, 1)
    longer = 4 * RTT
    for i in range(1, 40):
        t.after(longer)
        t.drain()
        t.inject(ACK, seq=1, ack=1 + MSS * i)
        t.send(bytes(2 * MSS if i == 39 else MSS))
        t.drain()
    rto = t.c.rtt.rto
    assert longer < rto < 2 * t.c.rtt.srtt
    t.after(rto - 1).expect_nothing()
    t.after(1)
    probe(t, 40_001)
    t.expect_nothing()


def test_a_fin_is_probed_for(talk):
    """It is the end of the flight like any other (§7.3)."""
    t = flight(talk, 2)
    t.call("shutdown")
    t.expect(FIN | ACK, seq=2001)
    t.after(RTT)
    t.inject(ACK, seq=1, ack=2001)
    t.after(t.c.rtt.rto - 1).expect_nothing()
    t.after(1).expect(FIN | ACK, seq=2001, reason=Reason.TAIL_PROBE)
    t.inject(ACK, seq=1, ack=2002)
    assert t.state == "FIN-WAIT-2"


def spurious(t):
    """The last segment was probed, and then everything had arrived."""
    t.after(PTO)
    probe(t, 9001)
    t.inject(ACK, seq=1, ack=10_001)


def next_segment(t):
    t.send(bytes(MSS))
    t.expect(ACK, seq=10_001, len=MSS)
    t.after(RTT)
    t.inject(ACK, seq=1, ack=11_001)


def test_the_report_may_come_when_nothing_is_outstanding(talk):
    """§7.4.2: the original was late, and the copy is reported after it."""
    t = flight(talk)
    spurious(t)
    t.inject(ACK, seq=1, ack=10_001, sack=((9001, 10_001),))
    next_segment(t)
    assert t.c.congestion.ssthresh > 1 << 30
    assert "TCPLossProbeRecovery" not in t.stack.counters


def test_a_peer_without_dsack_answers_with_a_bare_duplicate(talk):
    """§7.4.2, the third case."""
    t = flight(talk)
    spurious(t)
    t.inject(ACK, seq=1, ack=10_001)
    next_segment(t)
    assert t.c.congestion.ssthresh > 1 << 30


def test_a_window_update_is_no_duplicate(talk):
    t = flight(talk, config=BY_FLIGHT)
    spurious(t)
    t.inject(ACK, seq=1, ack=10_001, win=60_000)
    next_segment(t)
    assert t.stack.counters["TCPLossProbeRecovery"] == 1
    assert t.c.congestion.ssthresh == 7 * MSS


@pytest.mark.parametrize("segments", [4, 10])
def test_a_hidden_loss_reduces_by_the_flight_in_which_it_happened(talk, segments):
    """§7.4.2: as fast recovery would. Who waits for more to send has hardly anything in flight when it is seen."""
    t = flight(talk, segments, BY_FLIGHT)
    t.after(RTT)
    t.inject(ACK, seq=1, ack=1 + MSS * (segments - 1))
    t.after(t.c.rtt.rto)
    probe(t, 1 + MSS * (segments - 1))
    t.send(bytes(MSS))
    t.drain()
    t.inject(ACK, seq=1, ack=1 + MSS * (segments + 1))
    assert t.stack.counters["TCPLossProbeRecovery"] == 1
    assert t.c.congestion.ssthresh == MSS * segments * 7 // 10


def test_a_report_of_something_else_says_nothing_about_the_probe(talk):
    t = flight(talk)
    spurious(t)
    t.inject(ACK, seq=1, ack=10_001, sack=((4001, 5001),))
    next_segment(t)
    assert t.stack.counters["TCPLossProbeRecovery"] == 1


def test_what_is_answered_before_it_leaves_is_not_probed_for(talk):
    """The timer has expired, the link takes nothing, and the acknowledgement comes first."""
    t = flight(talk)
    t.now += PTO
    t.stack.advance(t.now)
    t.inject(ACK, seq=1, ack=10_001)
    t.expect_nothing()
    assert not t.c.tail.owed


def test_the_reordering_timer_takes_the_place_of_probe_and_timeout(talk):
    """§8: a SACK just before the timeout gives the hole its time."""
    t = flight(talk)
    t.after(PTO - 1 * MS)
    t.inject(ACK, seq=1, ack=1, sack=((9001, 10_001),))
    reorder = t.c.timers.reorder
    assert reorder == t.now + 25 * MS
    assert t.c.timers.tail_probe == NEVER
    t.after(25 * MS - 1).expect_nothing()
    t.after(1).expect(ACK, seq=1, reason=Reason.RETRANSMISSION)
    assert t.c.timers.rto >= t.now + t.c.rtt.rto


def test_the_timeout_waits_for_the_reordering_timer(talk):
    t = flight(talk, config=ONE_BY_ONE.but(tail_probe=False))
    t.after(RTO - 1 * MS)
    t.inject(ACK, seq=1, ack=1, sack=((9001, 10_001),))
    t.after(25 * MS - 1).expect_nothing()
    t.after(1).expect(ACK, seq=1, reason=Reason.RETRANSMISSION)
    assert "TCPTimeouts" not in t.stack.counters
