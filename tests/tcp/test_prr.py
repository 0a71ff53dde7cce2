"""Proportional rate reduction by computed numbers: RFC 9937 §6, RFC 6937 §3."""

from estab.tcp.config import MODERN
from estab.tcp.prr import ProportionalRateReduction
from tests.conversation import ACK, MILLISECOND, SYN

MS = MILLISECOND
MSS = 1000


def episode(segments: int) -> ProportionalRateReduction:
    prr = ProportionalRateReduction()
    prr.begin(segments * MSS)
    return prr


def test_one_out_for_two_delivered():
    """ceil(delivered · ssthresh / RecoverFS) - out, while more is in flight than the new window."""
    prr = episode(20)
    allowed = []
    for i in range(8):
        allowed.append(prr.allowance(MSS, (19 - i // 2) * MSS, 10 * MSS, MSS, True))
        if allowed[-1] >= MSS:
            prr.on_sent(MSS)
    assert allowed == [500, 1000, 500, 1000, 500, 1000, 500, 1000]


def test_it_is_rounded_up():
    prr = episode(3)
    prr.on_sent(1)
    assert prr.allowance(MSS, 3 * MSS, 2 * MSS, MSS, True) == 667 - 1


def test_below_the_new_window_it_catches_up_while_all_is_well():
    """Slow start's pace where the ACK advanced and lost nothing more, and never beyond ssthresh."""
    prr = episode(20)
    assert prr.allowance(MSS, 4 * MSS, 10 * MSS, MSS, True) == 2 * MSS
    prr = episode(20)
    assert prr.allowance(5 * MSS, 9 * MSS, 10 * MSS, MSS, True) == MSS


def test_otherwise_one_out_for_one_delivered():
    """Conservation of packets."""
    prr = episode(20)
    assert prr.allowance(MSS, 4 * MSS, 10 * MSS, MSS, False) == MSS
    prr.on_sent(MSS)
    assert prr.allowance(MSS, 4 * MSS, 10 * MSS, MSS, False) == MSS
    prr.on_sent(3 * MSS)
    assert prr.allowance(0, 4 * MSS, 10 * MSS, MSS, False) <= 0


def test_the_first_answer_always_lets_something_out():
    assert episode(20).allowance(0, 10 * MSS, 10 * MSS, MSS, False) == MSS


def test_in_a_connection(talk):
    """One hole in twenty segments: the repair at once, then half of what is delivered, and in the end ssthresh."""
    t = talk(MODERN.but(super_segments=False, initial_window=20))
    t.listen()
    t.inject(SYN, seq=0, mss=MSS, sack_permitted=True)
    t.expect(SYN | ACK)
    t.after(100 * MS)
    t.inject(ACK, seq=1, ack=1)
    t.accept()
    t.send(bytes(60 * MSS))
    assert len(t.drain()) == 20
    t.after(100 * MS)
    sent = []
    for arrived in range(2, 21):
        t.inject(ACK, seq=1, ack=1, sack=((1001, arrived * MSS + 1),))
        sent.append([segment.seq // MSS for segment in t.drain()])
    half = t.c.congestion.ssthresh
    assert half == 10 * MSS
    assert sent[:3] == [[20], [21], [0]], "limited transmit, and at the third the repair"
    assert 7 <= sum(map(len, sent[3:])) <= 9
    t.inject(ACK, seq=1, ack=t.c.snd_nxt - t.iss)
    assert t.c.congestion.cwnd == half
