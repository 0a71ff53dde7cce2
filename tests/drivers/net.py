"""What the tests of the asyncio driver share: two hosts in virtual time, and a protocol that takes notes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from estab.drivers.transport import StreamTransport
from estab.drivers.virtual import SimulatedHost, VirtualNetwork, run
from estab.tcp.config import MODERN, Config

Body = Callable[[SimulatedHost, SimulatedHost], Coroutine[Any, Any, Any]]

SERVER = "10.0.0.2"


def two_hosts(body: Body, *, seed: int = 0, config: Config = MODERN, **line: Any) -> Any:
    """Run ``body(client, server)``: 10.0.0.1 and 10.0.0.2, fd00::1 and fd00::2, a cable of 5 ms between them."""

    async def main(net: VirtualNetwork) -> Any:
        client = net.host("client", "10.0.0.1/24", "fd00::1/64", config=config)
        server = net.host("server", "10.0.0.2/24", "fd00::2/64", config=config)
        net.connect(client, server, **{"delay_ms": 5, **line})
        return await body(client, server)

    return run(main, seed=seed)


class Notes(asyncio.Protocol):
    """Writes down what it is told, in order."""

    def __init__(self, *, keep_open: bool = True) -> None:
        self.said: list[Any] = []
        self.data = bytearray()
        self.keep_open = keep_open
        self.transport: StreamTransport
        self.over: asyncio.Event = asyncio.Event()
        self.error: Exception | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, StreamTransport)
        self.transport = transport
        self.said.append("made")

    def data_received(self, data: bytes) -> None:
        self.data += data
        if self.said[-1] != "data":
            self.said.append("data")

    def eof_received(self) -> bool:
        self.said.append("eof")
        return self.keep_open

    def pause_writing(self) -> None:
        self.said.append("pause")

    def resume_writing(self) -> None:
        self.said.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.said.append("lost")
        self.error = exc
        self.over.set()


async def connected(client: SimulatedHost, server: SimulatedHost, **far: Any) -> tuple[Notes, Notes]:
    """Notes at both ends of a new connection; the server listens no longer."""
    accepted: list[Notes] = []

    def factory() -> Notes:
        accepted.append(Notes(**far))
        return accepted[-1]

    listening = await server.create_server(factory, port=80)
    _, near = await client.create_connection(Notes, SERVER, 80)
    await asyncio.sleep(0.1)
    listening.close()
    return near, accepted[0]
