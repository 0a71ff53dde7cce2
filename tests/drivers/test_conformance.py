"""The asyncio driver keeps what streams promise, on a clean and on a bad network, and on a link in real time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from estab.drivers.asyncio_driver import attach
from estab.drivers.conformance import NonconformingError, check_streams
from estab.drivers.virtual import SimulatedHost
from estab.drivers.virtual_loop import VirtualLoop
from estab.links.memory import memory_pair
from estab.tcp.config import KIB, MODERN
from tests.drivers.net import SERVER, two_hosts
from tests.drivers.streams import AsyncioDriver, AsyncioStream

SMALL = MODERN.but(send_buffer=256 * KIB, receive_buffer=256 * KIB)


async def check(client: SimulatedHost, server: SimulatedHost) -> None:
    await check_streams(AsyncioDriver(client, server, SERVER, 60))


@pytest.mark.parametrize(
    "line",
    [{}, {"delay_ms": 0}, {"loss": 0.01, "duplicate": 0.01, "reorder": 0.01}],
    ids=["clean", "without delay", "bad"],
)
def test_on_a_simulated_network(line: dict[str, Any]) -> None:
    two_hosts(check, config=SMALL, **line)


async def on_a_memory_link(patience: float) -> None:
    left, right = memory_pair()
    async with attach(left, "10.0.0.1/24") as client, attach(right, "10.0.0.2/24") as server:
        await check_streams(AsyncioDriver(client, server, SERVER, patience))


def test_on_a_link_in_virtual_time() -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(on_a_memory_link(60))


def test_on_a_link_in_real_time() -> None:
    # A driver that hangs fails, instead of hanging the tests.
    asyncio.run(asyncio.wait_for(on_a_memory_link(0.05), 60))


@pytest.mark.parametrize(
    ("flaw", "complaint"),
    [
        ("send", "bytes were lost"),
        ("send_eof", "closed the other direction"),
        ("abort", "abort reached the peer"),
        ("receive", "bytes were lost"),
    ],
)
def test_a_flaw_is_found(flaw: str, complaint: str) -> None:
    class Flawed(AsyncioStream):
        async def send(self, data: bytes) -> None:
            await super().send(data[:-1] + b"?" if flaw == "send" else data)

        async def send_eof(self) -> None:
            await (super().close() if flaw == "send_eof" else super().send_eof())

        async def abort(self) -> None:
            await (super().close() if flaw == "abort" else super().abort())

        async def receive(self) -> bytes:
            data = await super().receive()
            return data[::-1] if flaw == "receive" else data

    class FlawedDriver(AsyncioDriver):
        async def connect(self) -> tuple[AsyncioStream, AsyncioStream]:
            near, far = await super().connect()
            return Flawed(near.reader, near.writer), far

    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        with pytest.raises(NonconformingError, match=complaint):
            await check_streams(FlawedDriver(client, server, SERVER, 60))

    two_hosts(body, config=SMALL)
