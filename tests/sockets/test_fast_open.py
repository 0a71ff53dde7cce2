"""Fast open through sockets: TCP_FASTOPEN, TCP_FASTOPEN_CONNECT, MSG_FASTOPEN."""

from __future__ import annotations

import errno

import pytest

from estab.sockets import Option, Poll, StreamSocket
from tests.sockets.pair import SERVER, Pair, raises


@pytest.fixture
def pair() -> Pair:
    """A server that allows it, and a client that has a cookie."""
    pair = Pair()
    listener = StreamSocket(pair.server, 4)
    listener.setsockopt(Option.FASTOPEN, 4, pair.now)
    listener.bind("", 80)
    listener.listen()
    pair.listener = listener  # type: ignore[attr-defined]
    return pair


def accepted(pair: Pair) -> StreamSocket:
    socket: StreamSocket = pair.listener.accept()  # type: ignore[attr-defined]
    return socket


def acquaint(pair: Pair) -> None:
    socket = StreamSocket(pair.client, 4)
    with raises(errno.EINPROGRESS):
        socket.sendto(b"nothing is taken", SERVER, 80, pair.now)
    pair.run()
    assert not accepted(pair).connection.readable
    socket.close(pair.now)
    pair.run()


def test_connect_and_send_at_once(pair: Pair) -> None:
    acquaint(pair)
    socket = StreamSocket(pair.client, 4)
    assert socket.sendto(b"request", SERVER, 80, pair.now) == 7
    assert pair.client.stack.transmit(pair.now)[0].body
    with raises(errno.EISCONN):
        socket.sendto(b"again", SERVER, 80, pair.now)


def test_the_server_answers_before_the_handshake_is_over(pair: Pair) -> None:
    acquaint(pair)
    socket = StreamSocket(pair.client, 4)
    socket.sendto(b"request", SERVER, 80, pair.now)
    pair.server.stack.receive(pair.client.stack.transmit(pair.now), pair.now)
    server = accepted(pair)
    assert server.connection.state.value == "SYN-RECEIVED"
    assert Poll.IN | Poll.OUT in server.poll()
    assert server.recv(100, pair.now) == b"request"
    server.send(b"answer", pair.now)
    pair.run()
    assert socket.recv(100, pair.now) == b"answer"
    assert server.connection.state.value == "ESTABLISHED"


def test_connect_puts_off_what_the_first_send_does(pair: Pair) -> None:
    for first in (True, False):
        socket = StreamSocket(pair.client, 4)
        socket.setsockopt(Option.FASTOPEN_CONNECT, True, pair.now)
        assert socket.getsockopt(Option.FASTOPEN_CONNECT)
        if first:
            with raises(errno.EINPROGRESS):
                socket.connect(SERVER, 80, pair.now)
        else:
            socket.connect(SERVER, 80, pair.now)
            assert socket.connection is None
            assert socket.poll() == Poll.OUT
            with raises(errno.EISCONN):
                socket.connect(SERVER, 80, pair.now)
            assert socket.send(b"request", pair.now) == 7
        pair.run()
        server = accepted(pair)
        if first:
            socket.connect(SERVER, 80, pair.now)
            socket.send(b"request", pair.now)
            pair.run()
        assert server.recv(100, pair.now) == b"request"
        socket.close(pair.now)
        pair.run()
    assert pair.client.stack.counters["TCPFastOpenActive"] == 1


def test_no_more_is_taken_than_the_send_buffer_holds(pair: Pair) -> None:
    acquaint(pair)
    socket = StreamSocket(pair.client, 4)
    socket.setsockopt(Option.SNDBUF, 5000, pair.now)
    assert socket.sendto(bytes(9000), SERVER, 80, pair.now) == 5000


def test_a_listener_tells_how_many_it_allows(pair: Pair) -> None:
    assert pair.listener.getsockopt(Option.FASTOPEN) == 4  # type: ignore[attr-defined]
    assert StreamSocket(pair.client, 4).getsockopt(Option.FASTOPEN) == 0
    with raises(errno.EINVAL):
        StreamSocket(pair.client, 4).setsockopt(Option.FASTOPEN, -1, pair.now)
