"""What the pump owes to the link that it turns for."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from estab.faults.link import FaultyLink
from estab.stack.pump import Pump
from estab.stack.stack import Stack
from estab.wire.link import NO_OFFLOAD
from estab.wire.packet import Packet


class Lender:
    """A link that reads into one buffer, and has to have it back before it can read again."""

    mtu = 1500
    offload = NO_OFFLOAD

    def __init__(self, packets: int) -> None:
        self.on_ready: Callable[[], None] | None = None
        self.left = packets
        self._buffer = bytearray(b"not an IP packet")

    def receive(self, now: int, room: int) -> list[Packet]:
        self._buffer.append(0)
        if not self.left:
            return []
        self.left -= 1
        return [Packet(memoryview(self._buffer))]

    def send(self, packets: Sequence[Packet], now: int) -> int:
        return len(packets)

    def next_deadline(self) -> int | None:
        return None

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        """Nothing is held."""


def test_a_buffer_is_free_before_the_link_is_asked_again() -> None:
    stack = Stack(addresses=["10.0.0.1"], rng=random.Random(1))
    link = Lender(packets=3)
    pump = Pump(stack, link, lambda _: None)
    for _ in range(3):
        pump.turn(0)
    assert link.left == 0
    assert len(stack.counters) == 1


class Refusing(Lender):
    """Takes everything, and it is refused below."""

    send_errors = 0

    def send(self, packets: Sequence[Packet], now: int) -> int:
        self.send_errors += len(packets)
        return len(packets)


def test_what_is_refused_below_is_seen_among_the_counters() -> None:
    stack = Stack(addresses=["10.0.0.1/24"], rng=random.Random(1))
    pump = Pump(stack, FaultyLink(Refusing(packets=0), rng=random.Random(1)), lambda _: None)
    stack.open(("10.0.0.2", 80), 0)
    pump.turn(0)
    assert stack.counters["LinkOutErrors"] == 1


def test_a_link_that_does_not_count_adds_no_counter() -> None:
    stack = Stack(addresses=["10.0.0.1/24"], rng=random.Random(1))
    pump = Pump(stack, FaultyLink(Lender(packets=0), rng=random.Random(1)), lambda _: None)
    stack.open(("10.0.0.2", 80), 0)
    pump.turn(0)
    assert "LinkOutErrors" not in stack.counters
