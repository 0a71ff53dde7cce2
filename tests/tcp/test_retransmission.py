"""The retransmission timer in conversations: RFC 6298, RFC 9293 §3.8.1 and §3.8.3, RFC 7323 §4."""

import errno

import pytest

from estab.tcp.config import LINUX, MODERN, RFC
from estab.tcp.observer import Reason
from estab.wire.icmp import IcmpKind
from tests.conversation import ACK, FIN, MILLISECOND, RST, SECOND, SYN

MS = MILLISECOND


def timeouts(t, first, count, cap=MODERN.rto_maximum, **expected):
    """``count`` expiries: nothing one nanosecond before, the segment at the very time; how long it took."""
    rto, total = first, 0
    for _ in range(count):
        t.after(rto - 1).expect_nothing()
        t.after(1).expect(**expected)
        t.expect_nothing()
        total += rto
        rto = min(2 * rto, cap)
    return total


@pytest.mark.req("RFC9293-MUST-19", "RFC6298-11", "RFC6298-14")
def test_data_is_sent_again_and_again(talk):
    t = talk().established()
    t.send(b"x")
    t.expect(ACK, seq=1, ack=1, data=b"x")
    timeouts(t, 200 * MS, 9, seq=1, ack=1, data=b"x", reason=Reason.TIMEOUT)
    t.inject(ACK, seq=1, ack=2)
    t.after(3600 * SECOND).expect_nothing()
    assert t.state == "ESTABLISHED"


@pytest.mark.req("RFC6298-01", "RFC6298-06")
def test_to_the_letter_the_timeout_is_a_second_at_least(talk):
    t = talk(RFC).established()
    t.send(b"x")
    t.expect(data=b"x")
    timeouts(t, SECOND, 4, data=b"x")


@pytest.mark.req("RFC6298-11", "RFC6298-12", "RFC6928-04", "RFC6582-09")
def test_the_timer_runs_from_the_last_acknowledgement_of_new_data(talk):
    """RFC 6298 §5.3."""
    t = talk(MODERN.but(super_segments=False)).established(mss=1000)
    t.send(bytes(3000))
    for seq in (1, 1001, 2001):
        t.expect(ACK, seq=seq, len=1000)
    t.after(150 * MS)
    t.inject(ACK, seq=1, ack=1001)
    rto = t.c.rtt.rto
    t.after(rto - 1).expect_nothing()
    t.after(1).expect(ACK, seq=1001, len=1000)


@pytest.mark.req("RFC6298-13")
def test_only_the_earliest_segment_is_sent_at_a_timeout(talk):
    """RFC 6298 §5.4, RFC 5681 §3.1: then the network decides how fast it goes on."""
    t = talk().established(mss=1000)
    t.send(bytes(10_000))
    assert sum(segment.length for segment in t.drain()) == 10_000
    t.after(200 * MS).expect(ACK, seq=1, len=1000)
    t.expect_nothing()
    assert t.c.congestion.cwnd == 1000
    t.inject(ACK, seq=1, ack=1001)
    assert [(s.seq, s.length) for s in t.drain()] == [(1001, 1000), (2001, 1000)]
    t.inject(ACK, seq=1, ack=3001)
    assert [s.seq for s in t.drain()] == [3001, 4001, 5001, 6001]


def test_what_arrived_after_all_is_not_sent_again(talk):
    """A spurious timeout: the acknowledgement of everything comes late."""
    t = talk().established(mss=1000)
    t.send(bytes(5000))
    t.drain()
    t.after(200 * MS).expect(ACK, seq=1, len=1000)
    t.inject(ACK, seq=1, ack=5001)
    t.expect_nothing()
    t.send(b"more")
    t.expect(ACK, seq=5001, data=b"more")


@pytest.mark.req("RFC9293-MUST-18", "RFC6298-08")
def test_karn_no_sample_from_what_was_sent_twice(talk):
    t = talk().established()
    before = t.c.rtt.srtt
    t.send(b"x")
    t.expect(data=b"x")
    t.after(200 * MS).expect(data=b"x")
    t.after(100 * MS)
    t.inject(ACK, seq=1, ack=2)
    assert t.c.rtt.srtt == before


@pytest.mark.req("RFC6298-09")
@pytest.mark.parametrize("stamped", [False, True])
def test_every_round_trip_is_a_sample(talk, stamped):
    """RFC 6298 §3: the estimate follows each of them, with timestamps and without."""
    t = talk().established(**({"ts": (1, 0)} if stamped else {}))
    estimates = [t.c.rtt.srtt]
    for number in range(1, 9):
        t.send(b"x")
        stamps = t.drain()[-1].options.timestamps
        echo = {"ts": (2_000_000 + number, stamps[0])} if stamped else {}
        t.after(20 * MS * number)
        t.inject(ACK, seq=1, ack=1 + number, **echo)
        estimates.append(t.c.rtt.srtt)
    assert estimates == sorted(set(estimates))


@pytest.mark.req("RFC6298-09")
def test_backoff_stays_until_there_is_a_sample(talk):
    """RFC 6298 §5.5 and §3."""
    t = talk().established()
    t.send(b"x")
    t.expect(data=b"x")
    t.after(200 * MS).expect(data=b"x")
    t.inject(ACK, seq=1, ack=2)
    t.send(b"y")
    t.expect(data=b"y")
    t.after(400 * MS - 1).expect_nothing()
    t.after(1).expect(data=b"y")
    t.inject(ACK, seq=1, ack=3)
    t.send(b"z")
    t.expect(data=b"z")
    t.after(10 * MS)
    t.inject(ACK, seq=1, ack=4)
    t.send(b"!")
    t.expect(data=b"!")
    timeouts(t, 200 * MS, 2, data=b"!")


@pytest.mark.req("RFC6298-08")
def test_the_echoed_timestamp_tells_which_transmission_arrived(talk):
    """RFC 7323 §4.1: timestamps end the ambiguity that Karn's rule works around."""
    t = talk().established(ts=(5, 0))
    srtt = t.c.rtt.srtt
    t.send(b"x")
    t.expect(data=b"x")
    again = t.after(200 * MS).expect(data=b"x").options.timestamps[0]
    t.after(80 * MS)
    t.inject(ACK, seq=1, ack=2, ts=(2_000_000, again))
    assert t.c.rtt.srtt == srtt + (80 * MS - srtt) // 8
    assert t.c.rtt.backoff == 0


@pytest.mark.parametrize("ago", [None, -1, -5000, 60_001, 3_600_000, 1 << 31], ids=str)
def test_a_senseless_echo_is_no_sample(talk, ago):
    """A forged echo must not poison the estimate: nothing takes longer than we would have waited."""
    t = talk().established(ts=(5, 0))
    srtt = t.c.rtt.srtt
    t.send(b"x")
    t.expect(data=b"x")
    present = t.after(200 * MS).expect(data=b"x").options.timestamps[0]
    echo = 0 if ago is None else (present - ago) & 0xFFFFFFFF
    t.inject(ACK, seq=1, ack=2, ts=(2_000_000, echo))
    assert t.c.rtt.srtt == srtt
    assert t.c.flight == 0


@pytest.mark.req("RFC7323-19")
def test_a_duplicate_acknowledgement_is_no_sample(talk):
    """RFC 7323 §4.1: only what advances SND.UNA."""
    t = talk().established(ts=(5, 0))
    srtt = t.c.rtt.srtt
    t.send(b"x")
    stamp = t.expect(data=b"x").options.timestamps[0]
    t.after(100 * MS)
    t.inject(ACK, seq=1, ack=1, ts=(2_000_000, stamp))
    assert t.c.rtt.srtt == srtt


# ---------------------------------------------------------------------- giving up


@pytest.mark.req("RFC9293-MUST-22", "RFC9293-MUST-23", "RFC1122-07", "RFC8961-01")
def test_syn_backoff_and_its_end(talk):
    """RFC 9293 MUST-23: at least three minutes."""
    t = talk()
    t.open()
    t.expect(SYN, seq=0)
    total = timeouts(t, SECOND, 7, flags=SYN, seq=0)
    assert t.state == "SYN-SENT"
    t.after(60 * SECOND - 1).expect_nothing()
    assert t.state == "SYN-SENT"
    t.after(1).expect_nothing()
    assert t.state == "CLOSED"
    assert isinstance(t.c.error, TimeoutError)
    assert total + 60 * SECOND >= 180 * SECOND


def test_linux_gives_up_after_131_seconds(talk):
    """Four times after a second, and then six times after twice as long as before."""
    t = talk(LINUX)
    t.open()
    t.expect(SYN, seq=0)
    for _ in range(4):
        t.after(SECOND).expect(SYN, seq=0)
    assert timeouts(t, SECOND, 6, cap=LINUX.rto_maximum, flags=SYN) == 63 * SECOND
    t.after(64 * SECOND).expect_nothing()
    assert t.state == "CLOSED"


@pytest.mark.req("RFC4987-11")
def test_syn_ack_backoff_and_its_end(talk):
    t = talk()
    t.listen()
    t.inject(SYN, seq=0, mss=1460)
    t.expect(SYN | ACK, seq=0, ack=1)
    timeouts(t, SECOND, 5, flags=SYN | ACK, seq=0, ack=1)
    t.after(32 * SECOND - 1).expect_nothing()
    assert t.state == "SYN-RECEIVED"
    t.after(1).expect_nothing()
    assert t.state == "CLOSED"
    assert not t.stack.connections
    assert not t.stack.embryos


@pytest.mark.req("RFC9293-MUST-23")
def test_to_the_letter_a_syn_ack_is_a_syn(talk):
    """RFC 9293 MUST-23 makes no difference between the two."""
    t = talk(RFC)
    t.listen()
    t.inject(SYN, seq=0, mss=1460)
    t.expect(SYN | ACK)
    t.after(180 * SECOND)
    assert t.state == "SYN-RECEIVED"


@pytest.mark.req("RFC6298-15")
def test_data_after_a_lost_syn_starts_at_three_seconds(talk):
    """RFC 6298 §5.7."""
    t = talk()
    t.open()
    t.expect(SYN)
    t.after(SECOND).expect(SYN)
    t.inject(SYN | ACK, seq=0, ack=1, mss=1460)
    t.expect(ACK, seq=1, ack=1)
    t.send(b"x")
    t.expect(data=b"x")
    t.after(3 * SECOND - 1).expect_nothing()
    t.after(1).expect(data=b"x")


@pytest.mark.req("RFC6298-15")
def test_data_after_a_lost_syn_ack_starts_at_three_seconds(talk):
    t = talk()
    t.listen()
    t.inject(SYN, seq=0, mss=1460)
    t.expect(SYN | ACK)
    t.after(SECOND).expect(SYN | ACK)
    t.inject(ACK, seq=1, ack=1)
    t.accept()
    t.send(b"x")
    t.expect(data=b"x")
    t.after(3 * SECOND - 1).expect_nothing()
    t.after(1).expect(data=b"x")


@pytest.mark.req("RFC9293-MUST-20")
def test_r2_by_count(talk):
    t = talk(MODERN.but(data_retries=3, user_timeout=None)).established()
    t.send(b"x")
    t.expect(data=b"x")
    timeouts(t, 200 * MS, 3, data=b"x")
    t.after(1600 * MS - 1).expect_nothing()
    assert t.state == "ESTABLISHED"
    t.after(1).expect_nothing()
    assert t.state == "CLOSED"
    with pytest.raises(TimeoutError):
        t.send(b"y")


def test_progress_starts_the_count_anew(talk):
    t = talk(MODERN.but(data_retries=3, user_timeout=None)).established()
    for i in range(3):
        t.send(b"x")
        t.expect(data=b"x")
        t.after(t.c.rtt.rto).expect(data=b"x")
        t.after(t.c.rtt.rto).expect(data=b"x")
        t.inject(ACK, seq=1, ack=2 + i)
    assert t.state == "ESTABLISHED"


@pytest.mark.req("RFC9293-MUST-20")
def test_r2_by_time_is_five_minutes(talk):
    """RFC 9293 §3.9.1.1."""
    t = talk().established()
    t.send(b"x")
    t.drain()
    t.after(300 * SECOND - 1)
    assert t.state == "ESTABLISHED"
    t.drain()
    t.after(1)
    t.drain()
    assert t.state == "CLOSED"
    assert t.c.error.errno == errno.ETIMEDOUT


@pytest.mark.req("RFC9293-MUST-21")
def test_for_ever_means_for_ever(talk):
    """RFC 9293 MUST-21."""
    t = talk(MODERN.but(user_timeout=None)).established()
    t.send(b"x")
    t.drain()
    t.after(24 * 3600 * SECOND)
    assert t.state == "ESTABLISHED"
    t.drain()
    t.inject(ACK, seq=1, ack=2)
    t.after(600 * SECOND).expect_nothing()


@pytest.mark.req("RFC9293-SHLD-25")
def test_what_the_network_said_is_the_reason(talk):
    """RFC 9293 §3.9.2.2: a soft error is kept, and named when nothing else helps."""
    t = talk(MODERN.but(data_retries=2)).established()
    t.send(b"x")
    t.drain()
    t.inject_icmp(IcmpKind.UNREACHABLE, 1, seq=1, router="10.0.0.254")
    assert t.state == "ESTABLISHED"
    t.after(10 * SECOND)
    assert t.state == "CLOSED"
    assert t.c.error.errno == errno.EHOSTUNREACH


def test_a_soft_error_that_passed_is_not_the_reason(talk):
    """What was acknowledged since has shown that the path works again."""
    t = talk(MODERN.but(data_retries=2)).established()
    t.send(b"x")
    t.drain()
    t.inject_icmp(IcmpKind.UNREACHABLE, 1, seq=1, router="10.0.0.254")
    t.inject(ACK, seq=1, ack=2)
    t.send(b"y")
    t.after(10 * SECOND)
    assert t.c.error.errno == errno.ETIMEDOUT


def test_fin_is_sent_again(talk):
    t = talk().established()
    t.call("close")
    t.expect(FIN | ACK, seq=1)
    timeouts(t, 200 * MS, 3, flags=FIN | ACK, seq=1)
    t.inject(ACK, seq=1, ack=2)
    assert t.state == "FIN-WAIT-2"


def test_fin_goes_with_the_last_data_again(talk):
    t = talk().established()
    t.send(b"bye")
    t.expect(data=b"bye")
    t.call("shutdown")
    t.expect(FIN | ACK, seq=4, len=0)
    t.after(200 * MS).expect(FIN | ACK, seq=1, data=b"bye")
    t.inject(ACK, seq=1, ack=5)
    assert t.state == "FIN-WAIT-2"


def test_a_reset_ends_all_timers(talk):
    t = talk().established()
    t.send(b"x")
    t.expect(data=b"x")
    t.inject(RST, seq=1)
    assert t.state == "CLOSED"
    t.after(3600 * SECOND).expect_nothing()
    assert t.stack.next_deadline() is None
