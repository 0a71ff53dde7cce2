"""Accurate ECN, RFC 9768: the handshake, the counters, what is heard and when it is not believed."""

from __future__ import annotations

import pytest

from estab.sockets.info import info_of
from estab.tcp.config import MODERN, Ecn
from estab.tcp.congestion import CONTROLS
from estab.tcp.ecn.accurate import newly_marked
from estab.wire.options import NO_OPTIONS, Options, emit_options
from estab.wire.packet import ECN_CE, ECN_ECT0, ECN_ECT1, ECN_NOT_ECT
from estab.wire.tcp import AE, CWR, ECE, Segment
from tests.conversation import ACK, MILLISECOND, RST, SECOND, SYN

ACCURATE = MODERN.but(ecn=Ecn.ACCURATE, congestion="newreno")
ACE = AE | CWR | ECE
MSS = 1460
RTT = 20 * MILLISECOND
CODES = {ECN_NOT_ECT: 0b010, ECN_ECT1: 0b011, ECN_ECT0: 0b100, ECN_CE: 0b110}
CODEPOINTS = pytest.mark.parametrize("codepoint", CODES, ids=["not-ect", "ect1", "ect0", "ce"])


def flags(number: int) -> int:
    """AE, CWR and ECE as one number, on their places."""
    return number << 6


def number(segment) -> int:
    return segment.flags >> 6 & 7


def active(talk, config=ACCURATE, said=0b010, **syn):
    """Opened by us; the SYN-ACK says ``said``."""
    t = talk(config)
    t.open()
    t.expect(SYN | ACE, seq=0)
    t.after(RTT)
    codepoint = syn.pop("ecn", ECN_NOT_ECT)
    t.inject(SYN | ACK | flags(said), seq=0, ack=1, ecn=codepoint, **{"mss": MSS, "sack_permitted": True, **syn})
    return t


def established(talk, config=ACCURATE, **syn):
    t = active(talk, config, **syn)
    t.expect(ACK | flags(0b010), seq=1, ack=1)
    return t


def passive(talk, code=0b010, codepoint=ECN_NOT_ECT, ace=0b010):
    """Opened by the peer, whose last ACK says ``ace``."""
    t = talk(ACCURATE)
    t.listen()
    t.inject(SYN | ACE, seq=0, ecn=codepoint, mss=MSS, sack_permitted=True)
    t.expect(SYN | ACK | flags(code), seq=0, ack=1)
    t.after(RTT)
    t.inject(ACK | flags(ace), seq=1, ack=1)
    t.accept()
    return t


def sending(t, segments=100):
    t.send(bytes(segments * MSS))
    return t.drain()


def mode(t) -> str:
    return info_of(t.c).ecn


# ---------------------------------------------------------------------- the handshake


@pytest.mark.req("RFC9768-01")
@CODEPOINTS
def test_the_syn_ack_says_how_the_syn_came(talk, codepoint) -> None:
    t = passive(talk, codepoint=codepoint, code=CODES[codepoint])
    assert mode(t) == "accurate"
    assert t.c.ecn.received_packets == 5


@pytest.mark.parametrize("said", range(8))
def test_what_a_syn_asks_for(talk, said) -> None:
    """Table of §3.1.1 to §3.1.3: combinations of a version to come count as this one."""
    t = talk(ACCURATE)
    t.listen()
    t.inject(SYN | flags(said), mss=MSS)
    answer = {0b000: 0, 0b011: 0b001}.get(said, 0b010)
    segment = t.expect(SYN | ACK | flags(answer))
    assert segment.ecn == ECN_NOT_ECT
    t.inject(ACK | flags(answer if answer != 1 else 0), seq=1, ack=1)
    t.accept()
    assert mode(t) == {0: "", 1: "classic", 2: "accurate"}[answer]


@pytest.mark.parametrize(
    ("said", "agreed", "sends"),
    [
        (0b000, "", False),
        (0b001, "classic", True),
        (0b010, "accurate", True),
        (0b011, "accurate", False),
        (0b100, "accurate", False),
        (0b101, "accurate", True),
        (0b110, "accurate", False),
        (0b111, "", False),
    ],
)
def test_what_a_syn_ack_agrees_to(talk, said, agreed, sends) -> None:
    """Table 2: our SYN was Not-ECT, so a peer that saw something else tells of a path that writes over the field."""
    t = active(talk, said=said)
    t.drain()
    assert mode(t) == agreed
    assert {s.ecn for s in sending(t, 2)} == {ECN_ECT0 if sends else ECN_NOT_ECT}


def test_a_marked_syn_is_congestion(talk) -> None:
    t = active(talk, said=0b110)
    assert t.c.congestion.cwnd == 5 * MSS
    assert t.c.ecn.told_packets == 5


@CODEPOINTS
def test_the_last_ack_says_how_the_syn_ack_came(talk, codepoint) -> None:
    """Table 3; before any data, with the option, and again for each repetition of the SYN-ACK."""
    t = talk(ACCURATE)
    t.open()
    t.expect(SYN | ACE)
    t.send(b"data")
    syn_ack = {"seq": 0, "ack": 1, "mss": MSS, "ecn": codepoint}
    t.inject(SYN | ACK | flags(0b010), **syn_ack)
    first = t.expect(ACK | flags(CODES[codepoint]), len=0)
    assert first.options.accurate_ecn_0 == (1, 0, 1)
    marked = 6 if codepoint == ECN_CE else 5
    assert number(t.expect(data=b"data")) == marked
    t.inject(SYN | ACK | flags(0b010), **syn_ack)
    t.expect(ACK | flags(CODES[codepoint]), len=0)
    t.inject(ACK | flags(5), seq=1, ack=5, data=b"x")
    t.after(SECOND)
    assert number(t.drain()[-1]) == marked


@pytest.mark.parametrize(
    ("ace", "sends", "heeds", "marked"),
    [
        (0b000, False, False, 0),
        (0b001, True, True, 0),
        (0b010, True, True, 0),
        (0b011, False, True, 0),
        (0b100, False, True, 0),
        (0b101, True, True, 0),
        (0b110, False, True, 1),
        (0b111, True, True, 0),
    ],
)
def test_what_the_last_ack_says(talk, ace, sends, heeds, marked) -> None:
    """Table 4: of zero, that the peer is not in this mode; a mark on the SYN-ACK is congestion."""
    t = passive(talk, ace=ace)
    ecn = t.c.ecn
    assert (ecn.sends, ecn.heeds, ecn.told_packets) == (sends, heeds, 5 + marked)
    assert t.c.congestion.cwnd == (5 if marked else 10) * MSS
    assert {s.ecn for s in sending(t, 2)} == {ECN_ECT0 if sends else ECN_NOT_ECT}


def test_data_instead_of_the_last_ack_is_a_counter(talk) -> None:
    t = talk(ACCURATE)
    t.listen()
    t.inject(SYN | ACE, mss=MSS)
    t.expect(SYN | ACK | flags(2))
    t.inject(ACK | flags(5), seq=1, ack=1, data=b"data")
    t.accept()
    assert (t.c.ecn.sends, t.c.ecn.told_packets) == (True, 5)


def test_syns_are_asked_twice_and_then_without(talk) -> None:
    """§3.1.4.1."""
    t = talk(ACCURATE)
    t.open()
    t.expect(SYN | ACE, seq=0)
    t.after(SECOND)
    t.expect(SYN | ACE, seq=0)
    t.after(2 * SECOND)
    t.expect(SYN, seq=0)
    t.inject(SYN | ACK | flags(0b010), seq=0, ack=1, mss=MSS)
    t.expect(ACK | flags(0b010))
    assert {s.ecn for s in sending(t, 1)} == {ECN_ECT0}


@pytest.mark.req("RFC9768-07")
def test_no_option_on_a_syn(talk) -> None:
    t = talk(ACCURATE)
    t.open()
    options = t.expect(SYN | ACE).options
    assert options.accurate_ecn_0 is options.accurate_ecn_1 is None


def test_a_syn_ack_without_an_answer_says_less_each_time(talk) -> None:
    """§3.2.3.2.2, §3.1.4.2: without the option, then without the flags, after which nothing is ECT."""
    t = talk(ACCURATE)
    t.listen()
    t.inject(SYN | ACE, mss=MSS)
    assert t.expect(SYN | ACK | flags(2)).options.accurate_ecn_0 == (1, 0, 1)
    t.after(SECOND)
    assert t.expect(SYN | ACK | flags(2)).options.accurate_ecn_0 is None
    t.after(2 * SECOND)
    t.expect(SYN | ACK)
    t.inject(ACK | flags(2), seq=1, ack=1)
    t.accept()
    assert mode(t) == "accurate"
    assert {s.ecn for s in sending(t, 1)} == {ECN_NOT_ECT}


def test_a_syn_ack_whose_options_are_many_goes_without(talk) -> None:
    """Beside all others there may be no room (RFC 9293 §3.1: 40 bytes)."""
    t = talk(ACCURATE)
    t.listen()
    t.inject(SYN | ACE, mss=MSS)
    t.expect()
    segment = Segment(0, 0, SYN | ACK, 0, (), Options(mss=MSS, timestamps=(1, 2), window_scale=7, fast_open=bytes(16)))
    t.c = next(iter(t.stack.connections.values()))
    t.c.ecn.syn_ack(t.c, segment, 1)
    assert segment.options.accurate_ecn_0 is None
    assert len(emit_options(segment.options)) <= 40


@pytest.mark.req("RFC9768-01")
def test_a_repeated_syn_is_answered_for_its_own_codepoint(talk) -> None:
    """§3.1.1: the latest; and without the option."""
    t = talk(ACCURATE)
    t.listen()
    t.inject(SYN | ACE, seq=0, mss=MSS)
    t.expect(SYN | ACK | flags(0b010))
    t.inject(SYN | ACE, seq=0, mss=MSS, ecn=ECN_CE)
    assert t.expect(SYN | ACK | flags(0b110)).options.accurate_ecn_0 is None


@pytest.mark.req("RFC9768-03")
def test_a_repeated_syn_without_flags_forbids_ect(talk) -> None:
    """§3.1.5: the mode stays, and feedback with it."""
    t = talk(ACCURATE)
    t.listen()
    t.inject(SYN | ACE, seq=0, mss=MSS)
    t.expect(SYN | ACK | flags(2))
    t.inject(SYN, seq=0, mss=MSS)
    t.expect(SYN | ACK | flags(2))
    t.inject(ACK | flags(2), seq=1, ack=1)
    t.accept()
    assert {s.ecn for s in sending(t, 1)} == {ECN_NOT_ECT}
    t.inject(ACK | flags(5), seq=1, ack=1 + MSS, data=b"m", ecn=ECN_CE)
    assert number(t.expect()) == 6


@pytest.mark.req("RFC9768-03")
@pytest.mark.parametrize(("first", "second"), [(0b111, 0b011), (0b011, 0b111)])
def test_two_kinds_of_syns_are_reset(talk, first, second) -> None:
    """§3.1.5."""
    t = talk(ACCURATE)
    t.listen()
    t.inject(SYN | flags(first), seq=0, mss=MSS)
    t.expect()
    t.inject(SYN | flags(second), seq=0, mss=MSS)
    t.expect(RST | ACK)
    assert t.state == "CLOSED"


@pytest.mark.parametrize(("said", "answer", "agreed"), [(7, 2, "accurate"), (3, 1, "classic"), (0, 0, "")])
def test_both_open_at_once(talk, said, answer, agreed) -> None:
    """The mode of a responder to the peer's SYN."""
    t = talk(ACCURATE)
    t.open()
    t.expect(SYN | ACE)
    t.inject(SYN | flags(said), seq=0, mss=MSS)
    t.expect(SYN | ACK | flags(answer), seq=0, ack=1)
    t.inject(SYN | ACK | flags(answer), seq=0, ack=1, mss=MSS)
    t.drain()
    assert (t.state, mode(t)) == ("ESTABLISHED", agreed)
    t.send(b"data")
    assert number(t.expect(data=b"data")) == (5 if agreed == "accurate" else 0)


@pytest.mark.parametrize("ecn", [Ecn.ACCEPT, Ecn.ASK])
def test_who_knows_only_the_classic_kind_answers_with_that(talk, ecn) -> None:
    t = talk(MODERN.but(ecn=ecn))
    t.listen()
    t.inject(SYN | ACE, mss=MSS)
    t.expect(SYN | ACK | ECE)


def test_off_answers_nothing(talk) -> None:
    t = talk(MODERN.but(ecn=Ecn.OFF))
    t.listen()
    t.inject(SYN | ACE, mss=MSS)
    t.expect(SYN | ACK)


# ---------------------------------------------------------------------- the receiver


@pytest.mark.req("RFC9768-04")
def test_counters_begin_at_five_one_zero_one(talk) -> None:
    t = established(talk)
    t.send(b"data")
    assert number(t.expect()) == 5
    ecn = t.c.ecn
    assert (ecn.received_ce, ecn.received_ect0, ecn.received_ect1) == (0, 1, 1)


@pytest.mark.req("RFC9768-05")
def test_every_marked_packet_is_counted_modulo_eight(talk) -> None:
    t = established(talk)
    seen = []
    for count in range(10):
        t.inject(ACK | flags(5), seq=1 + count, ack=1, data=b"x", ecn=ECN_CE)
        t.after(SECOND)
        seen.append(number(t.drain()[-1]))
    assert seen == [6, 7, 0, 1, 2, 3, 4, 5, 6, 7]


def test_the_option_has_what_has_changed(talk) -> None:
    """§3.2.3.3: nothing more than needed, all that ever changed, and nothing where nothing did."""
    t = established(talk)
    t.inject(ACK | flags(5), seq=1, ack=1, data=bytes(10), ecn=ECN_ECT0)
    t.after(SECOND)
    assert t.expect(ACK | flags(5)).options.accurate_ecn_0 == (11,)
    t.inject(ACK | flags(5), seq=11, ack=1, data=bytes(5), ecn=ECN_CE)
    assert t.expect(ACK | flags(6)).options.accurate_ecn_0 == (11, 5)
    t.inject(ACK | flags(5), seq=16, ack=1, data=bytes(3), ecn=ECN_ECT1)
    t.after(SECOND)
    assert t.expect(ACK | flags(6)).options.accurate_ecn_0 == (11, 5, 4)
    t.inject(ACK | flags(5), seq=19, ack=1, data=bytes(3))
    t.after(SECOND)
    assert t.expect(ACK | flags(6)).options == NO_OPTIONS


def test_the_other_order_is_shorter_where_the_peer_sends_ect1(talk) -> None:
    t = established(talk)
    t.inject(ACK | flags(5), seq=1, ack=1, data=bytes(10), ecn=ECN_ECT1)
    t.after(SECOND)
    options = t.expect(ACK | flags(5)).options
    assert (options.accurate_ecn_0, options.accurate_ecn_1) == (None, (11,))


def test_sack_blocks_come_first(talk) -> None:
    """§3.2.3.3: with timestamps and two blocks two counters fit, with three blocks none."""
    t = established(talk, ts=(1, 0))
    for place in (11, 31, 51):
        t.inject(ACK | flags(5), seq=place, ack=1, data=bytes(10), ecn=ECN_ECT0, ts=True)
    one, two, three = t.drain()
    assert [len(s.options.sack) for s in (one, two, three)] == [1, 2, 3]
    assert (one.options.accurate_ecn_0, two.options.accurate_ecn_0) == ((11,), (21,))
    assert three.options.accurate_ecn_0 is None


@pytest.mark.req("RFC9768-02")
def test_a_duplicate_is_reported(talk) -> None:
    """§3.3.4: without D-SACK an acknowledgement of marks on acknowledgements would look like a loss."""
    t = established(talk)
    t.inject(ACK | flags(5), seq=1, ack=1, data=bytes(10))
    t.inject(ACK | flags(5), seq=1, ack=1, data=bytes(10))
    assert t.drain()[-1].options.sack == ((1, 11),)


@pytest.mark.req("RFC9768-06")
def test_the_first_mark_of_a_run_is_told_at_once(talk) -> None:
    """§3.2.2.5.1: and then at least every second."""
    t = established(talk)
    t.inject(ACK | flags(5), seq=1, ack=1, data=b"a", ecn=ECN_ECT0)
    t.expect_nothing()
    t.inject(ACK | flags(5), seq=2, ack=1, data=b"b", ecn=ECN_CE)
    t.expect(ACK | flags(6), ack=3)
    t.inject(ACK | flags(5), seq=3, ack=1, data=b"c", ecn=ECN_CE)
    t.expect_nothing()
    t.inject(ACK | flags(5), seq=4, ack=1, data=b"d", ecn=ECN_CE)
    t.expect(ACK | flags(0), ack=5)
    t.inject(ACK | flags(5), seq=5, ack=1, data=b"e", ecn=ECN_ECT0)
    t.expect_nothing()


@pytest.mark.req("RFC9768-06")
def test_marks_on_acknowledgements_count_and_are_told_by_threes(talk) -> None:
    t = established(talk)
    for _ in range(2):
        t.inject(ACK | flags(5), seq=1, ack=1, ecn=ECN_CE)
        t.expect_nothing()
    t.inject(ACK | flags(5), seq=1, ack=1, ecn=ECN_CE)
    t.expect(ACK | flags(0), sack=())


def test_marks_out_of_the_window_are_not_counted(talk) -> None:
    t = established(talk)
    t.inject(ACK | flags(5), seq=1 << 30, ack=1, data=b"forged", ecn=ECN_CE)
    t.inject(ACK | flags(5), seq=-10, ack=1, data=b"forged", ecn=ECN_CE)
    assert {number(s) for s in t.drain()} == {5}


def test_new_marks_in_bytes_get_an_acknowledgement_of_their_own(talk) -> None:
    """A full segment has no room for the option."""
    t = established(talk)
    t.inject(ACK | flags(5), seq=1, ack=1, data=b"a", ecn=ECN_CE)
    t.expect()
    t.send(bytes(2 * MSS))
    t.drain()
    t.c.congestion.cwnd = 20 * MSS
    packets = [t.segment_bytes(ACK | flags(5), seq=2 + 600 * i, ack=1, data=bytes(600), ecn=ECN_CE) for i in range(2)]
    t.call("send", bytes(2 * MSS))
    t.drain()
    t.inject_batch(packets)
    assert t.expect(len=0).options.accurate_ecn_0 == (1, 1201)


def test_cwr_is_part_of_the_number_on_every_piece(talk) -> None:
    """§3.2.2.2: what is cut from a super-segment says the same."""
    t = established(talk)
    t.inject(ACK | flags(5), seq=1, ack=1, data=b"a", ecn=ECN_CE)
    t.expect(ACK | flags(6))
    t.c.congestion.cwnd = 40 * MSS
    t.c.rtt.srtt = 1000
    pieces = sending(t, 20)
    assert len(pieces) > 10
    assert {number(s) for s in pieces} == {6}


def test_a_batch_is_still_joined(talk) -> None:
    """The flags of all segments are the same as long as nothing new is marked."""
    t = established(talk)
    t.inject_batch(
        [t.segment_bytes(ACK | flags(5), seq=1 + 600 * i, ack=1, data=bytes(600), ecn=ECN_CE) for i in range(6)]
    )
    t.expect(ACK | flags(3), ack=3601)
    t.expect_nothing()


# ---------------------------------------------------------------------- the sender


@pytest.mark.parametrize(
    ("stated", "packets", "marked", "expected"),
    [
        (3, 2, None, 3),
        (3, 12, None, 11),
        (0, 8, 1460, 8),
        (2, 10, 1460, 2),
        (7, 15, 10_200, 7),
        (0, 1, None, 0),
        (1, 1, None, 1),
        (0, 40, 0, 0),
        (0, 40, 40 * MSS, 40),
        (4, 44, 4 * MSS, 4),
    ],
)
def test_how_many_were_marked(stated, packets, marked, expected) -> None:
    """Appendix A.2: three bits may have wrapped, and the bytes say whether they have."""
    assert newly_marked(stated, packets, marked, MSS) == expected


def test_of_rare_acknowledgements_the_number_is_believed() -> None:
    """Appendix A.2.1: they always cover more than eight packets, and wraps would be seen everywhere."""
    assert newly_marked(0, 40, None, MSS, believe=True) == 0


@pytest.mark.parametrize(("ace", "marks"), [(5, 0), (6, 1), (4, 7), (0, 3)])
def test_the_number_counts_modulo_eight(talk, ace, marks) -> None:
    t = established(talk)
    sending(t, 1)
    t.inject(ACK | flags(ace), seq=1, ack=1 + MSS)
    assert t.c.ecn.told_packets == 5 + marks


def test_the_bytes_count_modulo_two_to_the_24(talk) -> None:
    """Appendix A.1."""
    t = established(talk)
    sending(t, 2)
    t.c.ecn.told_ce = 33_554_433
    t.inject(ACK | flags(6), seq=1, ack=1 + MSS, accurate_ecn_0=(1461, 1461))
    assert t.c.ecn.told_ce == 33_555_893


def test_an_acknowledgement_that_was_overtaken_is_not_read(talk) -> None:
    """§3.2.2.5: an older number would look like seven new marks."""
    t = established(talk)
    sending(t, 4)
    t.inject(ACK | flags(6), seq=1, ack=1 + 2 * MSS)
    t.inject(ACK | flags(5), seq=1, ack=1 + MSS)
    assert t.c.ecn.told_packets == 6


def test_marks_reduce_once_for_a_window_and_cwr_is_no_signal(talk) -> None:
    t = established(talk)
    first = sending(t)
    assert {s.ecn for s in first} == {ECN_ECT0}
    for count in range(1, 11):
        t.inject(ACK | flags((5 + count) % 8), seq=1, ack=1 + count * MSS)
    assert t.c.congestion.ssthresh == t.c.congestion.cwnd == 5 * MSS
    assert {number(s) for s in t.drain()} == {5}
    assert t.stack.counters["TCPECNReduced"] == 1


def test_without_new_marks_the_window_grows(talk) -> None:
    """Unlike ECE, the number does not say the same thing twice."""
    t = established(talk)
    sending(t)
    t.inject(ACK | flags(6), seq=1, ack=1 + 10 * MSS)
    t.drain()
    after = t.c.congestion.cwnd
    t.inject(ACK | flags(6), seq=1, ack=t.c.snd_nxt - t.c.iss)
    t.drain()
    t.inject(ACK | flags(6), seq=1, ack=t.c.snd_nxt - t.c.iss)
    assert t.c.congestion.cwnd > after


@pytest.mark.parametrize("name", CONTROLS)
def test_only_a_control_with_an_answer_sends_ect(talk, name) -> None:
    t = established(talk, ACCURATE.but(congestion=name))
    assert {s.ecn for s in sending(t, 2)} == {ECN_ECT0 if CONTROLS[name].ecn_capable else ECN_NOT_ECT}


def test_retransmissions_and_pure_acknowledgements_are_not_ect(talk) -> None:
    t = established(talk)
    sending(t, 2)
    t.after(5 * SECOND)
    assert {(s.ecn, number(s)) for s in t.drain()} == {(ECN_NOT_ECT, 5)}


# ---------------------------------------------------------------------- what is not believed


def test_bytes_marked_and_no_packet_means_that_the_flags_are_written_over(talk) -> None:
    """§3.2.2.4, §3.2.3.4: no ECT any more, the feedback goes on."""
    t = established(talk)
    sending(t, 4)
    t.inject(ACK | flags(5), seq=1, ack=1 + 2 * MSS, accurate_ecn_0=(1461, 1460))
    assert not t.c.ecn.sends
    assert t.stack.counters["TCPECNMangled"] == 1
    t.inject(ACK | flags(5), seq=1, ack=1 + 4 * MSS)
    assert {s.ecn for s in sending(t, 2)} == {ECN_NOT_ECT}


def test_a_late_option_is_no_proof(talk) -> None:
    """The packets were counted when there was no room for the option."""
    t = established(talk)
    sending(t, 4)
    t.inject(ACK | flags(6), seq=1, ack=1 + 2 * MSS)
    t.inject(ACK | flags(6), seq=1, ack=1 + 4 * MSS, accurate_ecn_0=(1461, 1460))
    assert t.c.ecn.sends


@pytest.mark.parametrize("counters", [(0, 1460, 1), (1461, 1460, 0)])
def test_an_option_that_begins_with_zeros_is_ignored(talk, counters) -> None:
    """§3.2.3.2.4."""
    t = established(talk)
    sending(t, 4)
    t.inject(ACK | flags(6), seq=1, ack=1 + MSS, accurate_ecn_0=counters)
    assert (t.c.ecn.told_ce, t.c.ecn.told_packets) == (0, 6)


def test_marks_on_all_that_was_ever_sent_are_not_believed(talk) -> None:
    """§3.2.2.3: after four rounds, and only at the beginning."""
    t = established(talk)
    ace = 5
    for count in range(1, 6):
        assert [s.ecn for s in sending(t, 1)] == [ECN_ECT0]
        ace += 1
        t.inject(ACK | flags(ace % 8), seq=1, ack=1 + count * MSS)
        t.after(5 * SECOND)
    reduced = t.stack.counters["TCPECNReduced"]
    assert [s.ecn for s in sending(t, 1)] == [ECN_NOT_ECT]
    t.inject(ACK | flags((ace + 1) % 8), seq=1, ack=1 + 6 * MSS)
    assert t.stack.counters["TCPECNReduced"] == reduced


def test_one_packet_without_a_mark_is_proof_enough(talk) -> None:
    t = established(talk)
    sending(t, 2)
    t.inject(ACK | flags(6), seq=1, ack=1 + 2 * MSS)
    assert t.c.ecn.clean


def test_a_window_of_one_segment_waits(talk) -> None:
    """As RFC 3168 §6.1.2 has it."""
    t = established(talk, ACCURATE.but(initial_window=1))
    sending(t, 5)
    t.inject(ACK | flags(6), seq=1, ack=1 + MSS)
    t.expect_nothing()
    t.after(200 * MILLISECOND)
    t.expect(seq=1 + MSS)
