"""Connecting to nobody, as with AF_UNSPEC: the connection is reset and the socket is as good as new."""

from __future__ import annotations

import errno

import pytest

from tests.sockets.pair import SERVER, Pair, raises


def test_the_peer_is_reset_and_the_socket_connects_again() -> None:
    pair = Pair()
    listener = pair.listen()
    client = pair.dial()
    pair.run()
    server = listener.accept()
    client.disconnect(pair.now)
    pair.run()
    with pytest.raises(ConnectionResetError):
        server.recv(10, pair.now)
    with raises(errno.EPIPE):
        client.send(b"x", pair.now)
    with raises(errno.EINPROGRESS):
        client.connect(SERVER, 80, pair.now)
    pair.run()
    assert listener.accept().getpeername() == client.getsockname()


def test_an_opening_that_is_given_up_is_told_once() -> None:
    pair = Pair()
    client = pair.dial()
    client.disconnect(pair.now)
    with pytest.raises(ConnectionResetError):
        client.send(b"x", pair.now)
    with raises(errno.EPIPE):
        client.send(b"x", pair.now)


def test_a_socket_without_a_connection_is_left_alone() -> None:
    pair = Pair()
    client = pair.dial()
    client.disconnect(pair.now)
    client.disconnect(pair.now)
