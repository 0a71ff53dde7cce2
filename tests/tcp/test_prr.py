"""Proportional rate reduction by computed numbers: RFC 9937 §6, RFC 6937 §3."""

import pytest

from estab.tcp.config import MODERN
from estab.tcp.prr import ProportionalRateReduction
from tests.conversation import ACK, MILLISECOND, SYN

MS = MILLISECOND
MSS = 1000


def episode(segments: int, mss: int = MSS) -> ProportionalRateReduction:
    prr = ProportionalRateReduction()
    prr.begin(segments * mss)
    return prr


@pytest.mark.req("RFC6937-01")
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


@pytest.mark.req("RFC6937-02", "RFC9937-01")
def test_below_the_new_window_it_catches_up_while_all_is_well():
    """Slow start's pace where the ACK advanced and lost nothing more, and never beyond ssthresh."""
    prr = episode(20)
    assert prr.allowance(MSS, 4 * MSS, 10 * MSS, MSS, True) == 2 * MSS
    prr = episode(20)
    assert prr.allowance(5 * MSS, 9 * MSS, 10 * MSS, MSS, True) == MSS


@pytest.mark.req("RFC6937-02", "RFC9937-01")
def test_otherwise_one_out_for_one_delivered():
    """Conservation of packets."""
    prr = episode(20)
    assert prr.allowance(MSS, 4 * MSS, 10 * MSS, MSS, False) == MSS
    prr.on_sent(MSS)
    assert prr.allowance(MSS, 4 * MSS, 10 * MSS, MSS, False) == MSS
    prr.on_sent(3 * MSS)
    assert prr.allowance(0, 4 * MSS, 10 * MSS, MSS, False) <= 0


@pytest.mark.req("RFC9937-02")
def test_the_first_answer_always_lets_something_out():
    assert episode(20).allowance(0, 10 * MSS, 10 * MSS, MSS, False) == MSS


@pytest.mark.req("RFC6937-01", "RFC9937-02")
def test_in_a_connection(talk):
    """One hole in twenty segments: the repair at once, then half of what is delivered, and in the end ssthresh."""
    t = talk(MODERN.but(super_segments=False, initial_window=20, congestion="newreno"))
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


# ---------------------------------------------------------------------- the figures of RFC 9937 §8, and others by hand


def test_figure_1():
    """One of twenty is lost, two went by limited transmit; counted in segments. The figure shows the segment of the
    20th acknowledgement at the 19th; the sum is the same."""
    prr = episode(20, mss=1)
    sent, windows = "", []
    nxt, sacked, lost = 22, 2, 1
    for _ in range(19):
        sacked += 1
        in_flight = nxt - sacked - lost
        allowed = prr.allowance(1, in_flight, 10, 1, False)
        windows.append(in_flight + allowed)
        sent += str(max(allowed, 0))
        if allowed > 0:
            prr.on_sent(allowed)
            nxt += allowed - lost
            lost = 0
    assert sent == "1010101010101010011"
    assert (windows[0], windows[-1]) == (19, 10)


def test_figure_2():
    """Fifteen of twenty are lost; then the repairs arrive."""
    prr = episode(20, mss=1)
    seen = []
    for in_flight, safe in [(4, False)] * 3 + [(4, True), (5, True), (6, True), (7, True)]:
        allowed = prr.allowance(1, in_flight, 10, 1, safe)
        prr.on_sent(allowed)
        seen.append((in_flight, in_flight + allowed, allowed))
    assert seen == [(4, 5, 1)] * 3 + [(4, 6, 2), (5, 7, 2), (6, 8, 2), (7, 9, 2)]


def test_in_bytes():
    """RecoverFS of 146,000 bytes with thirty of 1460 SACKed, one of them now; the window ends at seventy."""
    prr = ProportionalRateReduction()
    prr.begin(146_000 - 30 * 1460 + 1460)
    assert prr.base == 103_660
    allowed = prr.allowance(1460, 60 * 1460, 70 * 1460, 1460, False)
    assert (allowed, 60 * 1460 + allowed) == (1460, 89_060)


def test_the_forced_repair_in_bytes():
    prr = ProportionalRateReduction()
    prr.begin(29_200)
    allowed = prr.allowance(1460, 14_600, 14_600, 1460, False)
    assert (allowed, 14_600 + allowed) == (1460, 16_060)


def test_only_the_division_rounds_up():
    """A window of 14/20, as CUBIC has it: the fractions of a segment are kept in account."""
    prr = ProportionalRateReduction()
    prr.begin(20 * 1460)
    assert prr.allowance(1460, 18 * 1460, 14 * 1460, 1460, False) == 1022
    prr.on_sent(1022)
    assert prr.allowance(700, 25_580, 14 * 1460, 1460, False) == 490


def recovering(talk, blocks, segments=20, more=40):
    """``segments`` left on a path of 100 ms and ``more`` wait; the last of ``blocks`` begins recovery."""
    t = talk(MODERN.but(super_segments=False, initial_window=segments))
    t.listen()
    t.inject(SYN, seq=0, mss=MSS, sack_permitted=True)
    t.expect(SYN | ACK)
    t.after(100 * MS)
    t.inject(ACK, seq=1, ack=1)
    t.accept()
    t.send(bytes((segments + more) * MSS))
    t.drain()
    t.after(100 * MS)
    for block in blocks:
        t.inject(ACK, seq=1, ack=1, sack=(block,))
    return t


def test_recover_fs(talk):
    """§6.1: what was in the network, what this acknowledgement delivered included, and limited transmit as well."""
    t = recovering(talk, [(1001, 2001), (1001, 3001), (1001, 4001)])
    assert t.c.prr.base == (22 - 3 + 1) * MSS
    t = recovering(talk, [(1001, 4001)], more=0)
    assert t.c.prr.base == (20 - 3 + 3) * MSS


def test_the_timer_lets_one_segment_out(talk):
    """Nothing was delivered, so nothing but the forced repair may go, however much is missing."""
    t = recovering(talk, [(18_001, 20_001)], more=0)
    t.expect_nothing()
    t.after(25 * MS)
    assert t.c.board.lost + MSS == 18 * MSS
    t.expect(ACK, seq=1, len=MSS)
    t.expect_nothing()


def test_what_delivers_nothing_allows_nothing(talk):
    """A D-SACK is an acknowledgement, but no delivery."""
    t = recovering(talk, [(1001, 2001), (1001, 3001), (1001, 4001), (1001, 5001)])
    t.drain()
    before = t.c.congestion.cwnd
    for _ in range(10):
        t.inject(ACK, seq=1, ack=1, sack=((2001, 3001), (1001, 5001)))
    t.expect_nothing()
    assert t.c.congestion.cwnd == before
    assert t.c.rack.multiplier == 2


def test_heavy_loss_is_no_burst(talk):
    """§8 figure 2 in a connection: one out for each one in while nothing advances."""
    t = recovering(talk, [])
    for arrived in range(16, 21):
        t.inject(ACK, seq=1, ack=1, sack=((15_001, arrived * MSS + 1),))
        assert len(t.drain()) == 1
