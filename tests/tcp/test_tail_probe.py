"""The end of a flight is probed before the timeout: RFC 8985 §7."""

import pytest

from estab.tcp.config import MODERN
from estab.tcp.observer import Reason
from estab.tcp.tlp import TailLossProbe
from tests.conversation import ACK, MILLISECOND, SYN

MS = MILLISECOND
MSS = 1000
ONE_BY_ONE = MODERN.but(super_segments=False)
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


def test_the_last_segment_is_sent_again(talk):
    """§7.2, §7.3: after two round trips without an answer, and nobody has said that anything is lost."""
    t = flight(talk)
    t.after(PTO - 1).expect_nothing()
    t.after(1)
    probe(t, 9001)
    t.expect_nothing()
    assert t.c.congestion.cwnd == 10 * MSS


def test_new_data_is_the_better_probe(talk):
    t = flight(talk)
    t.send(bytes(5000))
    t.expect_nothing()
    t.after(PTO)
    probe(t, 10_001)
    t.expect_nothing()


def test_progress_begins_the_wait_anew(talk):
    t = flight(talk)
    t.after(RTT)
    t.inject(ACK, seq=1, ack=5001)
    t.after(PTO - 1).expect_nothing()
    t.after(1)
    probe(t, 9001)


@pytest.mark.parametrize(
    ("patience", "at", "reason"), [(50 * MS, 250 * MS, Reason.TAIL_PROBE), (PTO, RTO, Reason.TIMEOUT)]
)
def test_a_lone_segment_may_be_acknowledged_late(talk, patience, at, reason):
    """§7.2: the peer's delay is waited for, but never longer than the timeout."""
    t = flight(talk, 1, ONE_BY_ONE.but(tail_probe_ack_delay=patience))
    t.after(at - 1).expect_nothing()
    t.after(1).expect(ACK, seq=1, reason=reason)


def test_then_the_timeout_runs_and_no_second_probe(talk):
    """§7.3: one probe at a time; the timer begins anew with it."""
    t = flight(talk)
    t.after(PTO)
    probe(t, 9001)
    t.after(RTO - 1).expect_nothing()
    t.after(1).expect(ACK, seq=1, reason=Reason.TIMEOUT)


def test_not_again_before_the_path_was_timed(talk):
    """§7.3: an answer to what was sent twice tells no round-trip time."""
    t = flight(talk, 1, ONE_BY_ONE.but(tail_probe_ack_delay=50 * MS))
    t.after(250 * MS)
    probe(t, 1)
    t.inject(ACK, seq=1, ack=1001)
    t.send(bytes(3 * MSS))
    assert len(t.drain()) == 3
    t.after(RTO - 1).expect_nothing()
    t.after(1).expect(ACK, seq=1001, reason=Reason.TIMEOUT)


def test_not_without_sack(talk):
    """§4: only together with RACK."""
    t = flight(talk, sack_permitted=False)
    t.after(RTO - 1).expect_nothing()
    t.after(1).expect(ACK, seq=1, reason=Reason.TIMEOUT)


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


def test_how_long_to_wait():
    tail = TailLossProbe()
    assert tail.timeout(50 * MS, False, 200 * MS) == 100 * MS
    assert tail.timeout(50 * MS, True, 200 * MS) == 300 * MS
    assert tail.timeout(1000, False, 200 * MS) == 2 * MS, "a hiccup of a scheduler is no loss"
