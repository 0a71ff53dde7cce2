"""The path in real time, between two kernels and between the kernel and us, in namespaces."""

from __future__ import annotations

import random
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from estab.drivers.relay import Relay
from estab.faults.path import Line, Path
from estab.links.namespace import inside, new_namespace
from estab.links.seqpacket import seqpacket_pair
from estab.links.tun import TunLink
from estab.stack.pump import Pump
from estab.stack.stack import Stack
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


@isolated_with_tun
def test_from_us_to_a_kernel() -> None:
    far = new_namespace()
    wire, ours = seqpacket_pair()
    stack = Stack(addresses=["10.77.0.1/24"], rng=random.Random(1), mtu=ours.mtu)
    pump = Pump(stack, ours, lambda watched: None)
    with relayed(wire, kernel_end(far, "10.77.0.2/24"), LOSSY) as relay, listener(far) as server:
        connection = stack.open(("10.77.0.2", 5000), time.monotonic_ns())
        assert connection.send(DATA, time.monotonic_ns()) == len(DATA)
        server.setblocking(False)
        received, accepted, give_up = bytearray(), None, time.monotonic() + 30
        while not received.endswith(DATA[-100:]):
            pump.turn(time.monotonic_ns())
            select.select([ours.fileno(), server if accepted is None else accepted], [], [], 0.005)
            try:
                if accepted is None:
                    accepted, _ = server.accept()
                    accepted.setblocking(False)
                received += accepted.recv(1 << 16)
            except BlockingIOError:
                assert time.monotonic() < give_up
        accepted.close()
        assert received == DATA
        assert relay.report().fates["lost"] > 0
    ours.close()
