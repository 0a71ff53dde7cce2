"""What Linux does beyond the RFCs after a timeout, for the profile ``linux`` alone."""

import pytest

from estab.tcp.config import LINUX, MILLISECOND
from estab.tcp.recovery import LOSS, OPEN
from tests.conversation import ACK, SECOND, SYN

BOLD = LINUX.but(delayed_ack=SECOND)
CAREFUL = BOLD.but(bold_recovery=False)


def lossy(talk, config, size=5000):
    t = talk(config).established(mss=1000, sack_permitted=True)
    t.send(bytes(size))
    t.drain()
    t.after(100 * MILLISECOND)
    t.c.rtt.on_sample(100 * MILLISECOND, t.now)
    return t


@pytest.mark.parametrize(("config", "taken_back"), [(BOLD, True), (CAREFUL, False)], ids=["bold", "careful"])
def test_late_arrival_after_several_timeouts_takes_all_of_them_back(talk, config, taken_back):
    t = lossy(talk, config)
    before = t.c.congestion.cwnd
    t.after(3 * SECOND)
    t.drain()
    assert t.c.recovery.phase is LOSS
    assert t.c.retransmissions > 1
    t.inject(ACK, seq=1, ack=5001)
    assert t.c.recovery.phase is OPEN
    assert (t.c.congestion.cwnd >= before) is taken_back


@pytest.mark.parametrize(("config", "soon"), [(BOLD, True), (CAREFUL, False)], ids=["bold", "careful"])
def test_a_peer_that_forgets_what_it_has_sacked_gets_half_a_round_trip(talk, config, soon):
    t = lossy(talk, config)
    t.inject(ACK, seq=1, ack=1, sack=((1001, 5001),))
    t.drain()
    t.after(50 * MILLISECOND)
    t.inject(ACK, seq=1, ack=1001, sack=())
    t.drain()
    t.after(110 * MILLISECOND)
    assert any(s.length for s in t.drain()) is soon


@pytest.mark.parametrize(("config", "reduced"), [(BOLD, False), (CAREFUL, True)], ids=["bold", "careful"])
def test_a_timeout_in_recovery_does_not_reduce_again(talk, config, reduced):
    t = lossy(talk, config, 10_000)
    t.inject(ACK, seq=1, ack=1, sack=((1001, 4001),))
    t.drain()
    threshold = t.c.congestion.ssthresh
    t.after(3 * SECOND)
    t.drain()
    assert (t.c.congestion.ssthresh < threshold) is reduced


def test_more_to_come_waits_until_something_is_acknowledged(talk):
    t = talk(BOLD).established(mss=1000)
    t.c.corked = True
    t.c.send(bytes(1400), t.now, more=True)
    t.expect(len=1000)
    t.expect_nothing()
    t.inject(ACK, seq=1, ack=1001)
    t.expect(ACK, seq=1001, len=400)


@pytest.mark.parametrize(("config", "waits"), [(BOLD, True), (CAREFUL, False)], ids=["bold", "careful"])
def test_the_answer_to_a_window_probe_puts_the_next_one_off(talk, config, waits):
    t = talk(config).established(mss=1000)
    t.inject(ACK, seq=1, ack=1, win=0)
    t.send(bytes(1000))
    t.after(t.c.rtt.rto)
    t.expect(ACK, len=0)
    t.after(t.c.rtt.rto)
    t.inject(ACK, seq=1, ack=1, win=0)
    t.after(t.c.rtt.rto + 1)
    assert (t.drain() == []) is waits


@pytest.mark.parametrize(("config", "grows"), [(BOLD, True), (CAREFUL, False)], ids=["bold", "careful"])
def test_what_ends_recovery_opens_the_window_as_well(talk, config, grows):
    t = lossy(talk, config.but(congestion="newreno"), 10_000)
    t.inject(ACK, seq=1, ack=1, sack=((1001, 4001),))
    t.drain()
    t.inject(ACK, seq=1, ack=10_001)
    assert t.c.recovery.phase is OPEN
    assert (t.c.congestion.cwnd > t.c.congestion.ssthresh) is grows


@pytest.mark.parametrize(("config", "retries"), [(BOLD, 10), (CAREFUL, 6)], ids=["bold", "careful"])
def test_syns_a_second_apart_do_not_count_as_retries(talk, config, retries):
    t = talk(config)
    t.open()
    t.after(600 * SECOND)
    assert sum(1 for s in t.drain() if s.flags & SYN) == retries + 1


@pytest.mark.parametrize(("config", "lives"), [(BOLD, True), (CAREFUL, False)], ids=["bold", "careful"])
def test_the_user_timeout_begins_with_the_first_retransmission(talk, config, lives):
    t = talk(config.but(user_timeout=2 * SECOND, tail_probe=False)).established(mss=1000)
    t.send(bytes(100))
    t.drain()
    t.after(2 * SECOND + 1)
    assert (t.c.error is None) is lives
    t.after(2 * SECOND)
    assert t.c.error is not None
