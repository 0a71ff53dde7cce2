"""Who gets a SYN: addresses, prefixes, families; and what is not allowed beside what."""

import errno
import random

import pytest

from estab.stack.stack import Stack
from estab.tcp.config import MODERN
from estab.wire.address import parse_address


def stack() -> Stack:
    return Stack(MODERN, addresses=["10.0.0.1/24", "10.1.0.1/24", "fd00::1/64"], rng=random.Random(1))


def test_the_longest_prefix_wins() -> None:
    host = stack()
    anywhere = host.listen(80)
    network = host.listen(80, address="10.0.0.0/8")
    one = host.listen(80, address="10.0.0.1")
    assert host.find_listener((parse_address("10.0.0.1"), 80)) is one
    assert host.find_listener((parse_address("10.1.0.1"), 80)) is network
    assert host.find_listener((parse_address("fd00::1"), 80)) is anywhere
    assert host.find_listener((parse_address("10.0.0.1"), 81)) is None
    host.stop_listening(one, 0)
    assert host.find_listener((parse_address("10.0.0.1"), 80)) is network


def test_one_family() -> None:
    host = stack()
    six = host.listen(80, family=6)
    assert host.find_listener((parse_address("10.0.0.1"), 80)) is None
    assert host.find_listener((parse_address("fd00::1"), 80)) is six
    four = host.listen(80, family=4)
    assert host.find_listener((parse_address("10.0.0.1"), 80)) is four


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"family": 4},
        {"family": 6},
        {"address": "10.0.0.1"},
        {"address": "10.0.0.0/8"},
        {"address": "fd00::1"},
    ],
)
def test_the_same_place_twice(options) -> None:
    host = stack()
    host.listen(80, **options)
    with pytest.raises(OSError) as raised:
        host.listen(80, **options)
    assert raised.value.errno == errno.EADDRINUSE
    host.listen(81, **options)


def test_a_refused_listen_leaves_nothing_behind() -> None:
    host = stack()
    kept = host.listen(80)
    with pytest.raises(OSError):
        host.listen(80)
    assert host.listeners == {80: [kept]}
    host.stop_listening(kept, 0)
    assert host.listeners == {}


def test_not_our_address() -> None:
    with pytest.raises(OSError) as raised:
        stack().listen(80, address="10.0.0.9")
    assert raised.value.errno == errno.EADDRNOTAVAIL


@pytest.mark.parametrize("port", [-1, 65536])
def test_no_port(port) -> None:
    with pytest.raises(ValueError, match="port"):
        stack().listen(port)


def test_any_free_port() -> None:
    host = stack()
    ports = {host.listen(0).port for _ in range(50)}
    assert len(ports) == 50
    assert 0 not in ports
