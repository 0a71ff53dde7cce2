"""Timestamps and PAWS: RFC 7323 §3 to §5."""

import pytest

from estab.tcp.config import MODERN
from estab.tcp.observer import Reason
from tests.conversation import ACK, FIN, MILLISECOND, RST, SECOND, SYN

MS = MILLISECOND
DAY = 24 * 3600 * SECOND


def echo(t):
    """TSecr of the acknowledgement that comes now or after the delay."""
    t.after(40 * MS)
    return t.drain()[-1].options.timestamps[1]


@pytest.mark.req("RFC7323-13")
def test_agreed_by_both(talk):
    t = talk().established(ts=(77, 0))
    t.send(b"x")
    stamps = t.expect(data=b"x").options.timestamps
    assert stamps is not None
    t.call("close")
    assert t.expect(FIN | ACK).options.timestamps is not None


@pytest.mark.req("RFC7323-13")
def test_whatever_goes_out_carries_them(talk):
    """Acknowledgements, challenges, repetitions, probes and keep-alives too."""
    t = talk(MODERN.but(keepalive=True, tail_probe=False)).established(ts=(77, 0))
    t.inject(ACK, seq=1, ack=1, data=b"x", ts=(2_000_001, 0))
    t.after(40 * MS)
    segments = [t.expect(reason=Reason.ACK)]
    t.inject(SYN, seq=1)
    segments.append(t.expect(reason=Reason.CHALLENGE))
    t.send(b"y")
    segments.append(t.expect(reason=Reason.DATA))
    t.after(SECOND // 4)
    segments.append(t.expect(reason=Reason.TIMEOUT))
    t.inject(ACK, seq=2, ack=2, ts=(2_000_002, 0), win=0)
    t.send(b"z")
    t.after(SECOND)
    segments.append(t.expect(reason=Reason.WINDOW_PROBE))
    t.inject(ACK, seq=2, ack=2, ts=(2_000_003, 0))
    t.drain()
    t.inject(ACK, seq=2, ack=3, ts=(2_000_004, 0))
    t.after(7200 * SECOND)
    segments.append(t.expect(reason=Reason.KEEPALIVE))
    assert [each for each in segments if each.options.timestamps is None] == []


@pytest.mark.req("RFC7323-17")
def test_the_syn_is_echoed(talk):
    t = talk()
    t.listen()
    t.inject(SYN, seq=0, mss=1460, ts=(77, 12345))
    assert t.expect(SYN | ACK).options.timestamps[1] == 77


@pytest.mark.req("RFC7323-17")
def test_our_syn_echoes_nothing(talk):
    t = talk()
    t.open()
    assert t.expect(SYN).options.timestamps[1] == 0


@pytest.mark.req("RFC7323-16")
@pytest.mark.parametrize("active", [False, True])
def test_not_agreed(talk, active):
    t = talk().established(active=active)
    t.inject(ACK, seq=1, ack=1, data=b"x", ts=(1, 1))
    assert t.receive() == b"x"
    t.send(b"y")
    assert t.expect(data=b"y").options.timestamps is None


def test_switched_off(talk):
    t = talk(MODERN.but(timestamps=False))
    t.listen()
    t.inject(SYN, seq=0, mss=1460, ts=(77, 0))
    assert t.expect(SYN | ACK).options.timestamps is None


@pytest.mark.req("RFC7323-18", "RFC7323-27", "RFC6191-10")
def test_the_clock_follows_time(talk):
    t = talk().established(ts=(77, 0))
    t.send(b"x")
    first = t.expect(data=b"x").options.timestamps[0]
    t.inject(ACK, seq=1, ack=2, ts=True)
    t.after(5 * SECOND)
    t.send(b"y")
    assert (t.expect(data=b"y").options.timestamps[0] - first) & 0xFFFFFFFF == 5000


@pytest.mark.req("RFC7323-30")
def test_two_connections_have_unrelated_clocks(talk):
    """RFC 7323 §7.1: timestamps do not tell how long we have been up."""
    t = talk()
    t.stack.open((t.peer, 80), t.now, local=(t.ours, 1111))
    t.stack.open((t.peer, 80), t.now, local=(t.ours, 2222))
    one, two = (s.options.timestamps[0] for s in t.drain())
    assert abs(one - two) > 1000
    assert one > 10**6


@pytest.mark.req("RFC7323-14", "RFC7323-15")
def test_a_segment_without_them_is_dropped_quietly(talk):
    """RFC 7323 §3.2: dropped, and the connection does not care."""
    t = talk().established(ts=(77, 0))
    t.inject(ACK, seq=1, ack=1, data=b"x")
    t.after(SECOND).expect_nothing()
    assert t.receive() == b""
    assert t.stack.counters["TCPMissingTimestamp"] == 1
    t.inject(ACK, seq=1, ack=1, data=b"y", ts=True)
    assert t.receive() == b"y"


@pytest.mark.req("RFC5961-05")
@pytest.mark.parametrize("stamps", [None, (5, 0)], ids=["without", "old"])
def test_a_syn_is_challenged_whatever_its_timestamps(talk, stamps):
    """RFC 5961 §4.2: a peer that restarted, with other options perhaps, finds the half-open connection."""
    t = talk().established(ts=(77_000, 0))
    t.inject(SYN, seq=700_000, mss=1460, **({"ts": stamps} if stamps else {}))
    t.expect(ACK, seq=1, ack=1, reason=Reason.CHALLENGE)
    t.inject(RST, seq=1)
    assert t.state == "CLOSED"


def test_a_reset_needs_none(talk):
    t = talk().established(ts=(77, 0))
    t.inject(RST, seq=1)
    assert t.state == "CLOSED"


# ---------------------------------------------------------------------- what is echoed (§4.3)


@pytest.mark.req("RFC7323-21")
def test_the_earliest_of_a_delayed_acknowledgement(talk):
    """Worked example A, B, C of §4.3: the echo is that of the first unacknowledged segment."""
    t = talk().established(ts=(1, 0))
    t.inject(ACK, seq=1, ack=1, data=b"a", ts=(2_000_001, 0))
    t.inject(ACK, seq=2, ack=1, data=b"b", ts=(2_000_002, 0))
    t.inject(ACK, seq=3, ack=1, data=b"c", ts=(2_000_003, 0))
    assert echo(t) == 2_000_001


@pytest.mark.req("RFC7323-22")
def test_holes(talk):
    """The second worked example of RFC 7323 §4.3: A, C, B, E, D."""
    t = talk().established(ts=(1, 0))
    base = 2_000_000
    seen = []
    for name, position in (("a", 1), ("c", 3), ("b", 2), ("e", 5), ("d", 4)):
        t.inject(ACK, seq=position, ack=1, data=name.encode(), ts=(base + position, 0))
        seen.append(echo(t) - base)
    assert seen == [1, 1, 2, 2, 4]
    assert t.receive() == b"abcde"


@pytest.mark.req("RFC7323-21")
def test_an_older_value_does_not_go_back(talk):
    t = talk().established(ts=(1, 0))
    t.inject(ACK, seq=1, ack=1, data=b"a", ts=(2_000_005, 0))
    assert echo(t) == 2_000_005
    t.inject(ACK, seq=2, ack=1, data=b"b", ts=(2_000_005, 0))
    assert echo(t) == 2_000_005
    t.inject(SYN | ACK, seq=3, ack=1, ts=(2_000_000, 0))
    t.drain()
    t.inject(ACK, seq=3, ack=1, data=b"old", ts=(2_000_004, 0))
    assert t.receive() == b"ab"


# ---------------------------------------------------------------------- PAWS (§5)


@pytest.mark.req("RFC7323-25")
def test_an_old_duplicate_is_dropped_and_answered(talk):
    t = talk().established(ts=(1, 0))
    t.inject(ACK, seq=1, ack=1, data=b"a", ts=(2_000_000, 0))
    assert echo(t) == 2_000_000
    t.inject(ACK, seq=2, ack=1, data=b"old", ts=(1_999_999, 0))
    t.expect(ACK, ack=2)
    assert t.receive() == b"a"
    assert t.stack.counters["PAWSEstab"] == 1


@pytest.mark.req("RFC7323-25")
def test_the_check_comes_before_that_of_the_sequence_number(talk):
    """RFC 7323 §5.3 R1."""
    t = talk().established(ts=(1, 0))
    t.inject(ACK, seq=1, ack=1, data=b"a", ts=(2_000_000, 0))
    echo(t)
    t.inject(ACK, seq=-5000, ack=1, data=b"old", ts=(1_999_999, 0))
    t.expect(ACK, ack=2)
    assert t.stack.counters["PAWSEstab"] == 1


@pytest.mark.req("RFC7323-23")
def test_a_reset_is_not_subject_to_it(talk):
    """RFC 7323 §5.2."""
    t = talk().established(ts=(1, 0))
    t.inject(ACK, seq=1, ack=1, data=b"a", ts=(2_000_000, 0))
    t.inject(RST | ACK, seq=2, ack=1, ts=(5, 0))
    assert t.state == "CLOSED"


@pytest.mark.req("RFC7323-23")
def test_a_reset_that_is_not_exact_leaves_the_stamp_alone(talk):
    t = talk().established(ts=(1, 0))
    t.inject(RST | ACK, seq=2, ack=1, ts=(3_000_000, 0))
    t.drain()
    t.inject(ACK, seq=1, ack=1, data=b"a", ts=(2_000_000, 0))
    assert t.receive() == b"a"


def test_timestamps_wrap(talk):
    t = talk()
    t.peer_stamp = 0xFFFFFFF1 - t.now // MS
    t.established(ts=(0xFFFFFFF0, 0))
    t.inject(ACK, seq=1, ack=1, data=b"a", ts=(0xFFFFFFFE, 0))
    assert echo(t) == 0xFFFFFFFE
    t.inject(ACK, seq=2, ack=1, data=b"b", ts=(3, 0))
    assert echo(t) == 3
    t.inject(ACK, seq=3, ack=1, data=b"old", ts=(0xFFFFFFFF, 0))
    assert t.receive() == b"ab"


@pytest.mark.req("RFC7323-28")
@pytest.mark.parametrize(("silence", "taken"), [(24 * DAY, False), (24 * DAY + SECOND, True)])
def test_after_24_days_the_stamp_proves_nothing(talk, silence, taken):
    """RFC 7323 §5.5."""
    t = talk().established(ts=(1, 0))
    t.inject(ACK, seq=1, ack=1, data=b"a", ts=(2_000_000, 0))
    echo(t)
    t.receive()
    t.after(silence - 40 * MS)
    t.inject(ACK, seq=2, ack=1, data=b"b", ts=(1_000_000, 0))
    assert t.receive() == (b"b" if taken else b"")
    if taken:
        assert echo(t) == 1_000_000


@pytest.mark.req("RFC7323-26")
def test_data_that_waited_is_not_checked_again(talk):
    """RFC 7323 §5.3: at arrival only; what filled the hole may be younger than what was held."""
    t = talk().established(ts=(1, 0))
    t.inject(ACK, seq=2, ack=1, data=b"b", ts=(2_000_000, 0))
    t.inject(ACK, seq=1, ack=1, data=b"a", ts=(3_000_000, 0))
    assert t.receive() == b"ab"


def test_a_zero_window_probe_passes(talk):
    """An old position with a new stamp is answered as a probe, not as a duplicate of the past."""
    t = talk().established(ts=(1, 0))
    t.inject(ACK, seq=0, ack=1, ts=True)
    t.expect(ACK, seq=1, ack=1)
    assert "PAWSEstab" not in t.stack.counters


def test_without_timestamps_nothing_would_be_dropped(talk):
    """The defence is PAWS: the same old duplicate enters a connection that has none."""
    t = talk().established()
    t.inject(ACK, seq=1, ack=1, data=b"a")
    t.inject(ACK, seq=2, ack=1, data=b"old")
    assert t.receive() == b"aold"
