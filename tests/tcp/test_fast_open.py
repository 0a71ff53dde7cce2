"""TCP Fast Open between this stack and a peer, segment by segment: RFC 7413 §4."""

from __future__ import annotations

import pytest

from estab.tcp.config import MODERN, SECOND
from estab.tcp.fast_open import make_cookie
from estab.wire.icmp import IcmpKind
from estab.wire.options import ExperimentalCookie
from tests.conversation import ACK, FIN, MILLISECOND, RST, SYN, Conversation

MS = MILLISECOND
SERVER = MODERN.but(fast_open_queue=2, timestamps=False)
CLIENT = MODERN.but(timestamps=False)
LIFETIME = SERVER.fast_open_key_lifetime
REQUEST = b"GET /"
ANSWER = b"200 OK"


def cookie(t: Conversation, epoch: int = 0, client: bytes | None = None) -> bytes:
    return make_cookie(t.stack.cookie_secret, client or t.peer, t.ours, t.now // LIFETIME + epoch)


def fast_opened(t: Conversation, data: bytes = REQUEST, port: int = Conversation.PORT) -> Conversation:
    """A SYN with a good cookie and ``data`` has come, was acknowledged with it, and the connection is accepted."""
    if 80 not in t.stack.listeners:
        t.listen()
    t.ports = (80, port)
    t.inject(SYN, seq=0, data=data, mss=1460, fast_open=cookie(t))
    t.expect(SYN | ACK, seq=0, ack=1 + len(data))
    t.accept()
    return t


# ---------------------------------------------------------------------- the server


@pytest.mark.req("RFC7413-07")
@pytest.mark.parametrize("shown", [b"", b"guessed!"], ids=["asked", "shown"])
def test_nobody_gets_it_who_has_not_asked_for_it(talk, shown):
    t = talk(SERVER.but(fast_open_queue=0))
    t.listen()
    t.inject(SYN, seq=0, data=REQUEST, mss=1460, fast_open=shown)
    assert t.expect(SYN | ACK, seq=0, ack=1).options.fast_open is None
    t.inject(ACK, seq=1, ack=1)
    assert t.accept().readable == 0


def test_who_asks_gets_a_cookie_for_its_address(talk):
    t = talk(SERVER)
    t.listen()
    t.inject(SYN, seq=0, mss=1460, fast_open=b"")
    assert t.expect(SYN | ACK, seq=0, ack=1).options.fast_open == cookie(t)
    assert t.state == "SYN-RECEIVED"
    assert not t.stack.listeners[80][0].ready


def test_the_option_of_the_experiment_is_answered_in_kind(talk):
    """RFC 7413 §7: kind 254 with the identifier 0xF989."""
    t = talk(SERVER)
    t.listen()
    t.inject(SYN, seq=0, mss=1460, fast_open=ExperimentalCookie())
    given = t.expect(SYN | ACK, seq=0, ack=1).options.fast_open
    assert given == cookie(t)
    assert type(given) is ExperimentalCookie
    t.ports = (80, Conversation.PORT + 1)
    t.inject(SYN, seq=0, data=REQUEST, mss=1460, fast_open=given)
    assert t.expect(SYN | ACK, seq=0, ack=6).options.fast_open is None


def test_the_data_of_a_good_syn_is_delivered_before_the_handshake_is_over(talk):
    t = fast_opened(talk(SERVER))
    assert t.state == "SYN-RECEIVED"
    assert t.receive() == REQUEST
    t.send(ANSWER)
    t.expect(ACK, seq=1, ack=6, data=ANSWER)
    t.inject(ACK, seq=6, ack=7)
    assert t.state == "ESTABLISHED"
    assert t.c.fast_open is None
    t.inject(ACK, seq=6, ack=7, data=b"more")
    assert t.receive() == b"more"


def test_a_good_cookie_alone_opens_as_well(talk):
    t = fast_opened(talk(SERVER), b"")
    t.send(ANSWER)
    t.expect(ACK, seq=1, ack=1, data=ANSWER)


def test_a_cookie_that_is_good_is_not_repeated(talk):
    t = talk(SERVER)
    t.listen()
    t.inject(SYN, seq=0, data=REQUEST, mss=1460, fast_open=cookie(t))
    assert t.expect(SYN | ACK, ack=6).options.fast_open is None


@pytest.mark.req("RFC7413-03")
@pytest.mark.parametrize(
    "forged",
    [
        lambda t: b"guessed!",
        lambda t: cookie(t, client=b"\x0a\x00\x00\x03"),
        lambda t: cookie(t, epoch=-2),
        lambda t: cookie(t, epoch=1),
        lambda t: cookie(t)[:4],
    ],
    ids=["a guess", "of another address", "two keys old", "of the next key", "a part"],
)
def test_a_cookie_that_is_not_ours_gets_an_ordinary_handshake_and_a_new_one(talk, forged):
    t = talk(SERVER)
    t.now += 3 * LIFETIME
    t.listen()
    t.inject(SYN | FIN, seq=0, data=REQUEST, mss=1460, fast_open=forged(t))
    assert t.expect(SYN | ACK, seq=0, ack=1).options.fast_open == cookie(t)
    assert not t.stack.listeners[80][0].ready
    t.inject(ACK, seq=1, ack=1, data=REQUEST)
    assert t.accept().receive(100, t.now) == REQUEST
    assert t.state == "ESTABLISHED"


def test_the_cookie_of_the_key_before_is_good_and_replaced(talk):
    t = talk(SERVER)
    t.now += LIFETIME
    t.listen()
    t.inject(SYN, seq=0, data=REQUEST, mss=1460, fast_open=cookie(t, epoch=-1))
    assert t.expect(SYN | ACK, ack=6).options.fast_open == cookie(t)
    assert t.accept().receive(100, t.now) == REQUEST


@pytest.mark.req("RFC7413-11")
def test_what_is_answered_before_the_handshake_is_over_is_no_more_than_an_initial_window(talk):
    t = fast_opened(talk(SERVER))
    t.send(bytes(100_000))
    assert 8 * 1460 <= sum(segment.length for segment in t.drain()) <= 10 * 1460


@pytest.mark.req("RFC7413-12")
def test_a_syn_ack_that_is_repeated_is_sent_alone(talk):
    t = talk(SERVER)
    t.listen()
    t.inject(SYN, seq=0, mss=1460, fast_open=b"")
    assert t.expect(SYN | ACK).options.fast_open
    assert t.after(SECOND).expect(SYN | ACK, seq=0, ack=1, len=0).options.fast_open is None


def test_answers_wait_for_the_syn_ack_that_was_lost(talk):
    t = fast_opened(talk(SERVER))
    t.send(ANSWER)
    t.expect(ACK, seq=1, data=ANSWER)
    t.after(SECOND).expect(SYN | ACK, seq=0, ack=6, len=0)
    t.expect_nothing()
    t.inject(ACK, seq=6, ack=1)
    t.expect(ACK, seq=1, data=ANSWER)
    t.inject(ACK, seq=6, ack=7)
    t.after(10 * SECOND).expect_nothing()


def test_a_syn_that_comes_again_is_answered_and_delivers_nothing_more(talk):
    t = fast_opened(talk(SERVER))
    t.inject(SYN, seq=0, data=REQUEST, mss=1460, fast_open=cookie(t))
    t.expect(SYN | ACK, seq=0, ack=6)
    t.inject(SYN, seq=0, mss=1460)
    t.expect(SYN | ACK, seq=0, ack=6)
    assert t.receive() == REQUEST
    assert t.receive() == b""


def test_the_application_may_close_at_once(talk):
    t = fast_opened(talk(SERVER))
    t.receive()
    t.send(ANSWER)
    t.call("close")
    t.expect(FIN | ACK, seq=1, ack=6, data=ANSWER)
    assert t.state == "SYN-RECEIVED"
    t.inject(ACK, seq=6, ack=8)
    assert t.state == "FIN-WAIT-2"
    t.inject(FIN | ACK, seq=6, ack=8)
    assert t.state == "TIME-WAIT"


def test_closing_does_not_make_room_before_the_handshake_is_over(talk):
    t = fast_opened(talk(SERVER))
    t.receive()
    t.call("close")
    t.expect(FIN | ACK, seq=1, ack=6)
    assert len(t.stack.listeners[80][0].fast_opening) == 1


def test_a_fin_in_the_syn_is_the_end_of_the_stream(talk):
    t = talk(SERVER)
    t.listen()
    t.inject(SYN | FIN, seq=0, data=REQUEST, mss=1460, fast_open=cookie(t))
    t.expect(SYN | ACK, ack=6)
    t.accept()
    assert t.receive() == REQUEST
    assert not t.c.eof
    t.inject(ACK, seq=6, ack=1)
    assert t.c.eof
    assert t.state == "CLOSE-WAIT"


def test_a_reset_is_told_to_who_uses_the_connection_already(talk):
    t = fast_opened(talk(SERVER))
    t.inject(RST, seq=6)
    assert isinstance(t.c.error, ConnectionResetError)
    assert t.state == "CLOSED"


def test_no_answer_is_told_as_well(talk):
    t = fast_opened(talk(SERVER.but(syn_ack_retries=1)))
    t.after(4 * SECOND)
    assert isinstance(t.c.error, TimeoutError)
    assert not t.stack.listeners[80][0].fast_opening


def test_another_syn_in_the_window_is_challenged(talk):
    """There is no listener any more to which the connection could go back."""
    t = fast_opened(talk(SERVER))
    t.inject(SYN, seq=100)
    t.expect(ACK, seq=1, ack=6)
    assert t.state == "SYN-RECEIVED"


def test_a_full_accept_queue_does_not_keep_its_own_waiting(talk):
    t = talk(SERVER)
    t.listen(backlog=1)
    t.inject(SYN, seq=0, data=REQUEST, mss=1460, fast_open=cookie(t))
    t.expect(SYN | ACK, ack=6)
    t.inject(ACK, seq=6, ack=1)
    assert t.state == "ESTABLISHED"


# ---------------------------------------------------------------------- the limit of the server


def crowd(t: Conversation, count: int) -> None:
    for n in range(count):
        fast_opened(t, port=Conversation.PORT + n)


@pytest.mark.req("RFC7413-08")
def test_beyond_its_limit_a_listener_wants_ordinary_handshakes(talk):
    t = talk(SERVER)
    crowd(t, 2)
    t.ports = (80, Conversation.PORT + 2)
    t.inject(SYN, seq=0, data=REQUEST, mss=1460, fast_open=cookie(t))
    assert t.expect(SYN | ACK, seq=0, ack=1).options.fast_open is None
    assert t.stack.counters["TCPFastOpenListenOverflow"] == 1


def test_a_handshake_that_is_over_makes_room(talk):
    t = talk(SERVER)
    crowd(t, 2)
    t.inject(ACK, seq=6, ack=1)
    fast_opened(t, port=Conversation.PORT + 2)


@pytest.mark.req("RFC7413-14")
def test_what_was_reset_counts_on_for_a_while(talk):
    """RFC 7413 §5.1: a reset from the address whose cookie was stolen must not make room for the next."""
    t = talk(SERVER)
    crowd(t, 2)
    t.inject(RST, seq=6)
    t.ports = (80, Conversation.PORT + 2)
    t.inject(SYN, seq=0, data=REQUEST, mss=1460, fast_open=cookie(t))
    t.expect(SYN | ACK, seq=0, ack=1)
    t.inject(RST, seq=1)
    t.after(SERVER.fast_open_reset_penalty)
    t.drain()
    fast_opened(t, port=Conversation.PORT + 3)


# ---------------------------------------------------------------------- the client

COOKIE = b"\x01\x02\x03\x04\x05\x06\x07\x08"


def acquainted(t: Conversation, mss: int = 1460, **options: object) -> Conversation:
    """The server has given a cookie in an earlier connection, which is reset."""
    t.open(data=b"")
    assert t.expect(SYN, seq=0, len=0).options.fast_open == b""
    t.inject(SYN | ACK, seq=0, ack=1, mss=mss, fast_open=COOKIE, **options)
    t.expect(ACK, seq=1, ack=1)
    t.inject(RST, seq=1)
    assert t.state == "CLOSED"
    return t


@pytest.mark.req("RFC7413-01")
def test_an_ordinary_opening_does_not_ask(talk):
    t = talk(CLIENT)
    t.open()
    assert t.expect(SYN).options.fast_open is None


@pytest.mark.req("RFC7413-09")
def test_the_first_opening_asks_and_sends_the_data_later(talk):
    t = talk(CLIENT)
    t.open(data=REQUEST)
    assert t.expect(SYN, seq=0, len=0).options.fast_open == b""
    t.inject(SYN | ACK, seq=0, ack=1, mss=1460, fast_open=COOKIE)
    t.expect(ACK, seq=1, ack=1, data=REQUEST)
    assert t.stack.has_cookie((t.peer, 80), t.now)


@pytest.mark.req("RFC7413-04")
def test_the_second_opening_carries_it(talk):
    t = acquainted(talk(CLIENT))
    t.open(data=REQUEST)
    assert t.expect(SYN, seq=0, data=REQUEST).options.fast_open == COOKIE
    t.inject(SYN | ACK, seq=0, ack=6, mss=1460)
    t.expect(ACK, seq=6, ack=1, len=0)
    assert t.state == "ESTABLISHED"
    assert t.stack.counters["TCPFastOpenActive"] == 1
    t.after(10 * SECOND).expect_nothing()


def test_the_answer_may_come_before_the_handshake_is_over(talk):
    t = acquainted(talk(CLIENT))
    t.open(data=REQUEST)
    t.expect(SYN, data=REQUEST)
    t.inject(SYN | ACK, seq=0, ack=6, mss=1460)
    t.inject(ACK, seq=1, ack=6, data=ANSWER)
    assert t.receive() == ANSWER


@pytest.mark.req("RFC7413-05")
@pytest.mark.parametrize(("mss", "carried"), [(536, 496), (1000, 960), (1460, 1420), (9000, 1420)])
def test_the_syn_carries_no_more_than_the_servers_segments_had_room_for(talk, mss, carried):
    t = acquainted(talk(CLIENT, mtu=9040), mss=mss)
    t.open(data=bytes(5000))
    t.expect(SYN, seq=0, len=carried)
    t.inject(SYN | ACK, seq=0, ack=1 + carried, mss=1460)
    assert t.expect(ACK, seq=1 + carried).length == 1460


@pytest.mark.req("RFC7413-13")
def test_what_the_server_did_not_take_goes_again_with_the_first_acknowledgement(talk):
    t = acquainted(talk(CLIENT))
    t.open(data=REQUEST)
    t.expect(SYN, data=REQUEST)
    t.inject(SYN | ACK, seq=0, ack=1, mss=1460, fast_open=COOKIE[::-1])
    t.expect(ACK, seq=1, ack=1, data=REQUEST)
    t.inject(ACK, seq=1, ack=6)
    t.after(10 * SECOND).expect_nothing()
    assert t.c.congestion.cwnd >= 10 * t.c.mss
    t.inject(RST, seq=1)
    t.open(data=REQUEST)
    assert t.expect(SYN, data=REQUEST).options.fast_open == COOKIE[::-1]


def test_a_part_may_be_taken(talk):
    t = acquainted(talk(CLIENT))
    t.open(data=REQUEST)
    t.expect(SYN, data=REQUEST)
    t.inject(SYN | ACK, seq=0, ack=4, mss=1460)
    t.expect(ACK, seq=4, ack=1, data=REQUEST[3:])


@pytest.mark.req("RFC7413-10")
def test_a_syn_without_an_answer_is_repeated_alone(talk):
    t = acquainted(talk(CLIENT))
    t.open(data=REQUEST)
    t.expect(SYN, data=REQUEST)
    assert t.after(SECOND).expect(SYN, seq=0, len=0).options.fast_open is None
    assert t.after(2 * SECOND).expect(SYN, seq=0, len=0).options.fast_open is None
    t.inject(SYN | ACK, seq=0, ack=1, mss=1460)
    t.expect(ACK, seq=1, ack=1, data=REQUEST)


def test_the_data_may_have_arrived_all_the_same(talk):
    t = acquainted(talk(CLIENT))
    t.open(data=REQUEST)
    t.expect(SYN, data=REQUEST)
    t.after(SECOND).expect(SYN, seq=0, len=0)
    t.inject(SYN | ACK, seq=0, ack=6, mss=1460)
    t.expect(ACK, seq=6, ack=1, len=0)
    t.after(10 * SECOND).expect_nothing()


def black_hole(t: Conversation) -> None:
    """SYNs with data disappear."""
    t.expect(SYN, data=REQUEST)
    t.after(SECOND).expect(SYN, len=0)
    t.inject(SYN | ACK, seq=0, ack=1, mss=1460)


def no_support(t: Conversation) -> None:
    """This port knows nothing of it."""
    t.expect(SYN, data=REQUEST)
    t.inject(SYN | ACK, seq=0, ack=1, mss=1460)


def no_answer(t: Conversation) -> None:
    t.after(200 * SECOND)
    assert isinstance(t.c.error, TimeoutError)


def unreachable(t: Conversation) -> None:
    """A router says so."""
    t.expect(SYN, data=REQUEST)
    t.inject_icmp(IcmpKind.UNREACHABLE, 1, seq=0)
    assert t.c.error is not None


@pytest.mark.req("RFC7413-06")
@pytest.mark.parametrize("failure", [black_hole, no_support, no_answer, unreachable])
def test_where_it_fails_the_next_openings_are_ordinary(talk, failure):
    t = acquainted(talk(CLIENT))
    t.open(data=REQUEST)
    failure(t)
    t.inject(RST, seq=1)
    t.drain()
    assert not t.stack.has_cookie((t.peer, 80), t.now)
    assert t.stack.has_cookie((t.peer, 81), t.now)
    t.open(data=REQUEST)
    assert t.expect(SYN, len=0).options.fast_open is None
    t.inject(SYN | ACK, seq=0, ack=1, mss=1460)
    t.expect(ACK, data=REQUEST)
    t.inject(RST, seq=1)
    t.after(CLIENT.fast_open_pause)
    t.open(data=REQUEST)
    t.expect(SYN, data=REQUEST)


def test_an_old_cookie_is_not_shown(talk):
    t = acquainted(talk(CLIENT))
    t.after(CLIENT.fast_open_cookie_lifetime + 1)
    t.open(data=REQUEST)
    assert t.expect(SYN, len=0).options.fast_open == b""


def test_a_refused_opening_is_no_failure_of_fast_open(talk):
    t = acquainted(talk(CLIENT))
    t.open(data=REQUEST)
    t.expect(SYN, data=REQUEST)
    t.inject(RST | ACK, seq=0, ack=6)
    assert isinstance(t.c.error, ConnectionRefusedError)
    assert t.stack.has_cookie((t.peer, 80), t.now)


def test_the_cache_is_bounded(talk):
    t = talk(CLIENT.but(fast_open_cookies=2))
    for n in range(1, 4):
        t.stack.cookies.keep(t.ours, bytes((10, 0, 0, n)), COOKIE, 1460, t.now)
        t.stack.cookies.note_failure(t.ours, (t.peer, n), t.now)
    assert list(t.stack.cookies.cookies) == [t.ours + bytes((10, 0, 0, n)) for n in (2, 3)]
    assert [t.stack.cookies.fails(t.ours, (t.peer, n), t.now) for n in (1, 2, 3)] == [False, True, True]


def test_more_than_the_send_buffer_holds_is_not_begun(talk):
    t = talk(CLIENT.but(send_buffer=10))
    with pytest.raises(OSError, match="send buffer"):
        t.open(data=bytes(11))
    assert not t.stack.connections
    t.expect_nothing()


def test_both_may_open_at_once(talk):
    """RFC 9293 Figure 7, with data in our SYN."""
    t = acquainted(talk(CLIENT))
    t.open(data=REQUEST)
    t.expect(SYN, data=REQUEST)
    t.inject(SYN, seq=0, mss=1460)
    t.expect(SYN | ACK, seq=0, ack=1, len=0)
    t.inject(ACK, seq=1, ack=1)
    assert t.state == "ESTABLISHED"
    t.after(3 * SECOND).expect(ACK, seq=1, data=REQUEST)
