"""The queues of one device in one process: what comes to the wrong one reaches its owner."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from estab.links.device import TunError
from estab.links.queues import QueueLink, Queues
from estab.links.steering import Owner, by_four_tuple
from estab.links.tun import TunLink
from estab.stack.pump import Pump
from estab.stack.stack import Stack
from estab.tcp.config import MODERN, SECOND
from estab.tcp.connection import Connection
from estab.wire import ip, tcp, udp
from estab.wire.address import parse_address
from estab.wire.packet import PROTO_UDP, Packet
from tests.netns import isolated_with_tun

KERNEL, OURS = "10.0.0.1", "10.0.0.2"
ENDS = parse_address(OURS), parse_address(KERNEL)


def always_second(packet: Packet) -> int:
    ip.parse(packet)
    return 1


@contextmanager
def two(owner: Owner) -> Iterator[tuple[QueueLink, QueueLink]]:
    """Both queues of a device ``t0``, when the kernel has noticed that somebody attached."""
    devices = TunLink.create("t0", [f"{KERNEL}/24"], multi_queue=True), TunLink.attach("t0")
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in devices]
    # As after a fork, each has a descriptor of its own.
    ways = [outbox.dup() for _, outbox in pairs], [outbox for _, outbox in pairs]
    left, right = (QueueLink(index, devices[index], pairs[index][0], ways[index], owner) for index in range(2))
    with closing(left), closing(right), kernel_udp() as peer:
        for _ in range(5_000):
            peer.sendto(b"hello", (OURS, 9))
            if left.receive(0, 64) + right.receive(0, 64):
                break
            time.sleep(0.001)
        while left.receive(0, 64) + right.receive(0, 64):
            pass
        left.handed_over = right.handed_over = 0
        yield left, right


@contextmanager
def kernel_udp() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind((KERNEL, 0))
        made.settimeout(5)
        yield made


def teach(queue: QueueLink, peer: socket.socket) -> None:
    """Let the kernel believe that the flow of this socket is at home at ``queue``."""
    assert queue.send([udp.build(*ENDS, 7, peer.getsockname()[1], b"here")], 0) == 1
    assert peer.recv(100) == b"here"


def collect(links: tuple[QueueLink, QueueLink], wanted: Callable[[list[list[Packet]]], bool]) -> list[list[Packet]]:
    """What each link gives, the kernel's own chatter left out, until it is enough."""
    found: list[list[Packet]] = [[], []]
    for _ in range(100_000):
        for link, packets in zip(links, found, strict=True):
            packets += [each for each in link.receive(0, 64) if each.protocol == PROTO_UDP]
        if wanted(found):
            return found
    raise AssertionError(f"it did not come: {found}")


@isolated_with_tun
def test_what_comes_to_the_wrong_queue_reaches_its_owner_as_it_was() -> None:
    with two(always_second) as links, kernel_udp() as peer:
        teach(links[0], peer)
        sizes = [10, 3_000, 1_000]
        for size in sizes:
            peer.setsockopt(socket.IPPROTO_UDP, 103, 1_000 if size > 1_400 else 0)
            peer.sendto(bytes([size & 255]) * size, (OURS, 7))
        found = collect(links, lambda found: len(found[1]) == 3)
        assert links[0].handed_over == 3
        assert links[1].handed_over == links[0].lost == 0
    assert found[0] == []
    assert [bytes(udp.parse(each).payload) for each in found[1]] == [bytes([size & 255]) * size for size in sizes]
    assert [(each.segment_size, each.segments) for each in found[1]] == [(0, 1), (1_000, 3), (0, 1)]


@isolated_with_tun
def test_fragments_are_put_together_before_their_owner_is_asked() -> None:
    def owner(packet: Packet) -> int:
        ip.parse(packet)
        return int(packet.fragment is None)

    with two(owner) as links, kernel_udp() as peer:
        teach(links[1], peer)
        peer.sendto(bytes(5_000), (OURS, 7))
        found = collect(links, lambda found: bool(found[1]))
    assert found[0] == []
    assert [len(udp.parse(each).payload) for each in found[1]] == [5_000]


@isolated_with_tun
def test_an_owner_that_does_not_read_costs_packets_and_nothing_else() -> None:
    with two(always_second) as links, kernel_udp() as peer:
        teach(links[0], peer)
        for _ in range(200):
            for _ in range(20):
                peer.sendto(bytes(1_400), (OURS, 7))
            links[0].receive(0, 64)
            if links[0].lost:
                break
        assert links[0].lost > 0
        links[1].close()
        before = links[0].lost
        peer.sendto(bytes(1_400), (OURS, 7))
        for _ in range(100_000):
            links[0].receive(0, 64)
            if links[0].lost > before:
                break
        assert links[0].lost > before


@isolated_with_tun
def test_a_device_with_one_queue_is_refused() -> None:
    link = TunLink.create("t0", [f"{KERNEL}/24"])
    with pytest.raises(TunError):
        Queues.open(2, "t0", [])
    link.close()


@isolated_with_tun
def test_each_process_takes_its_own_and_closes_the_rest() -> None:
    queues = Queues.open(3, "t0", [f"{KERNEL}/24"])
    assert len(queues) == 3
    link = queues.take(1, lambda packet: None)
    assert link.fileno() >= 0
    with kernel_udp() as peer:
        teach(link, peer)
    link.close()
    link.close()
    assert link.fileno() == -1
    assert "t0" not in {name for _, name in socket.if_nameindex()}


@isolated_with_tun
def test_segments_that_come_to_the_wrong_queue_reach_the_connection_and_its_time_wait() -> None:
    with two(by_four_tuple(bytes(32), 2)) as links:
        Story(links).tell()


class Worker:
    """A stack on a queue, its secrets those of the others."""

    def __init__(self, link: QueueLink) -> None:
        self.stack = Stack(MODERN, addresses=[f"{OURS}/24"], rng=random.Random(5), offload=link.offload)
        self.pump = Pump(self.stack, link, lambda watched: None)
        self.listener = self.stack.listen(80)


class Story:
    """A connection of the kernel's, misled to the wrong queue in its life and after it."""

    def __init__(self, links: tuple[QueueLink, QueueLink]) -> None:
        self.links = links
        self.workers = [Worker(link) for link in links]
        self.now = 0

    def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(20_000):
            self.now += 1_000_000
            for worker in self.workers:
                worker.pump.turn(self.now)
            if condition():
                return
        raise AssertionError("it did not happen")

    def tell(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.setblocking(False)
            client.connect_ex((OURS, 80))
            self.until(lambda: any(worker.listener.queue for worker in self.workers))
            at_home = next(index for index, worker in enumerate(self.workers) if worker.listener.queue)
            home, away = self.workers[at_home], self.links[1 - at_home]
            c = home.stack.accept(home.listener)
            assert c is not None
            self.data_goes_astray(client, c, away)
            c.close(self.now)
            self.until(lambda: saw_the_end(client))
        self.until(lambda: len(home.stack.time_wait) == 1)
        self.the_last_fin_goes_astray(c, home.stack, away)

    def data_goes_astray(self, client: socket.socket, c: Connection, away: QueueLink) -> None:
        """A repetition of an old acknowledgement, written to the wrong queue: the kernel sends the flow there."""
        stale = tcp.Segment(c.snd_nxt - 1, c.rcv_nxt, tcp.ACK, 1000)
        stale.source_port, stale.destination_port = c.local_port, c.remote_port
        before = away.handed_over
        away.send([tcp.build(stale, c.local_address, c.remote_address)], self.now)
        client.send(b"to the right one")
        self.until(lambda: c.readable == 16)
        assert away.handed_over > before
        assert c.receive(100, self.now) == b"to the right one"

    def the_last_fin_goes_astray(self, c: Connection, stack: Stack, away: QueueLink) -> None:
        """TIME-WAIT answers it, and begins anew."""
        entry = stack.time_wait.get(c.key)
        assert entry is not None
        again = tcp.Segment(entry.rcv_nxt - 1, entry.snd_nxt, tcp.FIN | tcp.ACK, 1000)
        again.source_port, again.destination_port = c.remote_port, c.local_port
        expires = entry.expires
        self.now += SECOND
        assert away._ours(tcp.build(again, c.remote_address, c.local_address), self.now) is None
        self.until(lambda: entry_expires(stack, c) > expires)


def entry_expires(stack: Stack, c: Connection) -> int:
    entry = stack.time_wait.get(c.key)
    assert entry is not None
    return entry.expires


def saw_the_end(client: socket.socket) -> bool:
    try:
        return client.recv(100) == b""
    except BlockingIOError:
        return False
