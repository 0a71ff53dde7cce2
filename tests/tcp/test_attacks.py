"""What an attacker may try against one connection; each defence is also shown to be needed."""

from __future__ import annotations

from itertools import pairwise, product

import pytest

from estab.tcp import arrives
from estab.tcp.config import MILLISECOND, MODERN, SECOND
from estab.tcp.observer import Reason
from estab.tcp.rules import RULES
from estab.wire.sequence import unwrap
from tests.conversation import ACK, FIN, RST, SYN, URG, Conversation
from tests.tcp import states
from tests.tcp.states import reach

DAY = 24 * 3600 * SECOND
STAMPED = {"ts": (1_000_000, 0)}
"""The peer's clock; the last segment of the handshake then says 1,010,000."""


# ---------------------------------------------------------------------- blind SYN (RFC 5961 §4)


@pytest.mark.req("RFC5961-05", "RFC5961-13")
@pytest.mark.parametrize("place", states.LIVE, ids=str)
@pytest.mark.parametrize("offset", [-(2**31) + 2, -65_536, -1, 0, 1, 1000, 65_000, 65_535, 2**31 - 2])
def test_a_blind_syn_is_only_challenged(talk, place, offset):
    """CVE-2004-0230: by RFC 793 one in the window resets."""
    t = talk()
    n = reach(t, place)
    t.inject(SYN, seq=n.rcv + offset)
    t.expect(ACK, seq=n.nxt, ack=n.rcv, reason=Reason.CHALLENGE)
    t.expect_nothing()
    assert t.state == place.state


def test_a_syn_that_is_not_challenged_is_obeyed(talk):
    t = talk(rules=RULES.without_step(arrives.check_syn)).established()
    t.inject(SYN | ACK, seq=1, ack=1, data=b"forged")
    assert t.c.receive_queue.size + (t.c.rcv_nxt - t.c.irs) > 1


# ---------------------------------------------------------------------- blind data (RFC 5961 §5, ghost ACKs)


@pytest.mark.req("RFC9293-MAY-12", "RFC5961-07", "RFC5961-09")
@pytest.mark.parametrize("v6", [False, True])
@pytest.mark.parametrize("ack", [2, 100, 2**31 - 1, -(2**31) + 5000, -70_000])
def test_data_with_an_impossible_ack_is_refused(talk, ack, v6):
    t = talk(v6=v6).established()
    t.inject(ACK, seq=1, ack=ack, data=b"forged")
    t.expect(ACK, seq=1, ack=1, reason=Reason.CHALLENGE)
    assert t.c.readable == 0
    assert t.stack.counters["TCPChallengeACKRange"] == 1


@pytest.mark.req("RFC9293-MAY-12", "RFC5961-08")
def test_the_old_end_of_the_range(talk):
    """Down to SND.UNA - MAX.SND.WND, no further."""
    t = talk().established(mss=1460)
    for _ in range(100):
        t.send(b"x" * 1000)
        t.drain()
        t.inject(ACK, seq=1, ack=t.c.snd_nxt - t.c.iss)
    una = t.c.snd_una - t.c.iss
    assert una == 100_001
    assert t.c.max_snd_wnd == 65_535
    t.inject(ACK, seq=1, ack=una - 65_536, data=b"forged")
    t.expect(ACK, reason=Reason.CHALLENGE)
    assert t.c.readable == 0
    t.inject(ACK, seq=1, ack=una - 65_535, data=b"late but possible")
    assert t.receive() == b"late but possible"


@pytest.mark.req("RFC5961-08")
@pytest.mark.parametrize("below", [0, 1, 100, 65_535])
def test_ghost_acks(talk, below):
    """CVE-2023-52881: a fresh connection never sent what an ACK below its ISS acknowledges."""
    t = talk().established(window_scale=14)
    t.inject(ACK, seq=1, ack=1)
    assert t.c.max_snd_wnd > 2**29
    t.inject(ACK, seq=1, ack=-below, data=b"forged")
    t.expect(ACK, reason=Reason.CHALLENGE)
    assert t.c.readable == 0


def test_without_the_bound_ghost_acks_pass(talk):
    def any_ack(c, segment, now):
        segment.ack = max(segment.ack, c.snd_una)
        return arrives.check_ack(c, segment, now)

    t = talk(rules=RULES.without_step(arrives.check_ack, any_ack)).established(window_scale=14)
    t.inject(ACK, seq=1, ack=-100, data=b"forged")
    assert t.receive() == b"forged"


def test_no_ack_no_data(talk):
    t = talk().established()
    t.inject(0, seq=1, data=b"forged")
    assert t.c.readable == 0
    assert t.stack.counters["TCPMissingAck"] == 1


# ---------------------------------------------------------------------- challenge ACKs


@pytest.mark.req("RFC5961-12")
def test_the_budget_is_the_connections_own(talk):
    """CVE-2016-5696: exhausting it on one connection tells nothing about another."""
    t = talk()
    t.listen()
    both = ((80, 41000), (80, 41001))
    for number, ports in enumerate(both):
        t.inject(SYN, seq=0, ports=ports)
        t.inject(ACK, seq=1, ack=1, ports=ports)
        assert t.opened == number + 1
    t.drain()
    for _ in range(30):
        t.inject(RST, seq=500, ports=both[0])
    assert len(t.drain()) == t.config.challenge_acks
    t.inject(RST, seq=500, ports=both[1])
    assert len(t.drain()) == 1


@pytest.mark.req("RFC5961-10", "RFC5961-11")
def test_the_budget_comes_back(talk):
    t = talk().established()
    for _ in range(3):
        for _ in range(20):
            t.inject(RST, seq=500)
        assert len(t.drain()) == t.config.challenge_acks
        t.after(t.config.challenge_period)


def test_suppressed_challenges_hold_nothing(talk):
    """Nothing is kept for a challenge that is not sent, nor for one that the link does not take."""
    t = talk().established()
    packet = t.segment_bytes(RST, seq=500)
    t.inject_batch([packet] * 5000)
    assert t.c.challenges_owed == 0
    assert len(t.drain()) == t.config.challenge_acks
    assert t.stack.counters["TCPACKSkippedChallenge"] == 5000 - t.config.challenge_acks


def test_challenges_do_not_pile_up_where_the_link_is_blocked(talk):
    t = talk().established()
    c = t.c
    for _ in range(10):
        for _ in range(20):
            arrives.challenge(c, t.now)
        t.now += t.config.challenge_period
    assert c.challenges_owed <= t.config.challenge_acks


@pytest.mark.req("RFC5961-14")
@pytest.mark.parametrize("place", states.PLACES, ids=str)
def test_nothing_is_amplified(place):
    """No segment from a stranger makes more segments than came (RFC 5961 §10, RFC 4987)."""
    kinds = (0, SYN, ACK, RST, SYN | ACK, FIN | ACK, RST | ACK, SYN | FIN | ACK)
    for flags, offset, ack, data in product(kinds, (-1, 0, 70_000), (-5, 0, 2, 900), (b"", b"x")):
        t = Conversation()
        n = reach(t, place)
        t.inject(flags, seq=n.rcv + offset, ack=ack, data=data)
        assert len(t.drain()) <= 1, (flags, offset, ack, data)


# ---------------------------------------------------------------------- urgent


@pytest.mark.parametrize("place", states.PLACES, ids=str)
@pytest.mark.parametrize("pointer", [0, 1, 4, 5, 6, 65_535])
@pytest.mark.parametrize("data", [b"", b"12345"])
def test_any_urgent_pointer_anywhere(talk, place, pointer, data):
    """CVE-2021-31400, CVE-2020-17437, URGENT/11: the pointer names bytes that are not there, or none."""
    t = talk()
    n = reach(t, place)
    ack = n.nxt if place.state == "SYN-RECEIVED" else n.una
    for flags in (URG, URG | ACK, URG | SYN, URG | FIN | ACK):
        t.inject(flags, seq=n.rcv, ack=ack, data=data, urgent=pointer)
        c = t.stack.connections.get(t.key)
        if c is not None:
            c.receive_urgent()
            c.receive(100, t.now)
            assert 0 <= c.receive_queue.size <= 10
    t.after(SECOND)


def test_an_urgent_pointer_beyond_the_window_is_ignored(talk):
    t = talk(config=MODERN.but(receive_buffer=1000)).established()
    t.inject(ACK | URG, seq=1, ack=1, urgent=2000, data=b"x")
    assert t.c.rcv_up is None
    assert t.receive() == b"x"


def test_urg_without_a_position_is_ignored(talk):
    """Pointer 0 with URG: RFC 6093 has no byte before the segment to mean."""
    t = talk().established()
    t.inject(ACK | URG, seq=1, ack=1, urgent=0, data=b"abc")
    assert t.c.rcv_up is None
    assert t.receive() == b"abc"


# ---------------------------------------------------------------------- overlaps and FIN


def test_of_conflicting_copies_the_first_counts(talk):
    t = talk().established()
    t.inject(ACK, seq=11, ack=1, data=b"first.....")
    t.inject(ACK, seq=6, ack=1, data=b"second.........")
    t.inject(ACK, seq=1, ack=1, data=b"third....................")
    assert t.receive() == b"third" + b"secon" + b"first....." + b"....."


def test_what_was_delivered_does_not_change(talk):
    t = talk().established()
    t.inject(ACK, seq=1, ack=1, data=b"genuine")
    t.inject(ACK, seq=1, ack=1, data=b"forged!-and-more")
    assert t.receive() == b"genuine-and-more"


def test_the_fin_does_not_move(talk):
    t = talk().established()
    t.inject(FIN | ACK, seq=11, ack=1)
    t.inject(FIN | ACK, seq=5, ack=1)
    t.inject(ACK, seq=1, ack=1, data=b"0123456789-beyond")
    assert t.receive() == b"0123456789"
    assert t.state == "CLOSE-WAIT"
    assert t.c.rcv_nxt - t.c.irs == 12


def test_a_fin_before_what_was_held_is_ignored(talk):
    t = talk().established()
    t.inject(ACK, seq=11, ack=1, data=b"held")
    t.inject(FIN | ACK, seq=5, ack=1)
    assert t.stack.counters["TCPFinIgnored"] == 1
    t.inject(ACK, seq=1, ack=1, data=b"0123456789")
    assert t.receive() == b"0123456789held"
    assert t.state == "ESTABLISHED"


@pytest.mark.parametrize("beyond", [0, 1, 1000])
def test_a_fin_beyond_the_window_is_ignored(talk, beyond):
    t = talk(config=MODERN.but(receive_buffer=1000)).established()
    t.inject(FIN | ACK, seq=1001 + beyond, ack=1)
    t.inject(FIN | ACK, seq=991, ack=1, data=b"x" * (10 + beyond))
    assert t.c.rcv_fin is None
    t.inject(ACK, seq=1, ack=1, data=b"x" * 990)
    assert t.state == "ESTABLISHED"
    assert t.c.readable == 1000


# ---------------------------------------------------------------------- optimistic and odd ACKs


def grow(t, parts: int) -> int:
    """How much the congestion window grows by one segment acknowledged in so many parts."""
    t.send(b"x" * 100_000)
    t.drain()
    before = t.c.congestion.cwnd
    size = t.c.mss
    for part in range(1, parts + 1):
        t.inject(ACK, seq=1, ack=1 + size * part // parts)
    t.drain()
    return t.c.congestion.cwnd - before


@pytest.mark.parametrize("parts", [1, 2, 10, 100])
def test_ack_division_gains_nothing(talk, parts):
    t = talk().established()
    assert grow(t, parts) == t.c.mss


def test_optimistic_acks_are_bounded_by_what_was_sent(talk):
    t = talk().established()
    t.send(b"x" * 1_000_000)
    for _ in range(20):
        t.drain()
        t.inject(ACK, seq=1, ack=t.c.snd_nxt - t.c.iss)
    assert t.c.congestion.cwnd <= t.c.snd_nxt - t.c.iss + 10 * t.c.mss
    t.drain()
    before = t.c.snd_una
    t.inject(ACK, seq=1, ack=t.c.snd_nxt - t.c.iss + 1)
    assert t.c.snd_una == before
    t.expect(ACK, reason=Reason.CHALLENGE)


@pytest.mark.req("RFC5681-15")
@pytest.mark.parametrize("sack", [False, True])
def test_duplicate_acks_inflate_nothing(talk, sack):
    t = talk().established(sack_permitted=sack)
    t.send(b"x" * 1_000_000)
    flight = sum(s.length for s in t.drain())
    window = t.c.congestion.cwnd
    for _ in range(1000):
        t.inject(ACK, seq=1, ack=1)
    again = sum(s.length for s in t.drain())
    assert again <= (0 if sack else flight)
    assert t.c.congestion.cwnd <= window


WILD = [
    (-500, -100),
    (-100, 1449),
    (1449, 1449),
    (2897, 1449),
    (1449, 10_000_000),
    (900_000, 901_000),
    (2**31 - 5, 2**31 + 5),
    (1, 1),
    (0, 2**32 - 1),
]


@pytest.mark.parametrize("block", WILD)
def test_wild_sack_blocks_are_not_believed(talk, block):
    t = talk().established(sack_permitted=True)
    t.send(b"x" * 10_000)
    t.drain()
    for _ in range(5):
        t.inject(ACK, seq=1, ack=1, sack=(block,))
    assert t.c.board.sacked == 0
    t.expect_nothing()
    t.inject(ACK, seq=1, ack=10_001)
    assert not t.c.board.ranges


def test_sacks_of_every_other_small_segment_are_bounded(talk):
    """CVE-2019-11477, CVE-2019-11478: the least MSS, and as many holes as there are segments."""
    t = talk(MODERN.but(scoreboard_ranges=64, initial_window=2000, send_buffer=200_000)).established(
        mss=48, sack_permitted=True
    )
    size = t.c.mss
    t.send(bytes(200 * size))
    t.drain()
    for number in range(1, 199, 2):
        t.inject(ACK, seq=1, ack=1, sack=((1 + number * size, 1 + (number + 1) * size),))
        t.drain()
        board = t.c.board
        assert len(board.ranges) <= 64
        assert board.ranges[0].start == t.c.snd_una
        assert board.ranges[-1].end == t.c.snd_nxt
        assert 0 <= board.outstanding() <= t.c.flight
    t.inject(ACK, seq=1, ack=t.c.snd_nxt - t.iss)
    assert not t.c.board.ranges
    assert t.state == "ESTABLISHED"


def test_overlapping_sack_blocks_count_once(talk):
    t = talk().established(sack_permitted=True)
    t.send(b"x" * 10_000)
    t.drain()
    t.inject(ACK, seq=1, ack=1, sack=((1449, 4000), (2000, 3000), (3000, 5000), (1449, 4000)))
    assert t.c.board.sacked == 5000 - 1449
    cover = t.c.board.ranges
    assert cover[0].start == t.c.snd_una
    assert cover[-1].end == t.c.snd_nxt
    assert all(a.end == b.start for a, b in pairwise(cover))


def test_d_sacks_shrink_nothing(talk):
    t = talk().established(sack_permitted=True)
    t.send(b"x" * 10_000)
    t.drain()
    t.inject(ACK, seq=1, ack=5000)
    cwnd, rto = t.c.congestion.cwnd, t.c.rtt.rto
    for _ in range(100):
        t.inject(ACK, seq=1, ack=5000, sack=((1, 1449),))
    assert (t.c.congestion.cwnd, t.c.rtt.rto, t.c.board.sacked) == (cwnd, rto, 0)


# ---------------------------------------------------------------------- timestamps


@pytest.mark.parametrize(
    "forged",
    [
        {"seq": 100, "ack": 1},
        {"seq": 70_000, "ack": 1},
        {"seq": 1, "ack": 9000},
        {"seq": 1, "ack": -70_000},
        {"seq": -500, "ack": 1},
    ],
)
@pytest.mark.parametrize("v6", [False, True])
def test_a_forged_future_timestamp_is_not_recorded(talk, forged, v6):
    """CVE-2005-0356: were it recorded, PAWS would shut the genuine peer out."""
    t = talk(v6=v6).established(ts=(1_000_000, 0))
    before = t.c.ts_recent
    t.inject(ACK, data=b"forged", **forged, ts=(1_000_000 + 2**30, 0))
    t.drain()
    assert t.c.ts_recent == before
    t.inject(ACK, seq=1, ack=1, data=b"genuine", ts=True)
    assert t.receive() == b"genuine"


def test_recorded_anyway_it_shuts_the_peer_out(talk):
    def record(c, segment, now):
        c.ts_recent = max(c.ts_recent, unwrap(segment.options.timestamps[0], c.ts_recent))
        return arrives.check_sequence(c, segment, now)

    t = talk(rules=RULES.without_step(arrives.check_sequence, record)).established(ts=(1_000_000, 0))
    t.inject(ACK, seq=1, ack=9000, ts=(1_000_000 + 2**30, 0))
    t.inject(ACK, seq=1, ack=1, data=b"genuine", ts=True)
    assert t.c.readable == 0


def test_old_duplicates_are_dropped_by_their_timestamp(talk):
    t = talk().established(**STAMPED)
    t.inject(ACK, seq=1, ack=1, ts=(5_000_100, 0))
    t.inject(ACK, seq=1, ack=1, ts=(5_000_050, 0), data=b"old duplicate")
    t.expect(ACK, seq=1, ack=1)
    assert t.c.readable == 0
    assert t.stack.counters["PAWSEstab"] == 1


def test_without_paws_they_are_delivered(talk):
    t = talk(rules=RULES.without_step(arrives.check_timestamp)).established(**STAMPED)
    t.inject(ACK, seq=1, ack=1, ts=(5_000_100, 0))
    t.inject(ACK, seq=1, ack=1, ts=(5_000_050, 0), data=b"old duplicate")
    assert t.receive() == b"old duplicate"


def test_a_segment_without_its_timestamp_is_dropped(talk):
    t = talk().established(**STAMPED)
    t.inject(ACK, seq=1, ack=1, data=b"stripped")
    t.expect_nothing()
    assert t.c.readable == 0
    assert t.state == "ESTABLISHED"
    assert t.stack.counters["TCPMissingTimestamp"] == 1


@pytest.mark.parametrize("stamp", [None, (0, 0), (2**31, 0)])
def test_a_reset_needs_no_timestamp_and_leaves_none(talk, stamp):
    t = talk().established(**STAMPED)
    options = {"ts": stamp} if stamp else {}
    before = t.c.ts_recent
    t.inject(RST, seq=7, **options)
    t.expect(ACK, reason=Reason.CHALLENGE)
    assert t.c.ts_recent == before
    t.inject(RST, seq=1, **options)
    assert t.state == "CLOSED"


@pytest.mark.parametrize(("days", "accepted"), [(23, False), (25, True)])
def test_after_24_days_of_silence_the_timestamp_proves_nothing(talk, days, accepted):
    """RFC 7323 §5.5: the peer's clock has wrapped meanwhile."""
    t = talk().established(**STAMPED)
    t.after(days * DAY)
    t.drain()
    stamp = 1_000_000
    t.inject(ACK, seq=1, ack=1, data=b"back again", ts=(stamp, 0))
    assert t.c.readable == (10 if accepted else 0)
    if accepted:
        t.inject(ACK, seq=11, ack=1, data=b" and on", ts=(stamp + 1, 0))
        assert t.receive() == b"back again and on"


def test_timestamps_wrap(talk):
    t = talk()
    t.peer_stamp = 2**32 - 2 - t.now // MILLISECOND
    t.established(ts=(2**32 - 2, 0))
    for step, expected in enumerate((2**32 - 2, 2**32 - 1, 0, 1, 2)):
        t.inject(ACK, seq=1 + step, ack=1, data=b"x", ts=(expected, 0))
        t.after(t.config.delayed_ack)
        assert t.c.ts_recent & 0xFFFFFFFF == expected
    assert t.receive() == b"xxxxx"
    t.inject(ACK, seq=6, ack=1, data=b"old", ts=(2**32 - 1, 0))
    assert t.c.readable == 0


@pytest.mark.parametrize("echo", [0, 1, 2**31, 2**32 - 1, 123_456])
def test_a_forged_echo_does_not_ruin_the_estimate(talk, echo):
    t = talk().established(**STAMPED)
    t.after(SECOND)
    for _ in range(20):
        t.send(b"x")
        t.drain()
        t.after(50 * MILLISECOND)
        t.inject(ACK, seq=1, ack=t.c.snd_nxt - t.c.iss, ts=(5_000_001, echo))
    assert t.config.rto_minimum <= t.c.rtt.rto <= SECOND


def test_a_forged_echo_of_a_retransmission_does_not_either(talk):
    """Karn's rule leaves only the echo to go by."""
    t = talk().established(**STAMPED)
    for echo in (0, 1, 77, 2**31, 2**32 - 1):
        t.send(b"x")
        t.after(5 * SECOND)
        t.inject(ACK, seq=1, ack=t.c.snd_nxt - t.c.iss, ts=(5_000_001, echo))
        t.drain()
    assert t.config.rto_minimum <= t.c.rtt.rto <= t.config.rto_maximum


def test_clocks_differ_from_connection_to_connection(talk):
    """RFC 7323 §7.1: the timestamp tells neither the uptime nor that two connections are of one host."""
    t = talk()
    t.listen()
    seen = set()
    for port in range(41000, 41020):
        t.inject(SYN, seq=0, ts=(1, 0), ports=(80, port))
        (answer,) = t.drain()
        seen.add(answer.options.timestamps[0])
    assert len(seen) == 20
    assert max(seen) - min(seen) > 2**28


# ---------------------------------------------------------------------- windows


@pytest.mark.parametrize("scale", [14, 15, 200, 255])
def test_a_scale_above_14_is_14(talk, scale):
    t = talk().established(window_scale=scale)
    t.inject(ACK, seq=1, ack=1, win=2)
    assert t.c.snd_wnd == 2 << 14


@pytest.mark.req("RFC9293-MUST-34", "RFC7323-11")
def test_a_window_that_shrinks_is_survived(talk):
    t = talk().established()
    t.send(b"x" * 60_000)
    t.drain()
    for win in (10_000, 1, 0, 5000, 0):
        t.inject(ACK, seq=1, ack=1, win=win)
        assert t.c.usable_window < 0
        t.after(SECOND)
    assert t.state == "ESTABLISHED"
    assert all(s.seq + s.length <= 60_001 for s in t.drain())
    for _ in range(50):
        t.inject(ACK, seq=1, ack=t.c.snd_nxt - t.c.iss, win=65_535)
        t.drain()
    assert t.c.snd_una - t.c.iss == 60_001


def test_a_closed_window_in_the_syn_ack(talk):
    t = talk()
    t.open()
    t.expect(SYN)
    t.inject(SYN | ACK, seq=0, ack=1, win=0)
    t.expect(ACK)
    t.send(b"waits")
    t.expect_nothing()
    t.after(5 * SECOND)
    assert {(s.seq, s.length) for s in t.drain()} == {(0, 0)}
    t.inject(ACK, seq=1, ack=1, win=100)
    t.expect(ACK, seq=1, data=b"waits")


@pytest.mark.parametrize("scale", [None, 0, 7])
def test_the_right_edge_retracts_by_rounding_only(talk, scale):
    """RFC 7323 §2.4: by less than one unit of the scale, and what was announced once is accepted all the same."""
    config = MODERN.but(receive_buffer=300_001)
    t = talk(config=config).established(**({} if scale is None else {"window_scale": scale}))
    shift = 0 if scale is None else t.c.rcv_wscale
    edge = 0
    seq = 1
    for size in (1, 3, 1000, 1459, 7, 64, 1460, 1, 1, 1) * 20:
        size = min(size, t.c.rcv_edge - t.c.rcv_nxt)
        if size:
            t.inject(ACK, seq=seq, ack=1, data=b"x" * size)
            seq += size
        if seq % 3 == 0:
            t.receive(500)
        t.after(t.config.delayed_ack)
        for segment in t.drain():
            announced = segment.ack + (segment.window << shift)
            assert announced > edge - (1 << shift)
            edge = max(edge, announced)
            assert edge == t.c.rcv_edge - t.c.irs
    assert edge > 300_000 if scale is not None else edge > 65_535


def test_memory_for_sending_does_not_depend_on_the_peers_window(talk):
    t = talk(config=MODERN.but(send_buffer=10_000)).established(window_scale=14)
    t.inject(ACK, seq=1, ack=1, win=65_535)
    assert sum(t.send(b"x" * 4000) for _ in range(10)) == 10_000
    t.drain()
    assert len(t.c.send_queue) == 10_000
    assert t.send(b"x") == 0


def test_an_mss_of_nothing(talk):
    """CVE-2019-11479: the peer must not multiply our work."""
    for mss in (0, 1, 8, 48, 87, 88):
        t = talk().established(mss=mss)
        t.send(b"x" * 880)
        segments = t.drain()
        assert sum(-(-s.length // 88) for s in segments) <= 11


# ---------------------------------------------------------------------- clocks


def test_a_clock_that_goes_backwards(talk):
    t = talk().established()
    t.send(b"data")
    t.drain()
    t.now -= 5 * SECOND
    t.stack.advance(t.now)
    t.expect_nothing()
    t.inject(ACK, seq=1, ack=1, data=b"hello")
    t.inject(RST, seq=500)
    assert len(t.drain()) <= 3
    t.inject(ACK, seq=6, ack=5)
    assert t.c.flight == 0
    assert t.config.rto_minimum <= t.c.rtt.rto <= t.config.rto_maximum
    t.after(60 * SECOND)
    assert t.state == "ESTABLISHED"


def test_a_clock_that_leaps(talk):
    """A suspended machine wakes up: one retransmission, not a storm of those that were missed."""
    t = talk(config=MODERN.but(user_timeout=None)).established()
    t.send(b"data")
    t.drain()
    t.now += 365 * DAY
    t.stack.advance(t.now)
    assert len(t.drain()) == 1
    t.inject(ACK, seq=1, ack=5)
    assert t.c.flight == 0
    assert t.state == "ESTABLISHED"


# ---------------------------------------------------------------------- peers that hold on


def test_a_stalled_peer_costs_what_it_was_given(talk):
    """Sockstress, CVE-2008-4609: probes back off, and the application can end it."""
    t = talk().established()
    t.inject(ACK, seq=1, ack=1, win=0)
    t.send(b"x" * 100_000)
    t.after(120 * SECOND)
    assert len(t.drain()) <= 12
    t.call("abort")
    t.expect(RST | ACK)
    assert t.state == "CLOSED"
    assert len(t.c.send_queue) == 0


@pytest.mark.parametrize("place", [states.FIN_WAIT_1, states.FIN_WAIT_2, states.CLOSING, states.LAST_ACK], ids=str)
def test_what_the_application_has_left_ends_some_day(talk, place):
    """Netkill: a peer that falls silent must not hold our memory for ever."""
    t = talk()
    reach(t, place)
    t.call("close")
    t.after(3600 * SECOND)
    assert t.state == "CLOSED"
    assert not t.stack.connections


def test_a_slow_reader_does_not_multiply_segments(talk):
    """Its window opens a byte at a time: small segments leave no faster than the override allows."""
    t = talk().established()
    t.inject(ACK, seq=1, ack=1, win=0)
    t.send(b"x" * 1000)
    acked = 1
    began = t.now
    for _ in range(200):
        t.inject(ACK, seq=1, ack=acked, win=1)
        t.after(10 * MILLISECOND)
        acked = t.c.snd_nxt - t.c.iss
    sent = [s for s in t.drain() if s.length]
    assert len(sent) <= (t.now - began) // t.config.sws_override + 1


def test_many_small_segments_draw_few_acknowledgements(talk):
    """Bytes one by one, as a peer without Nagle's algorithm sends them: a batch is answered once."""
    t = talk().established()
    for batch in range(20):
        t.inject_batch([t.segment_bytes(ACK, seq=1 + 50 * batch + i, ack=1, data=b"x") for i in range(50)])
    assert t.c.readable == 1000
    assert len(t.drain()) <= 20
