"""The identification of fragments is state, not a statistic: a restored stack uses none twice (RFC 6864 §4.3)."""

import random

from estab.stack import snapshot
from estab.stack.stack import Stack
from estab.wire import ip


def make() -> Stack:
    return Stack(addresses=["10.0.0.1/24"], rng=random.Random(1))


def identifications(stack: Stack) -> set[int]:
    """Of the fragments of one datagram that is too large for the link."""
    stack.udp().send_to(bytes(4000), ("10.0.0.2", 9), 0)
    used = set()
    for packet in stack.transmit(0):
        ip.parse(packet)
        assert packet.fragment is not None
        used.add(packet.fragment.identification)
    return used


def test_each_datagram_has_its_own() -> None:
    stack = make()
    first, second = identifications(stack), identifications(stack)
    assert len(first) == len(second) == 1
    assert first != second


def test_a_restored_stack_goes_on_where_the_other_stood() -> None:
    stack, fresh = make(), make()
    identifications(stack)
    snapshot.restore(fresh, snapshot.take(stack, 0), 0, snapshot.origins(stack))
    fresh.counters.clear()
    assert identifications(fresh) == identifications(stack)
