"""Ephemeral ports: RFC 6056."""

import errno
import itertools
import random

import pytest

from estab.stack.ports import Ports
from estab.stack.stack import Stack
from estab.tcp.config import MODERN

SECRET = b"0123456789abcdef"


def anything(port: int) -> bool:
    return True


def picks(destination: bytes, count: int, secret: bytes = SECRET) -> list[int]:
    ports = Ports(1024, 65_535, secret)
    return [ports.pick(destination, anything) for _ in range(count)]


@pytest.mark.req("RFC6056-01")
def test_the_whole_range_is_used() -> None:
    seen = {picks(i.to_bytes(4, "big"), 1)[0] for i in range(4000)}
    assert min(seen) < 1200
    assert max(seen) > 65_300
    assert all(1024 <= port <= 65_535 for port in seen)


@pytest.mark.req("RFC5927-03", "RFC6056-02")
def test_successive_ports_to_one_destination_go_up_by_small_unpredictable_steps() -> None:
    """RFC 6056 §3.3.5: reuse of a port comes as late as possible, and its number is no counter."""
    ports = picks(b"here", 200)
    assert len(set(ports)) == 200
    steps = {(b - a) % 64_512 for a, b in itertools.pairwise(ports)}
    assert min(steps) >= 1
    assert max(steps) <= 8
    assert len(steps) > 3


@pytest.mark.req("RFC6056-02")
def test_one_destination_tells_nothing_about_another() -> None:
    """RFC 6056 §3.3.4, CVE-2022-32296: counters are not shared, offsets differ."""
    ports = Ports(1024, 65_535, SECRET)
    alone = [ports.pick(b"here", anything) for _ in range(3)]
    for i in range(50):
        ports.pick(i.to_bytes(4, "big"), anything)
    after = ports.pick(b"here", anything)
    assert [*alone, after] == picks(b"here", 4)


@pytest.mark.req("RFC1337-08")
def test_another_secret_chooses_other_ports() -> None:
    assert picks(b"here", 20) != picks(b"here", 20, b"fedcba9876543210")


def test_a_taken_port_is_passed_over() -> None:
    first = picks(b"here", 1)[0]
    ports = Ports(1024, 65_535, SECRET)
    assert ports.pick(b"here", lambda port: port != first) != first


def test_the_last_free_port_is_found() -> None:
    ports = Ports(5000, 5099, SECRET)
    assert ports.pick(b"here", lambda port: port == 5042) == 5042


def test_exhaustion() -> None:
    ports = Ports(5000, 5009, SECRET)
    with pytest.raises(OSError) as raised:
        ports.pick(b"here", lambda port: False)
    assert raised.value.errno == errno.EADDRNOTAVAIL


def test_a_stack_runs_out_of_ports_to_one_destination_only() -> None:
    stack = Stack(MODERN.but(port_first=5000, port_last=5009), addresses=["10.0.0.1/24"], rng=random.Random(1))
    opened = {stack.open(("10.0.0.2", 80), 0).local_port for _ in range(10)}
    assert opened == set(range(5000, 5010))
    with pytest.raises(OSError) as raised:
        stack.open(("10.0.0.2", 80), 0)
    assert raised.value.errno == errno.EADDRNOTAVAIL
    assert stack.open(("10.0.0.2", 81), 0).local_port in range(5000, 5010)


@pytest.mark.req("RFC6056-01")
def test_a_port_that_is_listened_on_is_not_ephemeral() -> None:
    stack = Stack(MODERN.but(port_first=5000, port_last=5001), addresses=["10.0.0.1/24"], rng=random.Random(1))
    stack.listen(5000)
    assert stack.open(("10.0.0.2", 80), 0).local_port == 5001
    with pytest.raises(OSError):
        stack.open(("10.0.0.2", 80), 0)
