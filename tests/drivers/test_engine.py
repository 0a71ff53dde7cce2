"""Stacks on links of their own: timers, full links, links that die, and leaving."""

from __future__ import annotations

import asyncio
import errno
import random
import socket
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from estab.drivers.asyncio_driver import attach
from estab.drivers.host import Host
from estab.drivers.virtual_loop import VirtualLoop
from estab.faults.delay import Delay
from estab.faults.link import FaultyLink
from estab.faults.loss import loss
from estab.links.memory import MemoryLink, memory_pair
from estab.links.udp import UdpLink
from estab.stack.listener import Decision
from estab.tcp.config import MILLISECOND
from estab.wire.packet import Packet
from tests.drivers.net import SERVER, Notes

HANGS = 60
"""Seconds after which a test in real time has failed."""

Body = Callable[[Host, Host, MemoryLink, MemoryLink], Coroutine[Any, Any, Any]]


def virtually(body: Body, limit: int = 1024, **options: Any) -> Any:
    """Run ``body(client, server, its link, the other link)`` on a memory pair, in virtual time."""

    async def main() -> Any:
        left, right = memory_pair(limit=limit)
        async with (
            attach(left, "10.0.0.1/24", rng=random.Random(1)) as client,
            attach(right, "10.0.0.2/24", rng=random.Random(2), **options) as server,
        ):
            return await body(client, server, left, right)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())


async def accepted(server: Host, client: Host) -> tuple[Notes, Notes]:
    far = Notes()
    await server.create_server(lambda: far, port=80)
    _, near = await client.create_connection(Notes, SERVER, 80)
    await asyncio.sleep(0.01)
    return near, far


def test_deadlines_of_stack_and_link_are_kept() -> None:
    async def main() -> None:
        left, right = memory_pair()
        bad = FaultyLink(left, [loss(0.2), Delay(10 * MILLISECOND)], [loss(0.2)], rng=random.Random(4))
        async with (
            attach(bad, "10.0.0.1/24", rng=random.Random(1)) as client,
            attach(right, "10.0.0.2/24", rng=random.Random(2), linger=60) as server,
        ):
            near, far = await accepted(server, client)
            near.transport.write(bytes(100_000))
            near.transport.close()
            while far.said[-1] != "eof":
                await asyncio.sleep(1)
            assert len(far.data) == 100_000
            assert client.counters["TCPTimeouts"] > 0

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


def test_a_link_that_takes_one_packet_at_a_time() -> None:
    async def body(client: Host, server: Host, left: MemoryLink, right: MemoryLink) -> None:
        near, far = await accepted(server, client)
        near.transport.write(bytes(1_000_000))
        far.transport.write(bytes(1_000_000))
        await asyncio.sleep(10)
        assert len(near.data) == len(far.data) == 1_000_000

    virtually(body, limit=1)


def test_a_link_that_dies_takes_everything_with_it() -> None:
    async def body(client: Host, server: Host, left: MemoryLink, right: MemoryLink) -> None:
        near, far = await accepted(server, client)
        datagrams: list[Exception | None] = []

        class Datagrams(asyncio.DatagramProtocol):
            def connection_lost(self, exc: Exception | None) -> None:
                datagrams.append(exc)

        await client.create_datagram_endpoint(Datagrams)
        listening = await client.create_server(Notes, port=80)
        opening = asyncio.ensure_future(client.open_connection("10.0.0.77", 80))
        await asyncio.sleep(1)
        right.close()
        await near.over.wait()
        assert near.said == ["made", "lost"]
        assert isinstance(client.error, BrokenPipeError)
        assert near.error is client.error
        assert datagrams == [client.error]
        assert not listening.is_serving()
        with pytest.raises(BrokenPipeError):
            await opening
        with pytest.raises(BrokenPipeError):
            await client.open_connection(SERVER, 80)
        await asyncio.sleep(1)
        # Its own descriptor is gone as well.
        assert isinstance(server.error, OSError)
        assert server.error.errno == errno.EBADF
        assert far.error is server.error
        client.close()
        await client.wait_closed()

    virtually(body)


def test_leaving_sends_what_was_written() -> None:
    async def main() -> None:
        left, right = memory_pair()
        async with attach(right, "10.0.0.2/24") as server:
            far = Notes(keep_open=False)
            await server.create_server(lambda: far, port=80)
            async with attach(left, "10.0.0.1/24") as client:
                near, _ = await client.create_connection(Notes, SERVER, 80)
                near.write(bytes(10_000_000))
            await far.over.wait()
            assert len(far.data) == 10_000_000
            assert far.said == ["made", "data", "eof", "lost"]

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


def test_leaving_does_not_wait_for_ever() -> None:
    async def main() -> float:
        left, right = memory_pair()
        async with attach(right, "10.0.0.2/24") as server:
            far = Notes()
            await server.create_server(lambda: far, port=80)
            async with attach(left, "10.0.0.1/24", linger=2.5) as client:
                near, _ = await client.create_connection(Notes, SERVER, 80)
                await asyncio.sleep(1)
                far.transport.pause_reading()
                near.write(bytes(10_000_000))
                near.close()
            await far.over.wait()
            assert isinstance(far.error, ConnectionResetError)
            return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(main()) == 3.5


def test_an_exception_leaves_at_once_and_resets() -> None:
    async def main() -> None:
        left, right = memory_pair()
        async with attach(right, "10.0.0.2/24") as server:
            far = Notes()
            await server.create_server(lambda: far, port=80)
            with pytest.raises(ZeroDivisionError):
                async with attach(left, "10.0.0.1/24") as client:
                    await client.create_connection(Notes, SERVER, 80)
                    await asyncio.sleep(1)
                    raise ZeroDivisionError
            await far.over.wait()
            assert isinstance(far.error, ConnectionResetError)
            assert left.fileno() == -1
            with pytest.raises(OSError, match="closed"):
                left.send([], 0)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


def test_the_hook_of_the_host_decides_where_a_server_has_none() -> None:
    async def body(client: Host, server: Host, left: MemoryLink, right: MemoryLink) -> None:
        await server.create_server(Notes, port=80)
        await server.create_server(Notes, port=81, decide=lambda _: Decision.ACCEPT)
        with pytest.raises(ConnectionRefusedError):
            await client.open_connection(SERVER, 80)
        _, writer = await client.open_connection(SERVER, 81)
        writer.close()

    virtually(body, decide=lambda _: Decision.REFUSE)


def test_a_host_talks_to_itself() -> None:
    async def body(client: Host, server: Host, left: MemoryLink, right: MemoryLink) -> None:
        far = Notes()
        await client.create_server(lambda: far, port=80)
        near, _ = await client.create_connection(Notes, "10.0.0.1", 80)
        near.write(b"to myself")
        near.close()
        await asyncio.sleep(1)
        assert far.data == b"to myself"
        assert far.said[-1] == "eof"

    virtually(body)


class Sluggish(UdpLink):
    """Takes one packet at a time, and is writable all the same."""

    __slots__ = ()

    def send(self, packets: Sequence[Packet], now: int) -> int:
        return super().send(packets[:1], now)


@pytest.mark.parametrize("kind", [UdpLink, Sluggish])
def test_a_link_with_a_descriptor_in_real_time(kind: type[UdpLink]) -> None:
    async def main() -> None:
        ends = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for end in ends:
            end.bind(("127.0.0.1", 0))
        names = [end.getsockname() for end in ends]
        for end in ends:
            end.close()
        left, right = kind(names[0], names[1]), kind(names[1], names[0])
        async with attach(left, "10.0.0.1/24") as client, attach(right, "10.0.0.2/24") as server:
            far = Notes(keep_open=False)
            await server.create_server(lambda: far, port=80)
            near, _ = await client.create_connection(Notes, SERVER, 80)
            near.write(bytes(300_000))
            near.close()
            await far.over.wait()
            assert len(far.data) == 300_000

    asyncio.run(asyncio.wait_for(main(), HANGS))
