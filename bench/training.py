"""What the compiled form is laid out by: ``python -m bench.training`` does a little of everything that it is for.

It measures nothing. The work is counted and its randomness seeded, so that every run takes the same branches as often.
What is left out here is compiled for size and gains nothing, hence a little of everything.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from contextlib import closing
from typing import Final
from unittest.mock import patch

import estab
from bench import idle, memory
from bench.pair import Pair
from bench.peers.inside import MILLISECOND, Bulk, Conversations
from estab.drivers.virtual import VirtualNetwork
from estab.explore.case import Case, run
from estab.explore.setting import Budget
from estab.links import tun
from estab.tcp.config import MODERN, RFC, Ecn
from estab.tcp.connection import Connection
from estab.wire.link import FULL_OFFLOAD, NO_OFFLOAD, Offload

V6: Final = ("fd00::1", "fd00::2")
SECOND: Final = 1000 * MILLISECOND


# ---------------------------------------------------------------------- two stacks, hand in hand


def datagrams(count: int) -> None:
    wire = memory.Wire()
    here, there = wire.client.udp(), wire.server.udp(9)
    for _ in range(count):
        here.send_to(b"?" * 500, ("10.0.0.2", 9), wire.now)
        wire.over(wire.client, wire.server)
        there.send_to(*there.receive_from(), wire.now)  # type: ignore[misc]
        wire.over(wire.server, wire.client)
        assert here.receive_from() is not None


def in_memory() -> None:
    memory.round_trip(20_000)
    memory.open_close(2_000)
    memory.bulk(1_000)
    datagrams(2_000)


def very_many() -> None:
    ends = idle.Ends()
    for _ in range(20):
        ends.open_some(idle.AT_ONCE)
    ends.turn(idle.QUIET)


# ---------------------------------------------------------------------- the device


class Device(Pair):
    """Two ``TunLink`` back to back: a pair of sockets keeps packets apart, as a device does, and wants no rights."""

    def __init__(self, offload: Offload) -> None:
        ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in ends:
            end.setblocking(False)
        with patch.object(tun, "set_offload", lambda *_: offload):
            left, right = (tun.TunLink(end.detach(), "lo", offload is not NO_OFFLOAD) for end in ends)
        for link in (left, right):
            link.mtu = 1500
            link._mtu_due = 1 << 62
        super().__init__(self.look, links=(left, right))
        self.received = 0

    def close(self) -> None:
        for pump in self.pumps:
            pump.link.close()

    def look(self, c: Connection) -> None:
        while data := c.receive_some(self.now):
            self.received += len(data)
            if c.passive and len(data) == 1:
                c.send(data, self.now)
        if c.eof and not c.released:
            c.close(self.now)


def round_trips_on_a_device(count: int) -> None:
    with closing(Device(FULL_OFFLOAD)) as pair:
        c = pair.open()
        c.set_nodelay(True, pair.now)
        pair.turn(4)
        for _ in range(count):
            c.send(b"?", pair.now)
            pair.turn(2)
        assert pair.received == 2 * count


def conversations_on_a_device(count: int) -> None:
    with closing(Device(FULL_OFFLOAD)) as pair:
        for _ in range(count):
            c = pair.open()
            c.send(b"?", pair.now)
            pair.turn(4)
            c.close(pair.now)
            pair.turn(4)
            pair.held.clear()
        assert pair.received == 2 * count


def bulk_on_a_device(offload: Offload, blocks: int) -> None:
    with closing(Device(offload)) as pair:
        c = pair.open()
        pair.turn(4)
        for _ in range(blocks):
            left = memory.BLOCK
            while left:
                left = left[c.send(left, pair.now) :]
                pair.turn(1)
        pair.turn(1000)
        assert pair.received == blocks * len(memory.BLOCK)


def on_a_device() -> None:
    round_trips_on_a_device(10_000)
    conversations_on_a_device(1_000)
    bulk_on_a_device(FULL_OFFLOAD, 500)
    bulk_on_a_device(NO_OFFLOAD, 50)


# ---------------------------------------------------------------------- the simulator


def bulk(line: Bulk, duration: int) -> None:
    line.open()
    line.network.run_until(duration)


def conversations(line: Conversations, total: int) -> None:
    line.open()
    while line.done < total:
        line.network.step()


def simulated() -> None:
    bulk(Bulk(1, 5 * MILLISECOND), 2 * SECOND)
    bulk(Bulk(2, 5 * MILLISECOND, offload=True), 5 * SECOND)
    bulk(Bulk(3, 5 * MILLISECOND, ends=V6), SECOND)
    for name in ("cubic", "newreno", "bbr"):
        for loss in (0.001, 0.02):
            bulk(Bulk(4, 5 * MILLISECOND, config=MODERN.but(congestion=name), loss=loss, reorder=0.001), SECOND)
    bulk(Bulk(5, 5 * MILLISECOND, config=RFC, loss=0.01), SECOND)
    bulk(Bulk(6, 5 * MILLISECOND, config=MODERN.but(ecn=Ecn.ACCURATE)), SECOND)
    conversations(Conversations(7, MILLISECOND), 1_500)
    conversations(Conversations(8, MILLISECOND, ends=V6), 300)
    conversations(Conversations(9, MILLISECOND, loss=0.02, duplicate=0.01), 300)


async def through_asyncio(net: VirtualNetwork) -> None:
    here, there = net.host("here", "10.0.0.1/24"), net.host("there", "10.0.0.2/24")
    net.connect(here, there, delay_ms=1)

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.close()

    await there.start_server(echo, port=80)
    for size, times in ((1, 2_000), (100_000, 20)):
        reader, writer = await here.open_connection("10.0.0.2", 80)
        for _ in range(times):
            writer.write(bytes(size))
            await reader.readexactly(size)
        writer.close()
        await writer.wait_closed()


def driven() -> None:
    estab.simulate(through_asyncio, seed=10)


def explored() -> None:
    """What an exploration does all the time is to take snapshots."""
    run(Case("data", Budget(loss=1)))


ALL: Final = (in_memory, very_many, on_a_device, simulated, driven, explored)

if __name__ == "__main__":
    if not estab.COMPILED:
        sys.exit("nothing to train: estab is installed in its pure form")
    for each in ALL:
        begun = time.process_time()
        each()
        print(f"{each.__name__}: {time.process_time() - begun:.1f} s", flush=True)  # noqa: T201
