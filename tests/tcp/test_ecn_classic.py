"""ECN as RFC 3168 has it: agreed on in the handshake, marks told by the receiver, heard by the sender."""

from __future__ import annotations

import pytest

from estab.sockets.info import info_of
from estab.tcp.config import LINUX, MODERN, PROFILES, RFC, Ecn
from estab.tcp.congestion import CONTROLS
from estab.wire.packet import ECN_CE, ECN_ECT0, ECN_ECT1, ECN_NOT_ECT
from estab.wire.tcp import AE, CWR, ECE
from tests.conversation import ACK, FIN, MILLISECOND, RST, SECOND, SYN

ASK = MODERN.but(ecn=Ecn.ASK, congestion="newreno")
OFF = MODERN.but(ecn=Ecn.OFF)
SETUP = SYN | ECE | CWR
MSS = 1460
RTT = 20 * MILLISECOND


def agreed(talk, config=ASK, *, active=True, **syn):
    """A connection that uses ECN, next from both seq 1."""
    t = talk(config)
    syn = {"mss": MSS, "sack_permitted": True, **syn}
    if active:
        t.open()
        t.expect(SETUP, seq=0)
        t.after(RTT)
        t.inject(SYN | ACK | ECE, seq=0, ack=1, **syn)
        t.expect(ACK, seq=1, ack=1)
        return t
    t.listen()
    t.inject(SETUP, seq=0, **syn)
    t.expect(SYN | ACK | ECE, seq=0, ack=1)
    t.after(RTT)
    t.inject(ACK, seq=1, ack=1)
    t.accept()
    return t


def sending(t, segments=100):
    """What of ``segments`` goes out now."""
    t.send(bytes(segments * MSS))
    return t.drain()


# ---------------------------------------------------------------------- the handshake


@pytest.mark.req("RFC9293-SHLD-8")
@pytest.mark.parametrize("config", PROFILES.values(), ids=PROFILES)
def test_what_the_profiles_do(talk, config) -> None:
    """Only ``rfc`` asks, as RFC 9293 SHLD-8 wants it; the others agree, as deployed stacks do."""
    t = talk(config)
    t.open()
    t.expect(SETUP if config is RFC else SYN, seq=0)
    t = talk(config)
    t.listen()
    t.inject(SETUP, mss=MSS)
    t.expect(SYN | ACK | ECE)


@pytest.mark.req("RFC9293-SHLD-8", "RFC3168-03", "RFC3168-04", "RFC3168-05", "RFC3168-06")
@pytest.mark.parametrize(
    ("config", "said", "answer"),
    [
        (MODERN, 0, 0),
        (MODERN, ECE, 0),
        (MODERN, CWR, 0),
        (MODERN, ECE | CWR, ECE),
        (MODERN, AE | ECE | CWR, ECE),
        (LINUX, ECE | CWR, ECE),
        (ASK, 0, 0),
        (ASK, ECE | CWR, ECE),
        (OFF, ECE | CWR, 0),
    ],
)
def test_the_answer_to_a_syn(talk, config, said, answer) -> None:
    """Never an ECN-setup SYN-ACK to another SYN, whatever is in it."""
    t = talk(config)
    t.listen()
    t.inject(SYN | said, mss=MSS)
    assert t.expect(SYN | ACK | answer).ecn == ECN_NOT_ECT
    t.inject(ACK, seq=1, ack=1)
    t.accept()
    t.send(b"data")
    assert t.expect(ACK).ecn == (ECN_ECT0 if answer else ECN_NOT_ECT)
    assert info_of(t.c).ecn == ("classic" if answer else "")


@pytest.mark.req("RFC3168-04", "RFC3168-05", "RFC3168-06")
@pytest.mark.parametrize(
    ("said", "uses"), [(0, False), (ECE, True), (CWR, False), (ECE | CWR, False), (AE | ECE | CWR, False)]
)
def test_what_a_syn_ack_says(talk, said, uses) -> None:
    """Both flags come from a host that sends back what it gets: no agreement (§6.1.1)."""
    t = talk(ASK)
    t.open()
    assert t.expect(SETUP).ecn == ECN_NOT_ECT
    t.inject(SYN | ACK | said, seq=0, ack=1, mss=MSS)
    assert t.expect(ACK).ecn == ECN_NOT_ECT
    t.send(b"data")
    assert t.expect(ACK).ecn == (ECN_ECT0 if uses else ECN_NOT_ECT)


@pytest.mark.req("RFC3168-04")
@pytest.mark.parametrize("config", [MODERN, OFF], ids=["accept", "off"])
def test_a_syn_ack_cannot_agree_to_what_nobody_asked_for(talk, config) -> None:
    t = talk(config)
    t.open()
    t.expect(SYN)
    t.inject(SYN | ACK | ECE, seq=0, ack=1, mss=MSS)
    t.expect(ACK)
    t.send(b"data")
    assert t.expect(ACK).ecn == ECN_NOT_ECT
    t.inject(ACK, seq=1, ack=5, data=b"marked", ecn=ECN_CE)
    t.after(SECOND)
    t.expect(ACK)


@pytest.mark.req("RFC3168-04", "RFC3168-07")
def test_a_syn_without_an_answer_is_repeated_without(talk) -> None:
    """§6.1.1.1. A late answer to the first is then no leave to send ECT; marks that come are told."""
    t = talk(ASK)
    t.open()
    t.expect(SETUP, seq=0)
    t.after(SECOND)
    t.expect(SYN, seq=0)
    t.after(2 * SECOND)
    t.expect(SYN, seq=0)
    t.inject(SYN | ACK | ECE, seq=0, ack=1, mss=MSS)
    t.expect(ACK)
    t.send(b"data")
    assert t.expect(ACK).ecn == ECN_NOT_ECT
    t.inject(ACK, seq=1, ack=5, data=b"marked", ecn=ECN_CE)
    t.expect(ACK | ECE, ack=7)


def test_how_many_syns_ask_is_a_figure(talk) -> None:
    t = talk(ASK.but(ecn_syns=2))
    t.open()
    t.expect(SETUP)
    t.after(SECOND)
    t.expect(SETUP)
    t.after(2 * SECOND)
    t.expect(SYN)


@pytest.mark.req("RFC3168-07")
def test_a_reset_may_be_for_the_flags(talk) -> None:
    """§6.1.1.1: the same SYN without them, at once; the second reset counts."""
    t = talk(ASK)
    t.open()
    t.expect(SETUP, seq=0)
    t.inject(RST | ACK, seq=0, ack=1)
    t.expect(SYN, seq=0)
    t.inject(RST | ACK, seq=0, ack=1)
    t.expect_nothing()
    assert t.state == "CLOSED"
    assert isinstance(t.c.error, ConnectionRefusedError)


def test_a_reset_of_a_plain_syn_is_believed_at_once(talk) -> None:
    t = talk()
    t.open()
    t.expect(SYN)
    t.inject(RST | ACK, seq=0, ack=1)
    assert t.state == "CLOSED"


def test_the_answer_to_a_repeated_syn_stays_the_same(talk) -> None:
    """The first SYN settles it. One without the flags has given ECN up, and we SHOULD NOT set ECT (§6.1.1)."""
    t = talk()
    t.listen()
    t.inject(SETUP, seq=0, mss=MSS)
    t.expect(SYN | ACK | ECE)
    t.inject(SETUP, seq=0, mss=MSS)
    t.expect(SYN | ACK | ECE)
    t.inject(SYN, seq=0, mss=MSS)
    t.expect(SYN | ACK | ECE)
    t.inject(ACK, seq=1, ack=1)
    t.accept()
    t.send(b"data")
    assert t.expect(ACK).ecn == ECN_NOT_ECT


@pytest.mark.parametrize(
    ("config", "said", "answer", "codepoint"),
    [(ASK, ECE | CWR, ECE, ECN_ECT0), (ASK, 0, 0, ECN_NOT_ECT), (MODERN, ECE | CWR, 0, ECN_NOT_ECT)],
)
def test_both_open_at_once(talk, config, said, answer, codepoint) -> None:
    t = talk(config)
    t.open()
    t.expect(SETUP if config is ASK else SYN)
    t.inject(SYN | said, seq=0, mss=MSS)
    t.expect(SYN | ACK | answer, seq=0, ack=1)
    t.inject(SYN | ACK | answer, seq=0, ack=1, mss=MSS)
    t.drain()
    assert t.state == "ESTABLISHED"
    t.send(b"data")
    assert t.expect(ACK).ecn == codepoint


# ---------------------------------------------------------------------- what is sent as ECT


@pytest.mark.req("RFC3168-01", "RFC3168-10", "RFC3168-14", "RFC3168-15")
def test_only_new_data_is_ect(talk) -> None:
    """§6.1.4, §6.1.5: no SYN, no pure ACK, no repetition, no FIN alone."""
    t = agreed(talk)
    assert {(s.length > 0, s.ecn) for s in sending(t, 4)} == {(True, ECN_ECT0)}
    t.inject(ACK, seq=5, ack=1, data=b"text")
    t.inject(ACK, seq=1, ack=1, data=b"text")
    assert {(s.length, s.ecn) for s in t.drain()} == {(0, ECN_NOT_ECT)}
    t.after(2 * SECOND)
    repeated = t.drain()
    assert repeated
    assert all(s.length and s.ecn == ECN_NOT_ECT and not s.flags & CWR for s in repeated)
    t.inject(ACK, seq=9, ack=1 + 4 * MSS)
    t.receive()
    t.call("close")
    assert t.expect(FIN | ACK, len=0).ecn == ECN_NOT_ECT


@pytest.mark.req("RFC3168-17")
def test_a_window_probe_is_not_ect_and_has_no_cwr(talk) -> None:
    """§6.1.6, although a reduction waits to be told."""
    t = agreed(talk)
    sending(t, 4)
    t.inject(ACK | ECE, seq=1, ack=1 + 4 * MSS, win=0)
    t.send(b"more")
    t.after(SECOND)
    probes = t.drain()
    assert probes
    assert all(s.ecn == ECN_NOT_ECT and not s.flags & CWR for s in probes)
    t.inject(ACK, seq=1, ack=1 + 4 * MSS, win=65535)
    assert t.expect(ACK | CWR, data=b"more").ecn == ECN_ECT0


def test_keepalives_resets_and_challenges_are_not_ect(talk) -> None:
    t = agreed(talk, ASK.but(keepalive=True, keepalive_idle=10 * SECOND))
    t.after(11 * SECOND)
    assert t.expect(ACK, seq=0).ecn == ECN_NOT_ECT
    t.inject(SYN, seq=50)
    assert t.expect(ACK).ecn == ECN_NOT_ECT
    t.call("abort")
    assert t.expect(RST | ACK).ecn == ECN_NOT_ECT


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_without_an_answer_to_marks_sends_nothing_that_may_be_marked(talk, name) -> None:
    t = agreed(talk, ASK.but(congestion=name))
    capable = CONTROLS[name].ecn_capable
    assert {s.ecn for s in sending(t, 2)} == {ECN_ECT0 if capable else ECN_NOT_ECT}
    before = t.c.congestion.cwnd
    t.inject(ACK | ECE, seq=1, ack=1 + 2 * MSS)
    assert (t.c.congestion.cwnd < before) is capable
    t.inject(ACK, seq=1, ack=1 + 2 * MSS, data=b"marked", ecn=ECN_CE)
    t.expect(ACK | ECE)


# ---------------------------------------------------------------------- the receiver


@pytest.mark.req("RFC3168-13")
@pytest.mark.parametrize("active", [True, False], ids=["active", "passive"])
def test_a_mark_is_told_until_cwr_comes(talk, active) -> None:
    """§6.1.3: at once, on every ACK, with data and without."""
    t = agreed(talk, active=active)
    t.inject(ACK, seq=1, ack=1, data=b"ab", ecn=ECN_CE)
    t.expect(ACK | ECE, ack=3)
    t.inject(ACK, seq=3, ack=1, data=b"cd", ecn=ECN_ECT0)
    t.after(100 * MILLISECOND)
    t.expect(ACK | ECE, ack=5)
    t.send(b"answer")
    t.expect(ACK | ECE, data=b"answer")
    t.inject(ACK | CWR, seq=5, ack=7, data=b"ef", ecn=ECN_ECT0)
    t.expect(ACK, ack=7)
    assert t.c.ecn.marked == 1


@pytest.mark.req("RFC3168-13")
def test_cwr_on_a_packet_that_is_marked_itself(talk) -> None:
    t = agreed(talk)
    t.inject(ACK, seq=1, ack=1, data=b"ab", ecn=ECN_CE)
    t.expect(ACK | ECE)
    t.inject(ACK | CWR, seq=3, ack=1, data=b"cd", ecn=ECN_CE)
    t.expect(ACK | ECE, ack=5)


def test_an_unmarked_segment_is_not_hurried(talk) -> None:
    t = agreed(talk)
    for seq, codepoint in enumerate((ECN_NOT_ECT, ECN_ECT0, ECN_ECT1), 1):
        t.inject(ACK, seq=seq, ack=1, data=b"a", ecn=codepoint)
        t.expect_nothing()


def test_a_marked_segment_out_of_order_is_acknowledged_once(talk) -> None:
    """Twice would look like a duplicate acknowledgement for something else (RFC 5681 §4.2)."""
    t = agreed(talk)
    t.inject(ACK, seq=11, ack=1, data=b"ab", ecn=ECN_CE)
    t.expect(ACK | ECE, ack=1, sack=((11, 13),))
    t.expect_nothing()
    t.inject(ACK | CWR, seq=1, ack=1, data=bytes(10), ecn=ECN_CE)
    t.expect(ACK | ECE, ack=13)
    t.expect_nothing()


@pytest.mark.req("RFC3168-16")
@pytest.mark.parametrize("seq", [-5, 1 << 30], ids=["old", "beyond"])
def test_a_mark_outside_the_window_is_ignored(talk, seq) -> None:
    """§6.1.5: whoever does not see the connection cannot slow it down."""
    t = agreed(talk)
    t.inject(ACK, seq=seq, ack=1, data=b"abcd", ecn=ECN_CE)
    t.expect(ACK, ack=1)


@pytest.mark.req("RFC3168-16")
def test_a_mark_on_a_repetition_of_the_last_segment_is_ignored(talk) -> None:
    t = agreed(talk)
    t.inject(ACK, seq=1, ack=1, data=b"abcd")
    t.after(SECOND)
    t.expect(ACK, ack=5)
    t.inject(ACK, seq=1, ack=1, data=b"abcd", ecn=ECN_CE)
    t.expect(ACK, ack=5)


def test_a_mark_on_a_pure_acknowledgement_is_ignored(talk) -> None:
    t = agreed(talk)
    t.inject(ACK, seq=1, ack=1, ecn=ECN_CE)
    t.inject(ACK, seq=1, ack=1, data=b"abcd")
    t.after(SECOND)
    t.expect(ACK, ack=5)


@pytest.mark.req("RFC3168-13")
def test_marks_survive_joining(talk) -> None:
    """A batch is one segment to the connection; one marked packet in it is enough, and each is counted."""
    t = agreed(talk)
    codepoints = (ECN_ECT0, ECN_CE, ECN_CE, ECN_ECT0)
    packets = [
        t.segment_bytes(ACK, seq=1 + 100 * i, ack=1, data=bytes(100), ecn=each) for i, each in enumerate(codepoints)
    ]
    t.inject_batch(packets)
    assert {s.flags for s in t.drain()} == {ACK | ECE}
    assert t.c.ecn.marked == 2


# ---------------------------------------------------------------------- the sender


@pytest.mark.req("RFC3168-02", "RFC3168-08", "RFC3168-09")
def test_one_reduction_for_a_window_and_cwr_once(talk) -> None:
    """§6.1.2: every ACK says ECE, the window is cut once, CWR is on the first new data and on nothing else."""
    t = agreed(talk)
    first = sending(t)
    assert sum(s.length for s in first) == 10 * MSS
    for count in range(1, 11):
        t.inject(ACK | ECE, seq=1, ack=1 + count * MSS)
    assert t.c.congestion.ssthresh == 5 * MSS
    assert t.c.congestion.cwnd == 5 * MSS
    after = t.drain()
    assert [bool(s.flags & CWR) for s in after] == [True] + [False] * (len(after) - 1)
    assert {s.ecn for s in after} == {ECN_ECT0}
    assert t.stack.counters["TCPECNReduced"] == 1
    end = after[-1].seq + after[-1].length
    t.inject(ACK | ECE, seq=1, ack=end)
    assert t.stack.counters["TCPECNReduced"] == 2
    assert t.expect().flags & CWR


def test_the_reduction_takes_a_round_trip(talk) -> None:
    """RFC 9937 §4: every second arrival lets one out."""
    t = agreed(talk)
    sending(t)
    out = []
    for count in range(1, 11):
        t.inject(ACK | ECE, seq=1, ack=1 + count * MSS)
        out.append(sum(s.length for s in t.drain()) // MSS)
    assert out[:6] == [0, 1] * 3
    assert t.c.recovery.pipe(t.c.board) == 5 * MSS


def test_without_sack_the_window_falls_at_once(talk) -> None:
    t = agreed(talk, sack_permitted=False)
    sending(t)
    t.inject(ACK | ECE, seq=1, ack=1 + MSS)
    assert t.c.congestion.cwnd == 5 * MSS
    t.expect_nothing()


@pytest.mark.req("RFC3168-11")
@pytest.mark.parametrize("name", [name for name in CONTROLS if CONTROLS[name].ecn_capable])
def test_an_acknowledgement_with_ece_opens_nothing(talk, name) -> None:
    """§6.1.2: neither while the reduction lasts, nor the one that ends it."""
    t = agreed(talk, ASK.but(congestion=name))
    sending(t)
    t.inject(ACK | ECE, seq=1, ack=1 + 2 * MSS)
    t.drain()
    bound = t.c.congestion.ssthresh
    t.inject(ACK | ECE, seq=1, ack=1 + 10 * MSS)
    assert t.c.congestion.cwnd <= bound


@pytest.mark.req("RFC3168-08", "RFC3168-15")
def test_loss_and_mark_in_one_window_reduce_once(talk) -> None:
    t = agreed(talk)
    sending(t)
    t.inject(ACK | ECE, seq=1, ack=1 + 2 * MSS)
    t.drain()
    ssthresh = t.c.congestion.ssthresh
    for high in (6, 7, 8):
        t.inject(ACK | ECE, seq=1, ack=1 + 2 * MSS, sack=((1 + 3 * MSS, 1 + high * MSS),))
    assert any(s.seq == 1 + 2 * MSS and s.ecn == ECN_NOT_ECT for s in t.drain())
    assert t.c.congestion.ssthresh == ssthresh
    assert t.stack.counters["TCPECNReduced"] == 1


@pytest.mark.req("RFC3168-09")
def test_cwr_also_tells_of_a_loss(talk) -> None:
    """§6.1.2: whatever the reason was."""
    t = agreed(talk)
    sending(t)
    for high in (4, 5, 6):
        t.inject(ACK, seq=1, ack=1, sack=((1 + MSS, 1 + high * MSS),))
    sent = t.drain()
    t.inject(ACK, seq=1, ack=1 + 10 * MSS)
    sent += t.drain()
    assert [s.seq for s in sent if s.flags & CWR] == [1 + 10 * MSS]


@pytest.mark.req("RFC3168-09", "RFC3168-10")
def test_cwr_tells_of_a_timeout(talk) -> None:
    t = agreed(talk)
    sending(t, 20)
    t.after(5 * SECOND)
    assert not any(s.flags & CWR for s in t.drain())
    t.inject(ACK, seq=1, ack=1 + 11 * MSS)
    assert t.expect(seq=1 + 11 * MSS).flags & CWR


def test_a_reduction_that_a_mark_confirms_is_not_undone(talk) -> None:
    """RFC 4015 §3.2: a D-SACK shows the repetition to have been for nothing, ECE that there was congestion."""
    t = agreed(talk, ts=(1, 0))
    sending(t, 20)
    t.inject(ACK, seq=1, ack=1 + MSS, ts=True)
    t.drain()
    size = t.c.mss
    for high in (4, 5, 6):
        t.inject(ACK | ECE, seq=1, ack=1 + MSS, sack=((1 + MSS + size, 1 + MSS + high * size),), ts=True)
    t.drain()
    reduced = t.c.congestion.ssthresh
    t.inject(ACK, seq=1, ack=1 + MSS + 6 * size, sack=((1 + MSS, 1 + MSS + size),), ts=True)
    assert t.c.congestion.ssthresh == reduced


@pytest.mark.req("RFC9438-11", "RFC3168-12")
def test_a_window_of_one_segment_waits_for_the_timer(talk) -> None:
    """§6.1.2, RFC 9438 §4.6: the next segment goes after a timeout, and ever later while marks go on; but four
    timeouts are proof that the marks come from something else than congestion."""
    t = agreed(talk, ASK.but(initial_window=1))
    waits = []
    acked = 1
    t.send(bytes(20 * MSS))
    for _ in range(5):
        t.c.congestion.cwnd = MSS
        sent = t.drain()
        acked += sum(s.length for s in sent)
        assert len(sent) == 1
        t.after(10 * MILLISECOND)
        t.inject(ACK | ECE, seq=1, ack=acked)
        t.c.congestion.cwnd = MSS
        begun = t.now
        while not t.sent:
            t.after(10 * MILLISECOND)
        assert t.sent[0].flags & CWR
        waits.append((t.now - begun) // MILLISECOND)
    assert waits == [200, 400, 800, 1600, 0]
    assert t.expect().ecn == ECN_NOT_ECT
    t.inject(ACK | ECE, seq=1, ack=acked + MSS)
    assert t.c.congestion.cwnd > MSS


@pytest.mark.req("RFC3168-08")
def test_forged_ece_costs_one_reduction_for_a_window(talk) -> None:
    """A storm of ECE without progress, and for what was never sent."""
    t = agreed(talk)
    sending(t)
    for _ in range(50):
        t.inject(ACK | ECE, seq=1, ack=1)
        t.inject(ACK | ECE, seq=1, ack=1 + 500 * MSS)
    assert t.c.congestion.cwnd == 10 * MSS
    t.inject(ACK | ECE, seq=1, ack=1 + 5 * MSS)
    for _ in range(50):
        t.inject(ACK | ECE, seq=1, ack=1 + 5 * MSS)
    assert t.stack.counters["TCPECNReduced"] == 1


def test_ece_without_agreement_means_nothing(talk) -> None:
    t = talk().established(sack_permitted=True)
    sending(t)
    before = t.c.congestion.cwnd
    t.inject(ACK | ECE, seq=1, ack=1 + 10 * MSS)
    assert t.c.congestion.cwnd > before
    assert not any(s.flags & CWR for s in t.drain())


@pytest.mark.req("RFC3168-02", "RFC8311-01")
@pytest.mark.parametrize(
    ("name", "avoiding", "slow"), [("newreno", 8, 5), ("cubic", 8.5, 7)], ids=["newreno", "cubic"]
)
def test_a_mark_weighs_less_than_a_loss(talk, name, avoiding, slow) -> None:
    """RFC 8511 §3, and §4: not in slow start."""
    for ssthresh, expected in ((10 * MSS, avoiding), (1 << 30, slow)):
        t = agreed(talk, ASK.but(congestion=name))
        sending(t)
        t.c.congestion.ssthresh = ssthresh
        t.inject(ACK | ECE, seq=1, ack=1 + MSS)
        assert t.c.congestion.ssthresh == int(expected * MSS)
