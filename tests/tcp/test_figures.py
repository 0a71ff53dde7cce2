"""The scenarios of RFC 9293 §3.5 and §3.6 (Figures 6 to 13) and of RFC 1337, with two stacks and the RFC's numbers."""

import pytest

from estab.tcp import arrives
from estab.tcp.config import MODERN, SECOND
from estab.tcp.rules import RULES
from estab.wire.packet import Packet
from estab.wire.tcp import ACK, RST, SYN, Segment
from tests.tcp.pair import Pair, forge, read

PLAIN = MODERN.but(timestamps=False, sack=False, window_scale=False)

EVERY = pytest.mark.parametrize(
    "isns", [(100, 300), (2**31 - 1, 2**32 - 1), (2**32 - 1, 2**31 - 1), (0, 0)], ids=["figure", "31", "32", "zero"]
)


@pytest.fixture(params=[False, True], ids=["v4", "v6"])
def pair(request):
    return Pair(PLAIN, v6=request.param)


def mod(value: int) -> int:
    return value & 0xFFFFFFFF


def test_figure_6(pair):
    a, b = pair.a, pair.b
    b.stack.listen(80)
    a.open()
    assert a.sent() == [("S", 100, 0)]
    assert pair.states() == (["SYN-SENT"], [])
    b.arrive(a.take())
    assert b.sent() == [("S.", 300, 101)]
    assert pair.states() == (["SYN-SENT"], ["SYN-RECEIVED"])
    a.arrive(b.take())
    assert a.sent() == [(".", 101, 301)]
    assert pair.states() == (["ESTABLISHED"], ["SYN-RECEIVED"])
    b.arrive(a.take())
    assert pair.states() == (["ESTABLISHED"], ["ESTABLISHED"])
    a.c.send(b"DATA", pair.now)
    assert a.sent() == [("P.", 101, 301)], "a pure ACK takes no sequence space"


@pytest.mark.req("RFC9293-MUST-10")
@EVERY
@pytest.mark.parametrize("v6", [False, True])
def test_figure_7_simultaneous_open(isns, v6):
    pair = Pair(PLAIN, v6=v6, isns=isns)
    a, b = pair.a, pair.b
    a.open(port=80, local=4000)
    b.open(port=4000, local=80)
    lost, late = b.collect(), a.take()
    a.arrive(*lost)
    b.outbox.clear()
    assert a.states() == ["SYN-RECEIVED"]
    b.arrive(late)
    assert b.states() == ["SYN-RECEIVED"]
    assert a.sent() == [("S.", mod(isns[0]), mod(isns[1] + 1))]
    assert b.sent() == [("S.", mod(isns[1]), mod(isns[0] + 1))]
    assert pair.carry() <= 8
    assert pair.states() == (["ESTABLISHED"], ["ESTABLISHED"])
    assert "OutRsts" not in {name for end in (a, b) for name, n in end.stack.counters.items() if n}
    a.c.send(b"hello", pair.now)
    pair.carry()
    assert b.c.receive(100, pair.now) == b"hello"


@pytest.mark.req("RFC9293-MUST-10")
def test_figure_7_with_lost_syn_acks(pair):
    a, b = pair.a, pair.b
    a.open(port=80, local=4000)
    b.open(port=4000, local=80)
    first, second = a.take(), b.take()
    a.arrive(second)
    b.arrive(first)
    a.outbox.clear()
    b.outbox.clear()
    pair.after(10 * SECOND)
    assert pair.states() == (["ESTABLISHED"], ["ESTABLISHED"])


def test_figure_8_old_duplicate_syn(pair):
    a, b = pair.a, pair.b
    b.stack.listen(80)
    a.open()
    fresh = a.take()
    b.arrive(forge(a, b, Segment(90, 0, SYN, 65535), (4000, 80)))
    assert b.sent() == [("S.", 300, 91)]
    a.arrive(b.take())
    assert a.sent() == [("R", 91, 0)]
    assert a.states() == ["SYN-SENT"]
    b.arrive(a.take())
    assert b.states() == []
    b.arrive(fresh)
    assert b.sent() == [("S.", 400, 101)]
    pair.carry()
    assert pair.states() == (["ESTABLISHED"], ["ESTABLISHED"])


def test_figure_8_in_one_batch(pair):
    """The RST and the fresh SYN come together: no turn of the sender lies between them."""
    a, b = pair.a, pair.b
    b.stack.listen(80)
    a.open()
    fresh = a.take()
    b.arrive(forge(a, b, Segment(90, 0, SYN, 65535), (4000, 80)))
    a.arrive(b.take())
    b.arrive(a.take(), fresh)
    assert b.sent() == [("S.", 400, 101)]


@pytest.mark.req("RFC5961-06")
def test_figure_9_half_open_found_by_a_syn(pair):
    pair.established()
    a, b = pair.a, pair.b
    a.isn = 400
    a.reboot()
    a.open()
    assert a.sent() == [("S", 400, 0)]
    b.arrive(a.take())
    assert b.sent() == [(".", 301, 101)], "a challenge"
    a.arrive(b.take())
    assert a.sent() == [("R", 101, 0)]
    b.arrive(a.take())
    assert b.states() == []
    assert isinstance(b.c.error, ConnectionResetError)
    assert a.states() == ["SYN-SENT"]
    pair.after(2 * SECOND)
    assert pair.states() == (["ESTABLISHED"], ["ESTABLISHED"])


def test_figure_9_with_an_unlucky_number(pair):
    """The one ISN with which the challenge looks valid (RFC 5961 §4.2): both wait until the opener gives up."""
    pair.established()
    a, b = pair.a, pair.b
    a.isn = 100
    a.reboot()
    a.open()
    pair.carry()
    assert pair.states() == (["SYN-SENT"], ["ESTABLISHED"])
    pair.after(1000 * SECOND)
    assert a.states() == []
    assert isinstance(a.c.error, TimeoutError)
    assert b.states() == ["ESTABLISHED"]


def test_figure_10_half_open_found_by_data(pair):
    pair.established()
    a, b = pair.a, pair.b
    a.reboot()
    b.c.send(b"0123456789", pair.now)
    a.arrive(b.take())
    assert a.sent() == [("R", 101, 0)]
    b.arrive(a.take())
    assert b.states() == []
    assert isinstance(b.c.error, ConnectionResetError)


def test_figure_11_old_duplicate_syn_between_two_listeners(pair):
    a, b = pair.a, pair.b
    a.stack.listen(4000)
    listener = b.stack.listen(80)
    b.arrive(forge(a, b, Segment(77, 0, SYN, 65535), (4000, 80)))
    assert b.sent() == [("S.", 300, 78)]
    a.arrive(b.take())
    assert a.sent() == [("R", 78, 0)]
    b.arrive(a.take())
    assert pair.states() == ([], [])
    assert b.stack.accept(listener) is None
    assert b.stack.take_events() == [], "the user is not told"
    assert b.stack.find_listener((b.address, 80)) is listener


def close_by_the_book(pair):
    """Figure 12 up to line 5."""
    pair.established()
    a, b = pair.a, pair.b
    a.c.close(pair.now)
    assert a.sent() == [("F.", 101, 301)]
    assert a.states() == ["FIN-WAIT-1"]
    b.arrive(a.take())
    assert b.states() == ["CLOSE-WAIT"]
    assert b.sent() == [(".", 301, 102)]
    a.arrive(b.take())
    assert a.states() == ["FIN-WAIT-2"]
    b.c.close(pair.now)
    assert b.sent() == [("F.", 301, 102)]
    assert b.states() == ["LAST-ACK"]
    a.arrive(b.take())
    assert a.sent() == [(".", 102, 302)]
    assert a.states() == ["TIME-WAIT"]


def test_figure_12_normal_close(pair):
    close_by_the_book(pair)
    a, b = pair.a, pair.b
    b.arrive(a.take())
    assert b.states() == []
    assert b.c.error is None
    pair.after(2 * PLAIN.msl)
    assert a.states() == []


def test_figure_12_in_three_segments(pair):
    pair.established()
    a, b = pair.a, pair.b
    a.c.close(pair.now)
    fin = a.take()
    # The application answers the end of the stream before the stack has acknowledged it.
    b.stack.receive([Packet(fin)], pair.now)
    b.c.close(pair.now)
    assert b.sent() == [("F.", 301, 102)]
    a.arrive(b.take())
    assert a.states() == ["TIME-WAIT"]
    pair.carry()
    assert b.states() == []


def test_figure_12_with_a_lost_last_ack(pair):
    close_by_the_book(pair)
    a, b = pair.a, pair.b
    a.outbox.clear()
    began = pair.now
    pair.after(5 * SECOND)
    assert b.states() == []
    assert b.c.error is None
    (entry,) = a.stack.time_wait.entries
    assert a.stack.time_wait.get(entry).expires > began + 2 * PLAIN.msl


@EVERY
def test_figure_13_simultaneous_close(isns):
    pair = Pair(PLAIN, isns=isns).established()
    a, b = pair.a, pair.b
    a.c.close(pair.now)
    b.c.close(pair.now)
    assert a.sent() == [("F.", mod(isns[0] + 1), mod(isns[1] + 1))]
    assert b.sent() == [("F.", mod(isns[1] + 1), mod(isns[0] + 1))]
    first, second = a.take(), b.take()
    a.arrive(second)
    b.arrive(first)
    assert pair.states() == (["CLOSING"], ["CLOSING"])
    assert a.sent() == [(".", mod(isns[0] + 2), mod(isns[1] + 2))]
    assert b.sent() == [(".", mod(isns[1] + 2), mod(isns[0] + 2))]
    assert pair.carry() <= 2
    assert pair.states() == (["TIME-WAIT"], ["TIME-WAIT"])
    pair.after(2 * PLAIN.msl)
    assert pair.states() == ([], [])


def test_figure_13_with_both_acks_lost(pair):
    """What is repeated lies left of the window; its ACK must still be used (appendix A.2)."""
    pair.established()
    a, b = pair.a, pair.b
    a.c.close(pair.now)
    b.c.close(pair.now)
    first, second = a.take(), b.take()
    a.arrive(second)
    b.arrive(first)
    a.outbox.clear()
    b.outbox.clear()
    assert pair.states() == (["CLOSING"], ["CLOSING"])
    pair.after(2 * SECOND)
    assert pair.states() == (["TIME-WAIT"], ["TIME-WAIT"])


# ---------------------------------------------------------------------- RFC 1337


def old_duplicate(pair) -> bytes:
    return forge(pair.b, pair.a, Segment(255, 33, ACK, 1000, (b"old",)), (80, 4000))


@pytest.mark.req("RFC1337-01")
def test_time_wait_assassination(pair):
    """Figure 1 of RFC 1337: the RST that an old duplicate provokes does not end TIME-WAIT."""
    close_by_the_book(pair)
    a, b = pair.a, pair.b
    b.arrive(a.take())
    b.reboot()
    a.arrive(old_duplicate(pair))
    assert a.sent() == [(".", 102, 302)]
    b.arrive(a.take())
    assert b.sent() == [("R", 302, 0)]
    a.arrive(b.take())
    assert a.states() == ["TIME-WAIT"]


def test_time_wait_is_assassinated_without_the_rule():
    pair = Pair(PLAIN.but(rfc1337=False))
    close_by_the_book(pair)
    a, b = pair.a, pair.b
    b.arrive(a.take())
    b.reboot()
    a.arrive(old_duplicate(pair))
    pair.carry()
    assert a.states() == []


@pytest.mark.req("RFC1337-05")
def test_desynchronised_ends_do_not_talk_for_ever(pair):
    """H2 (Figure 3 of RFC 1337): each finds the other's ACK unacceptable and says so, within its budget."""
    pair.established()
    a, b = pair.a, pair.b
    a.c.snd_nxt = a.c.snd_una = a.c.snd_nxt + 100_000
    b.c.snd_nxt = b.c.snd_una = b.c.snd_nxt + 100_000
    a.arrive(forge(b, a, Segment(301, 900_000, ACK, 1000), (80, 4000)))
    assert pair.carry() <= 2 * PLAIN.challenge_acks
    pair.after(60 * SECOND)


def test_without_a_budget_they_do():
    def unlimited(c, segment, now):
        c.challenges = 0
        return arrives.check_sequence(c, segment, now)

    pair = Pair(PLAIN, rules=RULES.without_step(arrives.check_sequence, unlimited)).established()
    a, b = pair.a, pair.b
    a.c.snd_nxt = a.c.snd_una = a.c.snd_nxt + 100_000
    b.c.snd_nxt = b.c.snd_una = b.c.snd_nxt + 100_000
    a.arrive(forge(b, a, Segment(301, 900_000, ACK, 1000), (80, 4000)))
    with pytest.raises(AssertionError, match="for ever"):
        pair.carry()


@pytest.mark.req("RFC1337-06")
def test_old_ack_into_an_opening(pair):
    """H3 (Figure 4 of RFC 1337): the RST that an old ACK provokes is only challenged at the other end."""
    a, b = pair.a, pair.b
    b.stack.listen(80)
    a.open()
    b.arrive(a.take())
    a.arrive(forge(b, a, Segment(300, 123, ACK, 1000), (80, 4000)))
    assert a.sent() == [("R", 123, 0)]
    b.arrive(a.take())
    assert b.states() == ["SYN-RECEIVED"]
    assert b.sent() == [("S.", 300, 101), (".", 301, 101)]
    pair.carry()
    assert pair.states() == (["ESTABLISHED"], ["ESTABLISHED"])


# ---------------------------------------------------------------------- restart and crash


def test_keep_alive_into_a_rebooted_peer():
    pair = Pair(PLAIN.but(keepalive=True, keepalive_idle=60 * SECOND)).established()
    a, b = pair.a, pair.b
    b.reboot()
    pair.now += 60 * SECOND
    a.stack.advance(pair.now)
    assert a.sent() == [(".", 100, 301)]
    b.arrive(a.take())
    assert b.sent() == [("R", 301, 0)]
    a.arrive(b.take())
    assert a.states() == []
    assert isinstance(a.c.error, ConnectionResetError)


def test_a_reboot_while_closing(pair):
    pair.established()
    a, b = pair.a, pair.b
    b.reboot()
    a.c.close(pair.now)
    pair.carry()
    assert a.states() == []
    assert isinstance(a.c.error, ConnectionResetError)


def test_refused(pair):
    a = pair.a
    a.open()
    pair.carry()
    assert a.states() == []
    assert isinstance(a.c.error, ConnectionRefusedError)


def test_an_abort_is_one_exact_reset(pair):
    pair.established()
    a, b = pair.a, pair.b
    a.c.abort(pair.now)
    assert a.sent() == [("R.", 101, 301)]
    pair.carry()
    assert pair.states() == ([], [])
    assert isinstance(b.c.error, ConnectionResetError)


# ---------------------------------------------------------------------- half-close


def test_half_close_both_ways(pair):
    pair.established()
    a, b = pair.a, pair.b
    a.c.shutdown(pair.now)
    pair.carry()
    assert pair.states() == (["FIN-WAIT-2"], ["CLOSE-WAIT"])
    assert b.c.eof
    for _ in range(3):
        b.c.send(b"still sending", pair.now)
        pair.carry()
        assert a.c.receive(100, pair.now) == b"still sending"
        pair.after(SECOND)
    assert pair.states() == (["FIN-WAIT-2"], ["CLOSE-WAIT"])
    b.c.shutdown(pair.now)
    pair.carry()
    assert a.c.eof
    assert pair.states() == (["TIME-WAIT"], [])


# ---------------------------------------------------------------------- split handshakes


def test_split_handshake_of_four(pair):
    """The server answers the SYN with a bare SYN: the client follows Figure 7 from there."""
    a, b = pair.a, pair.b
    a.open()
    a.take()
    a.arrive(forge(b, a, Segment(300, 0, SYN, 65535), (80, 4000)))
    assert a.sent() == [("S.", 100, 301)]
    assert a.states() == ["SYN-RECEIVED"]
    assert not a.c.passive
    a.arrive(forge(b, a, Segment(301, 101, ACK, 65535), (80, 4000)))
    assert a.states() == ["ESTABLISHED"]


def test_split_handshake_of_five(pair):
    """The server acknowledges first and sends its SYN later."""
    a, b = pair.a, pair.b
    a.open()
    a.take()
    a.arrive(forge(b, a, Segment(299, 101, ACK, 65535), (80, 4000)))
    assert a.sent() == []
    assert a.states() == ["SYN-SENT"]
    a.arrive(forge(b, a, Segment(300, 0, SYN, 65535), (80, 4000)))
    assert a.sent() == [("S.", 100, 301)]
    a.arrive(forge(b, a, Segment(300, 101, SYN | ACK, 65535), (80, 4000)))
    assert a.states() == ["ESTABLISHED"]
    assert not a.c.passive


def test_a_server_takes_a_syn_ack_for_the_acknowledgement_that_it_is(pair):
    a, b = pair.a, pair.b
    b.stack.listen(80)
    b.arrive(forge(a, b, Segment(100, 0, SYN, 65535), (4000, 80)))
    assert b.sent() == [("S.", 300, 101)]
    b.take()
    b.arrive(forge(a, b, Segment(100, 301, SYN | ACK, 65535), (4000, 80)))
    assert b.states() == ["ESTABLISHED"]
    assert all("R" not in flags for flags, _, _ in b.sent())


def test_a_blind_reset_of_the_pair_fails(pair):
    pair.established()
    a, b = pair.a, pair.b
    for guess in range(1, 60_000, 6_000):
        a.arrive(forge(b, a, Segment(301 + guess, 0, RST, 0), (80, 4000)))
    pair.carry()
    assert pair.states() == (["ESTABLISHED"], ["ESTABLISHED"])


def test_the_helper_reads_what_it_forges(pair):
    segment = read(forge(pair.a, pair.b, Segment(5, 6, ACK, 7), (8, 9)))
    assert (segment.seq, segment.ack, segment.source_port, segment.destination_port) == (5, 6, 8, 9)
