"""Local addresses and ports: who may have which."""

from __future__ import annotations

import errno

import pytest

from estab.sockets import DatagramSocket, Option, Socket, StreamSocket
from estab.stack.addresses import Addresses
from tests.sockets.pair import CLIENT, SERVER, Pair, raises

KINDS = (StreamSocket, DatagramSocket)


@pytest.mark.parametrize("kind", KINDS)
def test_a_port_of_one_s_own(kind: type[Socket]) -> None:
    pair = Pair()
    socket = kind(pair.client, 4)
    socket.bind(CLIENT, 4000)
    assert socket.getsockname() == (CLIENT, 4000)
    with raises(errno.EINVAL):
        socket.bind(CLIENT, 4001)


@pytest.mark.parametrize("kind", KINDS)
def test_port_zero_is_a_free_one(kind: type[Socket]) -> None:
    pair = Pair()
    sockets = [kind(pair.client, 4) for _ in range(20)]
    for socket in sockets:
        socket.bind("", 0)
    ports = {socket.getsockname()[1] for socket in sockets}
    assert len(ports) == 20
    assert min(ports) >= 1024


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("first", "second", "free"),
    [(CLIENT, CLIENT, False), ("", CLIENT, False), (CLIENT, "", False), ("", "", False)],
)
def test_the_same_port_twice(kind: type[Socket], first: str, second: str, free: bool) -> None:
    pair = Pair()
    one, two = kind(pair.client, 4), kind(pair.client, 4)
    one.bind(first, 4000)
    with raises(errno.EADDRINUSE):
        two.bind(second, 4000)
    one.close(pair.now)
    two.bind(second, 4000)


def test_reuse_lets_two_bind_but_only_one_listen() -> None:
    pair = Pair()
    sockets = [StreamSocket(pair.client, 4) for _ in range(3)]
    for socket in sockets:
        socket.setsockopt(Option.REUSEADDR, True, pair.now)
    sockets[0].bind("", 4000)
    sockets[1].bind("", 4000)
    sockets[0].listen()
    with raises(errno.EADDRINUSE):
        sockets[1].listen()
    with raises(errno.EADDRINUSE):
        sockets[2].bind("", 4000)


def test_streams_and_datagrams_have_ports_of_their_own() -> None:
    pair = Pair()
    for kind in KINDS:
        kind(pair.client, 4).bind("", 4000)


@pytest.mark.parametrize("kind", KINDS)
def test_addresses_that_cannot_be_bound(kind: type[Socket]) -> None:
    pair = Pair()
    for address, code in ((SERVER, errno.EADDRNOTAVAIL), ("fd00::1", errno.EINVAL)):
        with raises(code):
            kind(pair.client, 4).bind(address, 4000)
    with raises(errno.EINVAL):
        kind(pair.client, 4).bind("", 65536)
    with pytest.raises(ValueError, match="no address"):
        kind(pair.client, 4).bind("no address", 4000)
    with raises(errno.EAFNOSUPPORT):
        kind(pair.client, 5)


def test_a_bound_socket_connects_from_there() -> None:
    pair = Pair()
    listener = pair.listen()
    client = StreamSocket(pair.client, 4)
    client.bind("", 4000)
    with raises(errno.EINPROGRESS):
        client.connect(SERVER, 80, pair.now)
    pair.run()
    assert listener.accept().getpeername() == (CLIENT, 4000)


def test_a_connection_in_time_wait_keeps_its_port_unless_reused() -> None:
    pair = Pair()
    listener = pair.listen()
    client = pair.dial()
    pair.run()
    server = listener.accept()
    listener.close(pair.now)
    server.close(pair.now)
    pair.run()
    client.close(pair.now)
    pair.run()
    assert len(pair.server.stack.time_wait) == 1
    again = StreamSocket(pair.server, 4)
    with raises(errno.EADDRINUSE):
        again.bind("", 80)
    again.setsockopt(Option.REUSEADDR, True, pair.now)
    again.bind("", 80)
    again.listen()


@pytest.mark.req("RFC9293-MUST-45")
def test_a_listener_on_a_prefix_speaks_from_the_address_that_was_asked() -> None:
    pair = Pair()
    pair.server.stack.addresses = Addresses(["10.0.0.0/24"])
    listener = StreamSocket(pair.server, 4)
    listener.bind("10.0.0.128/25", 80)
    listener.listen()
    inside, outside = StreamSocket(pair.client, 4), StreamSocket(pair.client, 4)
    for socket, address in ((inside, "10.0.0.200"), (outside, "10.0.0.100")):
        with raises(errno.EINPROGRESS):
            socket.connect(address, 80, pair.now)
    pair.run()
    assert listener.accept().getsockname() == ("10.0.0.200", 80)
    assert outside.getsockopt(Option.ERROR) == errno.ECONNREFUSED
    prefix = StreamSocket(pair.server, 4)
    prefix.bind("10.0.0.128/25", 81)
    with raises(errno.EADDRNOTAVAIL):
        prefix.connect(CLIENT, 80, pair.now)
