"""The path's packet size in conversations: RFC 1191, RFC 8201, RFC 5927 §7, RFC 4821."""

import pytest

from estab.tcp.config import MINUTE, MODERN
from estab.tcp.observer import Reason
from estab.tcp.ranges import RangeSet
from estab.wire.icmp import IcmpKind
from estab.wire.link import NO_OFFLOAD
from tests.conversation import ACK, MILLISECOND, SECOND, SYN

MS = MILLISECOND
ONE_BY_ONE = MODERN.but(super_segments=False)
ROUTER = {False: "10.0.0.254", True: "fd00::fe"}


def too_big(t, mtu, seq=1, v6=False):
    t.inject_icmp(IcmpKind.TOO_BIG, 0 if v6 else 4, seq=seq, mtu=mtu, router=ROUTER[v6])


def lengths(t):
    return [s.length for s in t.drain()]


@pytest.mark.req("RFC9293-MUST-54", "RFC7323-29", "RFC5927-09", "RFC5927-10", "RFC8504-01")
@pytest.mark.parametrize("v6", [False, True])
def test_a_router_says_so(talk, v6):
    """The same data goes again at once in smaller packets, and congestion is not to blame (RFC 1191 §6.4)."""
    t = talk(ONE_BY_ONE, v6=v6).established(mss=1460)
    header = 60 if v6 else 40
    t.send(bytes(4000))
    t.drain()
    window = t.c.congestion.cwnd
    too_big(t, 1300, v6=v6)
    size = 1300 - header
    segments = t.drain()
    assert [s.length for s in segments][:3] == [size] * 3
    assert [s.seq for s in segments][:3] == [1, 1 + size, 1 + 2 * size]
    assert sum(s.length for s in segments) == 4000
    assert t.c.congestion.cwnd == window
    assert t.c.congestion.ssthresh > 1 << 30


def test_later_data_is_small_too(talk):
    t = talk(ONE_BY_ONE).established(mss=1460)
    t.send(bytes(1460))
    t.drain()
    too_big(t, 1300)
    t.drain()
    t.inject(ACK, seq=1, ack=1461)
    t.send(bytes(3000))
    assert lengths(t) == [1260, 1260, 480]


@pytest.mark.req("RFC8899-01", "RFC5927-01")
@pytest.mark.parametrize("seq", [-1, 0, 4001, 100_000], ids=["old", "acknowledged", "unsent", "far"])
def test_a_quote_of_what_is_not_under_way_is_not_believed(talk, seq):
    """RFC 5927 §4.1: blind attackers do not know the numbers."""
    t = talk(ONE_BY_ONE).established(mss=1460)
    t.send(bytes(4000))
    t.drain()
    too_big(t, 600, seq=seq)
    t.expect_nothing()
    assert t.c.mss == 1460
    assert t.stack.counters["OutOfWindowIcmps"] == 1


@pytest.mark.req("RFC5927-12")
@pytest.mark.parametrize(("v6", "mtu"), [(False, 551), (False, 68), (False, 0), (True, 1279), (True, 0)])
def test_below_the_floor_is_not_believed(talk, v6, mtu):
    t = talk(ONE_BY_ONE, v6=v6).established(mss=1400)
    t.send(bytes(4000))
    t.drain()
    too_big(t, mtu, v6=v6)
    t.expect_nothing()
    assert t.c.mss == 1400


@pytest.mark.req("RFC5927-08")
def test_a_larger_size_is_no_news(talk):
    t = talk(ONE_BY_ONE).established(mss=1460)
    t.send(bytes(4000))
    t.drain()
    too_big(t, 1500)
    too_big(t, 9000)
    t.expect_nothing()
    assert t.c.mss == 1460


@pytest.mark.req("RFC9040-01")
def test_the_next_connection_knows(talk):
    """RFC 8201 §5.2."""
    t = talk(ONE_BY_ONE).established(mss=1460)
    t.send(bytes(4000))
    t.drain()
    too_big(t, 1300)
    t.drain()
    t.call("abort")
    t.drain()
    t.established(active=True)
    t.send(bytes(4000))
    assert lengths(t)[0] == 1260


def test_what_was_known_grows_old(talk):
    """RFC 8201 §4."""
    t = talk(ONE_BY_ONE).established(mss=1460)
    t.send(bytes(4000))
    t.drain()
    too_big(t, 1300)
    t.call("abort")
    t.after(MODERN.path_mtu_lifetime + 1)
    t.drain()
    t.established(active=True)
    t.send(bytes(4000))
    assert lengths(t)[0] == 1460


def test_the_cache_is_limited(talk):
    t = talk(MODERN.but(path_mtu_entries=3))
    for i in range(10):
        t.stack.remember_path_mtu(bytes([10, 0, 1, i]), 1300, t.now)
    assert len(t.stack.path_mtus) == 3


def test_in_an_opening_it_is_learned(talk):
    """The SYN itself is small; a tunnel on the way may say so all the same."""
    t = talk(ONE_BY_ONE)
    t.open()
    t.expect(SYN)
    too_big(t, 1300, seq=0)
    t.inject(SYN | ACK, seq=0, ack=1, mss=1460)
    t.expect(ACK)
    t.send(bytes(4000))
    assert lengths(t)[0] == 1260


# ---------------------------------------------------------------------- nobody says so


SUSPICIOUS = ONE_BY_ONE.but(black_hole_timeouts=2)


def black_hole(talk, config=SUSPICIOUS):
    """Full-sized packets vanish without a word."""
    t = talk(config).established(mss=1460)
    t.send(bytes(14_600))
    assert len(t.drain()) == 10
    t.after(200 * MS).expect(ACK, seq=1, len=1460)
    t.after(400 * MS).expect(ACK, seq=1, len=984)
    return t


@pytest.mark.req("RFC4821-11")
def test_two_timeouts_in_a_row_are_a_suspicion(talk):
    """RFC 4821 §7.7: fall to a size that passes nearly everywhere."""
    t = black_hole(talk)
    assert t.c.path.mtu == 1024


def test_small_segments_that_vanish_are_not(talk):
    t = talk(ONE_BY_ONE).established(mss=1460)
    t.send(bytes(100))
    t.drain()
    t.after(60 * SECOND)
    t.drain()
    assert t.c.path.mtu == 1500


def climb(t, largest):
    """Acknowledge what passes a path of ``largest`` until nothing is under way; the sizes of the probes."""
    probes, arrived = [], RangeSet()
    arrived.add(0, t.c.snd_una - t.iss)
    t.after(0)
    while t.c.flight:
        if not t.sent:
            t.after(t.c.rtt.rto)
        flight, t.sent = list(zip(t.sent, t.reasons, strict=True)), []
        t.reasons.clear()
        for segment, reason in flight:
            if reason is Reason.MTU_PROBE:
                probes.append(segment.length + 40)
            if segment.length + 40 <= largest:
                arrived.add(segment.seq, segment.seq + segment.length)
            t.inject(ACK, seq=1, ack=next(iter(arrived))[1])
    return probes


@pytest.mark.req("RFC4821-12")
def test_the_search_goes_up_again(talk):
    t = black_hole(talk)
    t.inject(ACK, seq=1, ack=985)
    t.send(bytes(60_000))
    probes = climb(t, 1400)
    assert probes[0] == (1024 + 1500 + 1) // 2
    assert 1400 - 32 <= t.c.path.mtu <= 1400
    assert all(size <= 1500 for size in probes)


@pytest.mark.req("RFC4821-01", "RFC4821-09")
def test_a_lost_probe_is_not_congestion(talk):
    """RFC 4821 §7.6.2."""
    t = black_hole(talk)
    base = 14_601
    t.inject(ACK, seq=1, ack=base)
    for size in (984, 984, 2 * 984):
        for _ in range(0, size, 984):
            t.send(bytes(984))
            t.drain()
        base += size
        t.inject(ACK, seq=1, ack=base)
    t.send(bytes(3 * 984 + 1222))
    segments = t.drain()
    assert segments[0].length == 1222, "the probe goes first, others behind it show its loss"
    cwnd, ssthresh = t.c.congestion.cwnd, t.c.congestion.ssthresh
    for _ in range(3):
        t.inject(ACK, seq=1, ack=base)
    again = t.drain()
    assert again[0].seq == base
    assert again[0].length == 984
    assert (t.c.congestion.cwnd, t.c.congestion.ssthresh) == (cwnd, ssthresh)
    assert t.c.path.mtu == 1024
    assert t.c.path.high == 1262


@pytest.mark.req("RFC4821-07")
def test_after_a_lost_probe_there_is_a_pause(talk):
    """RFC 4821 §7.4: as many round trips as the window has segments."""
    t = black_hole(talk)
    t.inject(ACK, seq=1, ack=14_601)
    t.send(bytes(984))
    t.drain()
    t.after(10 * MS)
    position = 14_601 + 984
    t.inject(ACK, seq=1, ack=position)
    t.c.congestion.cwnd = t.c.congestion.ssthresh = 8 * 984
    t.send(bytes(3 * 984 + 1222))
    assert t.drain()[0].length == 1222
    for _ in range(3):
        t.inject(ACK, seq=1, ack=position)
    t.drain()
    began, pause = t.now, t.c.congestion.cwnd // 984 * t.c.rtt.srtt
    t.inject(ACK, seq=1, ack=position + 3 * 984 + 1222)
    position += 3 * 984 + 1222
    for _ in range(100):
        t.send(bytes(4 * 984 + 300))
        lengths = [segment.length for segment in t.drain()]
        if max(lengths) > 984:
            break
        position += 4 * 984 + 300
        t.after(10 * MS)
        t.inject(ACK, seq=1, ack=position)
    assert pause <= t.now - began <= pause + 20 * MS
    assert max(lengths) == 984 + (1024 + 1262 + 1) // 2 - 1024


@pytest.mark.req("RFC4821-08")
@pytest.mark.parametrize(("behind", "probed"), [(3 * 984, True), (3 * 984 - 1, False)])
def test_a_probe_needs_company(talk, behind, probed):
    """RFC 4821 §7.4: three segments that show its loss without a timeout."""
    t = black_hole(talk)
    t.inject(ACK, seq=1, ack=14_601)
    t.c.congestion.cwnd = 8 * 984
    t.send(bytes(1222 + behind))
    assert (t.drain()[0].length == 1222) is probed


@pytest.mark.req("RFC4821-06")
def test_after_a_while_the_search_begins_anew(talk):
    """RFC 4821 §7.3, RFC 8899 §5.1.1."""
    t = black_hole(talk)
    t.inject(ACK, seq=1, ack=985)
    t.send(bytes(100_000))
    climb(t, 1300)
    for _ in range(3):
        t.after(30 * SECOND)
        t.c.congestion.cwnd = 20 * 1460
        t.send(bytes(100_000))
        climb(t, 1300)
    low = t.c.path.mtu
    assert low <= 1300
    t.send(bytes(20_000))
    assert climb(t, 1300) == [], "the search is over"
    t.after(5 * MINUTE)
    t.send(bytes(20_000))
    assert climb(t, 1500) == []
    t.after(6 * MINUTE)
    t.c.congestion.cwnd = 20 * 1460
    t.send(bytes(300_000))
    assert climb(t, 1500)[0] > low
    assert t.c.path.mtu > 1450


# ---------------------------------------------------------------------- our own link


def test_the_link_shrinks(talk):
    t = talk(ONE_BY_ONE).established(mss=1460)
    t.send(bytes(4000))
    t.drain()
    t._before()
    t.mtu = 1280
    t.stack.set_link(1280, NO_OFFLOAD)
    t.expect_nothing()
    t.after(200 * MS).expect(ACK, seq=1, len=1240)
    t.inject(ACK, seq=1, ack=4001)
    t.send(bytes(2000))
    assert max(lengths(t)) == 1240


def test_the_link_grows(talk):
    t = talk(ONE_BY_ONE, mtu=1280).established(mss=1460)
    t.send(bytes(2000))
    assert max(lengths(t)) == 1240
    t.inject(ACK, seq=1, ack=2001)
    t._before()
    t.mtu = 1500
    t.stack.set_link(1500, NO_OFFLOAD)
    t.send(bytes(4000))
    assert max(lengths(t)) == 1460
