"""Stream sockets call by call, with what Linux answers."""

from __future__ import annotations

import errno

import pytest

from estab.sockets import Option, Poll, Shutdown, StreamSocket, TcpInfo
from estab.tcp.config import LINUX, MODERN, SECOND
from estab.tcp.congestion import CONTROLS
from estab.tcp.connection import Connection
from estab.tcp.states import State
from tests.sockets.pair import CLIENT, SERVER, Pair, raises


def test_a_conversation() -> None:
    pair = Pair()
    listener = pair.listen()
    assert listener.poll() == Poll.NOTHING
    with raises(errno.EAGAIN):
        listener.accept()
    client = pair.dial()
    assert client.poll() == Poll.NOTHING
    with raises(errno.EALREADY):
        client.connect(SERVER, 80, pair.now)
    with raises(errno.EAGAIN):
        client.send(b"too early", pair.now)
    with raises(errno.EAGAIN):
        client.recv(10, pair.now)
    pair.run()
    assert listener.poll() == Poll.IN
    assert client.poll() == Poll.OUT
    server = listener.accept()
    client.connect(SERVER, 80, pair.now)
    with raises(errno.EISCONN):
        client.connect(SERVER, 80, pair.now)
    assert client.getpeername() == (SERVER, 80) == server.getsockname()
    assert server.getpeername() == client.getsockname() == (CLIENT, client.getsockname()[1])

    assert client.send(b"hello", pair.now) == 5
    pair.run()
    assert server.poll() == Poll.IN | Poll.OUT
    assert server.recv(2, pair.now, peek=True) == b"he"
    assert server.recv(2, pair.now) == b"he"
    assert server.recv(100, pair.now) == b"llo"
    with raises(errno.EAGAIN):
        server.recv(1, pair.now)


def test_half_close_both_ways() -> None:
    pair = Pair()
    client, server = pair.connected()
    client.shutdown(Shutdown.WR, pair.now)
    with raises(errno.EPIPE):
        client.send(b"x", pair.now)
    pair.run()
    assert server.poll() == Poll.IN | Poll.OUT | Poll.RDHUP
    assert server.recv(10, pair.now) == b""
    server.send(b"answer", pair.now)
    server.shutdown(Shutdown.WR, pair.now)
    pair.run()
    assert server.poll() & Poll.HUP
    assert client.recv(10, pair.now) == b"answer"
    assert client.recv(10, pair.now) == b""
    assert client.poll() == Poll.IN | Poll.OUT | Poll.RDHUP | Poll.HUP


def test_shutdown_of_reading() -> None:
    pair = Pair()
    client, server = pair.connected()
    server.shutdown(Shutdown.RD, pair.now)
    client.send(b"into the void", pair.now)
    pair.run()
    assert server.recv(10, pair.now) == b""
    assert server.poll() == Poll.IN | Poll.OUT | Poll.RDHUP
    assert server.send(b"still", pair.now) == 5
    pair.run()
    assert client.recv(10, pair.now) == b"still"


def test_refused_is_told_once_and_the_socket_can_try_again() -> None:
    pair = Pair()
    client = pair.dial()
    pair.run()
    assert client.poll() & (Poll.ERR | Poll.HUP | Poll.OUT) == Poll.ERR | Poll.HUP | Poll.OUT
    with raises(errno.ECONNREFUSED):
        client.connect(SERVER, 80, pair.now)
    pair.listen()
    with raises(errno.EINPROGRESS):
        client.connect(SERVER, 80, pair.now)
    pair.run()
    client.connect(SERVER, 80, pair.now)
    assert client.poll() == Poll.OUT


def test_the_option_error_clears_what_it_tells() -> None:
    pair = Pair()
    client = pair.dial()
    pair.run()
    assert client.getsockopt(Option.ERROR) == errno.ECONNREFUSED
    assert client.getsockopt(Option.ERROR) == 0
    with raises(errno.ECONNABORTED):
        client.connect(SERVER, 80, pair.now)


def test_reset_is_told_once_then_end_of_file() -> None:
    pair = Pair()
    client, server = pair.connected()
    server.setsockopt(Option.LINGER, 0, pair.now)
    server.close(pair.now)
    pair.run()
    assert client.poll() & Poll.ERR
    with raises(errno.ECONNRESET):
        client.recv(10, pair.now)
    assert client.recv(10, pair.now) == b""
    with raises(errno.EPIPE):
        client.send(b"x", pair.now)
    with raises(errno.ENOTCONN):
        client.getpeername()


def test_close_with_unread_data_resets() -> None:
    pair = Pair()
    client, server = pair.connected()
    client.send(b"nobody reads this", pair.now)
    pair.run()
    server.close(pair.now)
    pair.run()
    with raises(errno.ECONNRESET):
        client.send(b"x", pair.now)


def test_close_sends_what_was_written() -> None:
    pair = Pair()
    client, server = pair.connected()
    client.send(b"last words", pair.now)
    client.close(pair.now)
    pair.run()
    assert server.recv(100, pair.now) == b"last words"
    assert server.recv(100, pair.now) == b""


def test_a_full_send_buffer() -> None:
    pair = Pair()
    client, server = pair.connected()
    client.setsockopt(Option.SNDBUF, 4096, pair.now)
    assert client.send(bytes(5000), pair.now) == 4096
    with raises(errno.EAGAIN):
        client.send(b"x", pair.now)
    assert not client.poll() & Poll.OUT
    pair.run(SECOND)
    assert client.poll() & Poll.OUT
    assert len(server.recv(1 << 20, pair.now)) == 4096


@pytest.mark.req("RFC9293-MUST-33")
def test_urgent_data_out_of_band() -> None:
    pair = Pair()
    client, server = pair.connected()
    with raises(errno.EINVAL):
        server.recv(1, pair.now, oob=True)
    client.send(b"abc", pair.now)
    client.send(b"!", pair.now, oob=True)
    client.send(b"def", pair.now)
    pair.run()
    assert server.poll() & Poll.PRI
    assert server.recv(100, pair.now) == b"abc"
    assert server.at_mark()
    assert server.recv(1, pair.now, oob=True) == b"!"
    assert server.recv(100, pair.now) == b"def"


def test_urgent_data_inline() -> None:
    pair = Pair()
    client, server = pair.connected()
    server.setsockopt(Option.OOBINLINE, True, pair.now)
    client.send(b"abc!", pair.now, oob=True)
    pair.run()
    with raises(errno.EINVAL):
        server.recv(1, pair.now, oob=True)
    assert server.recv(100, pair.now) + server.recv(100, pair.now) == b"abc!"


def test_more_waits_for_the_rest() -> None:
    pair = Pair()
    client, server = pair.connected()
    client.send(b"head", pair.now)
    pair.run()
    client.send(b"one ", pair.now, more=True)
    assert client.connection is not None
    assert client.connection.corked
    client.send(b"packet", pair.now)
    assert not client.connection.corked
    # Nagle's algorithm waits for the delayed acknowledgement of the head.
    pair.run(SECOND)
    assert server.recv(100, pair.now) == b"headone packet"


def test_a_socket_that_was_never_connected() -> None:
    pair = Pair()
    socket = StreamSocket(pair.client, 4)
    assert socket.poll() == Poll.OUT | Poll.HUP
    assert socket.getsockname() == ("0.0.0.0", 0)
    for call, code in (
        (lambda: socket.recv(1, 0), errno.ENOTCONN),
        (lambda: socket.send(b"x", 0), errno.EPIPE),
        (lambda: socket.shutdown(Shutdown.WR, 0), errno.ENOTCONN),
        (socket.accept, errno.EINVAL),
        (socket.getpeername, errno.ENOTCONN),
        (lambda: socket.getsockopt(Option.INFO), errno.ENOPROTOOPT),
    ):
        with raises(code):
            call()


def test_after_close_everything_is_a_bad_descriptor() -> None:
    pair = Pair()
    client, _ = pair.connected()
    client.close(pair.now)
    client.close(pair.now)
    for call in (
        lambda: client.recv(1, 0),
        lambda: client.send(b"x", 0),
        lambda: client.bind("", 1),
        lambda: client.connect(SERVER, 1, 0),
        client.listen,
        client.accept,
        lambda: client.shutdown(Shutdown.RD, 0),
        client.poll,
        client.getsockname,
        client.getpeername,
        lambda: client.getsockopt(Option.ERROR),
        lambda: client.setsockopt(Option.CORK, 1, 0),
        client.at_mark,
    ):
        with raises(errno.EBADF):
            call()


def test_listening_twice_and_closing_the_listener() -> None:
    pair = Pair()
    listener = pair.listen()
    listener.listen(5)
    with raises(errno.EISCONN):
        listener.connect(CLIENT, 1, pair.now)
    with raises(errno.ENOTCONN):
        listener.recv(1, pair.now)
    client = pair.dial()
    pair.run()
    listener.close(pair.now)
    pair.run()
    with raises(errno.ECONNRESET):
        client.recv(1, pair.now)


def test_a_listener_shut_down_for_reading_listens_no_longer() -> None:
    pair = Pair()
    listener = pair.listen()
    listener.shutdown(Shutdown.WR, pair.now)
    assert listener.listening
    listener.shutdown(Shutdown.RD, pair.now)
    client = pair.dial()
    pair.run()
    assert client.getsockopt(Option.ERROR) == errno.ECONNREFUSED


def test_a_connected_socket_cannot_listen() -> None:
    pair = Pair()
    client, _ = pair.connected()
    with raises(errno.EINVAL):
        client.listen()


def test_an_ipv6_listener_hears_both_families_unless_told_otherwise() -> None:
    pair = Pair()
    both = StreamSocket(pair.server, 6)
    both.bind("", 80)
    both.listen()
    only = StreamSocket(pair.server, 6)
    only.setsockopt(Option.V6ONLY, True, pair.now)
    only.bind("", 81)
    only.listen()
    heard, unheard = pair.dial(80), pair.dial(81)
    sixth = StreamSocket(pair.client, 6)
    with raises(errno.EINPROGRESS):
        sixth.connect("fd00::2", 81, pair.now)
    pair.run()
    assert heard.poll() == sixth.poll() == Poll.OUT
    assert both.accept().family == 4
    assert unheard.getsockopt(Option.ERROR) == errno.ECONNREFUSED
    assert only.accept().getpeername()[0] == "fd00::1"


@pytest.mark.req("RFC9293-MUST-17", "RFC9293-MUST-27", "RFC9293-MUST-48")
@pytest.mark.parametrize(
    ("option", "value", "field", "applied"),
    [
        (Option.NODELAY, True, "nodelay", True),
        (Option.KEEPALIVE, True, "keepalive", True),
        (Option.KEEPIDLE, 5 * SECOND, "keepalive_idle", 5 * SECOND),
        (Option.KEEPINTVL, SECOND, "keepalive_interval", SECOND),
        (Option.KEEPCNT, 3, "keepalive_limit", 3),
        (Option.USER_TIMEOUT, SECOND, "user_timeout", SECOND),
        (Option.SNDBUF, 10_000, "send_limit", 10_000),
        (Option.RCVBUF, 10_000, "receive_limit", 10_000),
        (Option.CORK, True, "corked", True),
        (Option.OOBINLINE, True, "urgent_inline", True),
        (Option.TOS, 46 << 2, "dscp", 46),
        (Option.TTL, 7, "ttl", 7),
        (Option.SYNCNT, 2, "syn_retries", 2),
        (Option.LINGER2, SECOND, "fin_wait_2_timeout", SECOND),
        (Option.NOTSENT_LOWAT, 5000, "notsent_limit", 5000),
        (Option.CONGESTION, "bbr", "NAME", "bbr"),
    ],
)
def test_an_option_before_connecting_after_it_and_inherited(
    option: Option, value: object, field: str, applied: object
) -> None:
    pair = Pair()
    listener, early = pair.listen(), StreamSocket(pair.client, 4)
    for socket in (listener, early):
        assert socket.getsockopt(option) != value
        socket.setsockopt(option, value, pair.now)
        assert socket.getsockopt(option) == value
    with raises(errno.EINPROGRESS):
        early.connect(SERVER, 80, pair.now)
    late = pair.dial()
    late.setsockopt(option, value, pair.now)
    pair.run()
    for socket in (early, late, listener.accept()):
        assert applied_value(socket.connection, field) == applied
        assert socket.getsockopt(option) == value


def applied_value(c: Connection, field: str) -> object:
    """Of the connection, of its configuration, or of its congestion control."""
    if field == "NAME":
        return next(name for name, control in CONTROLS.items() if control is type(c.congestion))
    return getattr(c, field) if hasattr(c, field) else getattr(c.config, field)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        (Option.MAXSEG, 87),
        (Option.MAXSEG, 40_000),
        (Option.TTL, 0),
        (Option.SYNCNT, 0),
        (Option.NOTSENT_LOWAT, -1),
        (Option.RCVLOWAT, -1),
        (Option.QUICKACK, "yes"),
        (Option.KEEPIDLE, 0),
        (Option.KEEPCNT, 128),
        (Option.KEEPINTVL, -1),
        (Option.SNDBUF, -1),
        (Option.NODELAY, "yes"),
        (Option.USER_TIMEOUT, -5),
        (Option.LINGER, -1),
        (Option.TOS, 256),
    ],
)
def test_a_value_that_makes_no_sense(option: Option, value: object) -> None:
    socket = StreamSocket(Pair().client, 4)
    with raises(errno.EINVAL):
        socket.setsockopt(option, value, 0)


@pytest.mark.parametrize("option", [Option.ERROR, Option.INFO, Option.V6ONLY])
def test_options_that_cannot_be_set(option: Option) -> None:
    socket = StreamSocket(Pair().client, 4)
    with raises(errno.ENOPROTOOPT):
        socket.setsockopt(option, 1, 0)


def test_a_user_timeout_of_none_waits_for_ever() -> None:
    socket = StreamSocket(Pair().client, 4)
    socket.setsockopt(Option.USER_TIMEOUT, 0, 0)
    assert socket.getsockopt(Option.USER_TIMEOUT) is None


def test_info_tells_the_round_trip_and_the_segment_size() -> None:
    pair = Pair()
    client, _ = pair.connected()
    info = client.getsockopt(Option.INFO)
    assert isinstance(info, TcpInfo)
    assert info.state is State.ESTABLISHED
    assert (info.snd_mss, info.pmtu) == (1448, 1500) == (client.getsockopt(Option.MAXSEG), 1500)
    assert info.timestamps
    assert info.sack
    assert info.window_scale is not None
    client.send(b"x" * 100, pair.now)
    pair.pumps[0].turn(pair.now)
    assert client.getsockopt(Option.INFO).unacked == 100


def test_the_user_timeout_reaches_the_application() -> None:
    pair = Pair(MODERN.but(user_timeout=3 * SECOND))
    client, _ = pair.connected()
    del pair.pumps[1]
    client.send(b"is anybody there?", pair.now)
    pair.now += 3 * SECOND
    for _ in range(8):
        pair.now = max(pair.now, pair.pumps[0].turn(pair.now) or pair.now)
    with raises(errno.ETIMEDOUT):
        client.recv(1, pair.now)


def test_notify_tells_of_everything_that_happens() -> None:
    pair = Pair()
    calls: list[str] = []
    listener, client = pair.listen(), pair.dial()
    for pump in pair.pumps:
        pump.on_event = lambda watched: watched.owner and watched.owner.notify and watched.owner.notify()
    listener.notify = lambda: calls.append("listener")
    client.notify = lambda: calls.append("client")
    pair.run()
    assert set(calls) == {"listener", "client"}
    server = listener.accept()
    server.notify = lambda: calls.append("server")
    calls.clear()
    client.send(b"x", pair.now)
    pair.run()
    assert calls == ["server"]
    client.close(pair.now)
    pair.run()
    assert calls == ["server", "server"]


def test_a_limit_of_the_segment_size_holds_in_both_directions() -> None:
    pair = Pair()
    listener, client = pair.listen(), StreamSocket(pair.client, 4)
    client.setsockopt(Option.MAXSEG, 600, pair.now)
    assert client.getsockopt(Option.MAXSEG) == 600
    with raises(errno.EINPROGRESS):
        client.connect(SERVER, 80, pair.now)
    pair.run()
    assert listener.accept().getsockopt(Option.MAXSEG) == client.getsockopt(Option.MAXSEG) == 588


def test_an_unknown_congestion_control_is_not_there() -> None:
    with raises(errno.ENOENT):
        StreamSocket(Pair().client, 4).setsockopt(Option.CONGESTION, "tachyon", 0)


def test_what_is_not_sent_limits_what_is_taken() -> None:
    pair = Pair()
    client, _ = pair.connected()
    client.setsockopt(Option.NOTSENT_LOWAT, 5000, pair.now)
    assert client.send(bytes(30_000), pair.now) == 30_000
    with raises(errno.EAGAIN):
        client.send(b"more", pair.now)
    assert not client.poll() & Poll.OUT
    pair.run()
    assert client.poll() & Poll.OUT
    assert client.send(b"more", pair.now) == 4


def test_readable_is_what_reaches_the_low_water_mark() -> None:
    pair = Pair()
    client, server = pair.connected()
    server.setsockopt(Option.RCVLOWAT, 10, pair.now)
    client.send(bytes(9), pair.now)
    pair.run()
    assert not server.poll() & Poll.IN
    client.send(bytes(1), pair.now)
    pair.run(SECOND)
    assert server.poll() & Poll.IN
    assert server.readable == 10


def test_a_quick_acknowledgement_goes_out_now() -> None:
    pair = Pair()
    client, server = pair.connected()
    client.send(b"hello", pair.now)
    pair.run()
    assert client.unacknowledged == 5
    server.setsockopt(Option.QUICKACK, True, pair.now)
    pair.run()
    assert client.unacknowledged == 0


def test_in_linux_what_comes_after_shutting_down_reading_can_be_read() -> None:
    pair = Pair(LINUX)
    client, server = pair.connected()
    server.shutdown(Shutdown.RD, pair.now)
    assert server.recv(100, pair.now) == b""
    client.send(b"still here", pair.now)
    pair.run()
    assert server.recv(100, pair.now) == b"still here"
    assert server.recv(100, pair.now) == b""
