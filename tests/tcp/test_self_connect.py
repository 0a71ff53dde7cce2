"""A socket that connects to itself (RFC 9293 §3.5, appendix A.2), and a host that talks to itself."""

from __future__ import annotations

import random

import pytest

from estab.stack.stack import Stack
from estab.tcp.config import SECOND
from estab.tcp.states import State


@pytest.fixture(params=["10.0.0.1", "fd00::1"])
def host(request):
    prefix = 64 if ":" in request.param else 24
    stack = Stack(addresses=[f"{request.param}/{prefix}"], rng=random.Random(1))
    return stack, request.param


def settle(stack: Stack, now: int = 0) -> int:
    """Everything that can be said without waiting; how many segments that took."""
    before = stack.counters.get("OutSegs", 0)
    assert stack.transmit(now) == [], "nothing of it reaches the link"
    return stack.counters.get("OutSegs", 0) - before


def pass_time(stack: Stack, end: int) -> None:
    for _ in range(1000):
        at = stack.next_deadline()
        if at is None or at > end:
            return
        stack.advance(at)
        settle(stack, at)
    raise AssertionError("it never rests")


def test_a_socket_that_meets_itself(host):
    stack, address = host
    c = stack.open((address, 4000), 0, local=(address, 4000))
    assert settle(stack) <= 6
    assert c.state is State.ESTABLISHED
    c.send(b"hello, me", 0)
    assert settle(stack) <= 4
    assert c.receive(100, 0) == b"hello, me"
    c.close(0)
    assert settle(stack) <= 6
    assert c.error is None
    assert len(stack.time_wait) == 1
    pass_time(stack, stack.config.time_wait)
    assert not stack.connections
    assert len(stack.time_wait) == 0


def test_it_rests_in_between(host):
    stack, address = host
    c = stack.open((address, 4000), 0, local=(address, 4000))
    settle(stack)
    before = stack.counters["OutSegs"]
    pass_time(stack, 60 * SECOND)
    assert stack.counters["OutSegs"] - before <= 2
    assert c.state is State.ESTABLISHED


def test_it_aborts(host):
    stack, address = host
    c = stack.open((address, 4000), 0, local=(address, 4000))
    settle(stack)
    c.abort(0)
    assert settle(stack) <= 3
    assert not stack.connections


def test_two_sockets_of_one_host(host):
    stack, address = host
    listener = stack.listen(80)
    c = stack.open((address, 80), 0)
    settle(stack)
    d = stack.accept(listener)
    assert d is not None
    c.send(b"x" * 100_000, 0)
    received = b""
    for round_ in range(100):
        settle(stack, round_)
        received += d.receive(1 << 20, round_)
    assert received == b"x" * 100_000
    c.close(100)
    settle(stack, 100)
    d.close(100)
    settle(stack, 100)
    assert not stack.connections
    assert len(stack.time_wait) == 1


def test_nobody_there(host):
    stack, address = host
    c = stack.open((address, 80), 0)
    assert settle(stack) == 2
    assert isinstance(c.error, ConnectionRefusedError)
