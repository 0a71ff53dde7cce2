"""Datagram sockets call by call."""

from __future__ import annotations

import errno

from estab.sockets import DatagramSocket, Option, Poll
from tests.sockets.pair import CLIENT, SERVER, Pair, raises


def bound(pair: Pair, port: int = 53) -> DatagramSocket:
    socket = DatagramSocket(pair.server, 4)
    socket.bind("", port)
    return socket


def test_question_and_answer() -> None:
    pair = Pair()
    server, client = bound(pair), DatagramSocket(pair.client, 4)
    assert server.poll() == Poll.OUT
    with raises(errno.EAGAIN):
        server.recvfrom()
    assert client.sendto(b"question", (SERVER, 53), pair.now) == 8
    pair.run()
    assert server.poll() == Poll.IN | Poll.OUT
    data, sender = server.recvfrom()
    assert (data, sender) == (b"question", (CLIENT, client.getsockname()[1]))
    server.sendto(bytearray(b"answer"), sender, pair.now)
    pair.run()
    assert client.recv() == b"answer"


def test_a_connected_socket_hears_only_its_peer() -> None:
    pair = Pair()
    server, stranger, client = bound(pair), bound(pair, 54), DatagramSocket(pair.client, 4)
    with raises(errno.ENOTCONN):
        client.getpeername()
    client.connect(SERVER, 53, pair.now)
    assert client.getpeername() == (SERVER, 53)
    client.send(b"hello", pair.now)
    pair.run()
    _, sender = server.recvfrom()
    stranger.sendto(b"forged", sender, pair.now)
    server.sendto(b"true", sender, pair.now)
    pair.run()
    assert client.recv() == b"true"
    with raises(errno.EAGAIN):
        client.recv()


def test_a_datagram_larger_than_the_mtu_arrives_whole() -> None:
    pair = Pair()
    server, client = bound(pair), DatagramSocket(pair.client, 4)
    client.sendto(bytes(range(256)) * 20, (SERVER, 53), pair.now)
    pair.run()
    assert server.recv() == bytes(range(256)) * 20


def test_wrong_calls() -> None:
    pair = Pair()
    client = DatagramSocket(pair.client, 4)
    with raises(errno.EDESTADDRREQ):
        client.send(b"where to?", pair.now)
    with raises(errno.EMSGSIZE):
        client.sendto(bytes(65_508), (SERVER, 53), pair.now)
    with raises(errno.EINVAL):
        client.sendto(b"x", (SERVER, 0), pair.now)
    with raises(errno.EINVAL):
        client.sendto(b"x", ("fd00::2", 53), pair.now)
    with raises(errno.EINVAL):
        client.connect(SERVER, 65536, pair.now)
    with raises(errno.EADDRNOTAVAIL):
        client.bind("10.0.0.0/8", 53)
    with raises(errno.ENOPROTOOPT):
        client.setsockopt(Option.NODELAY, True, pair.now)
    with raises(errno.ENOPROTOOPT):
        client.getsockopt(Option.NODELAY)
    client.close(pair.now)
    client.close(pair.now)
    with raises(errno.EBADF):
        client.recv()


def test_closing_frees_the_port() -> None:
    pair = Pair()
    bound(pair).close(pair.now)
    socket = bound(pair)
    socket.setsockopt(Option.REUSEADDR, True, pair.now)
    assert socket.getsockopt(Option.REUSEADDR) is True
    assert socket.getsockopt(Option.ERROR) == 0
