"""The path in real time, between two kernels and between the kernel and us, in namespaces."""

from __future__ import annotations

import random
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from estab.drivers.relay import Relay
from estab.faults.path import Line, Path
from estab.links.namespace import inside, new_namespace
from estab.links.seqpacket import seqpacket_pair
from estab.links.tun import TunLink
from estab.stack.pump import Pump
from estab.stack.stack import Stack
from estab.tcp.connection import Connection
from estab.wire.link import Link
from tests.netns import isolated_with_tun

pytestmark = pytest.mark.lossless("its path has losses of its own")

MS = 1_000_000
DATA = random.Random(1).randbytes(300_000)
LOSSY = Path(Line(rate=50_000_000, delay=2 * MS, loss=0.02))


@contextmanager
def relayed(near: Link, far: Link, path: Path) -> Iterator[Relay]:
    """The relay at work in another thread."""
    relay, over = Relay(near, far, path, seed=1), threading.Event()
    thread = threading.Thread(target=relay.run, args=(over.is_set,))
    thread.start()
    try:
        yield relay
    finally:
        over.set()
        thread.join()
        relay.close()


def kernel_end(namespace: int, address: str) -> TunLink:
    with inside(namespace):
        return TunLink.create("path0", [address], offload=False)


def listener(namespace: int) -> socket.socket:
    """A socket stays in the namespace that it was made in."""
    with inside(namespace):
        server = socket.create_server(("10.77.0.2", 5000))
    server.settimeout(30)
    return server


@isolated_with_tun
def test_between_two_kernels() -> None:
    near, far = new_namespace(), new_namespace()
    links = kernel_end(near, "10.77.0.1/24"), kernel_end(far, "10.77.0.2/24")
    with relayed(*links, LOSSY) as relay, listener(far) as server:
        with inside(near):
            client = socket.create_connection(("10.77.0.2", 5000), 30)
        accepted, _ = server.accept()
        sender = threading.Thread(target=lambda: (client.sendall(DATA), client.shutdown(socket.SHUT_WR)))
        sender.start()
        with client, accepted:
            assert b"".join(iter(lambda: accepted.recv(1 << 16), b"")) == DATA
            sender.join()
        report = relay.report()
    assert report.fates["lost"] > 0
    assert report.size > len(DATA)


class Us:
    """A stack of ours at one end of the path; ``wire`` is what the relay gets."""

    def __init__(self, address: str) -> None:
        self.wire, self.cable = seqpacket_pair()
        self.stack = Stack(addresses=[address], rng=random.Random(1), mtu=self.cable.mtu)
        self._pump = Pump(self.stack, self.cable, lambda watched: None)

    def turn(self) -> None:
        self._pump.turn(time.monotonic_ns())

    def send(self) -> None:
        """Open a connection for ``DATA``, which goes out turn by turn."""
        connection = self.stack.open(("10.77.0.2", 5000), time.monotonic_ns())
        assert connection.send(DATA, time.monotonic_ns()) == len(DATA)


class Taker:
    """What comes over the first connection that is accepted, turn by turn."""

    def __init__(self, us: Us) -> None:
        self.received = bytearray()
        self._listener = us.stack.listen(5000)
        self._stack = us.stack
        self._accepted: Connection | None = None

    def done(self) -> bool:
        """Look whether more has come; is it all?"""
        if self._accepted is None:
            self._accepted = self._stack.accept(self._listener)
        else:
            self.received += self._accepted.receive(1 << 16, time.monotonic_ns())
        return len(self.received) >= len(DATA)


def wait(done: Callable[[], bool], *ours: Us) -> None:
    """Let our stacks work until it is done; half a minute is too long."""
    give_up = time.monotonic() + 30
    while not done():
        assert time.monotonic() < give_up
        for us in ours:
            us.turn()
        select.select([us.cable for us in ours], [], [], 0.002)


@isolated_with_tun
def test_from_us_to_a_kernel() -> None:
    far, us = new_namespace(), Us("10.77.0.1/24")
    received = bytearray()
    with relayed(us.wire, kernel_end(far, "10.77.0.2/24"), LOSSY) as relay, listener(far) as server:

        def take() -> None:
            accepted, _ = server.accept()
            with accepted:
                while len(received) < len(DATA):
                    received.extend(accepted.recv(1 << 16))

        us.send()
        taker = threading.Thread(target=take)
        taker.start()
        wait(lambda: not taker.is_alive(), us)
        assert received == DATA
        assert relay.report().fates["lost"] > 0
    us.cable.close()


@isolated_with_tun
def test_from_a_kernel_to_us() -> None:
    near, us = new_namespace(), Us("10.77.0.2/24")
    taker = Taker(us)
    with relayed(kernel_end(near, "10.77.0.1/24"), us.wire, LOSSY) as relay:
        with inside(near):
            client = socket.socket()

        def send() -> None:
            client.settimeout(30)
            client.connect(("10.77.0.2", 5000))
            client.sendall(DATA)

        sender = threading.Thread(target=send)
        sender.start()
        with client:
            wait(taker.done, us)
            sender.join()
        assert taker.received == DATA
        assert relay.report().fates["lost"] > 0
    us.cable.close()


@isolated_with_tun
def test_between_two_of_us() -> None:
    near, far = Us("10.77.0.1/24"), Us("10.77.0.2/24")
    taker = Taker(far)
    with relayed(near.wire, far.wire, LOSSY) as relay:
        near.send()
        wait(taker.done, near, far)
        assert taker.received == DATA
        assert relay.report().fates["lost"] > 0
    near.cable.close()
    far.cable.close()
