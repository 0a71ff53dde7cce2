"""The same program on estab through asyncio: ``python -m bench.peers.estab_asyncio DEVICE offload|plain``."""

from __future__ import annotations

import asyncio
import sys

from bench.peers.terms import BLOCK, CHECK, ECHO, SERVE, SINK, SOURCE, STACK, Follower
from estab.drivers.asyncio_driver import attach
from estab.links.tun import TunLink


class Program(asyncio.Protocol):
    """What it needs of its transport."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport


class Sink(Program):
    def data_received(self, data: bytes) -> None:
        pass


class Source(Program):
    """Writes until it is asked to pause."""

    paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._write()

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self._write()

    def _write(self) -> None:
        while not self.paused and not self.transport.is_closing():
            self.transport.write(BLOCK)


class Echo(Program):
    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class Serve(Program):
    def data_received(self, data: bytes) -> None:
        self.transport.write(data)
        self.transport.close()


class Check(Program):
    def __init__(self) -> None:
        self._follower = Follower()

    def data_received(self, data: bytes) -> None:
        self._follower.read(data)

    def eof_received(self) -> None:
        self.transport.write(b"y" if self._follower.faithful else b"n")


PROGRAMS = {SINK: Sink, SOURCE: Source, ECHO: Echo, SERVE: Serve, CHECK: Check}


async def run(device: str, how: str) -> None:
    async with attach(TunLink.attach(device, offload=how == "offload"), f"{STACK}/24") as host:
        servers = [await host.create_server(PROGRAMS[port], port=port, backlog=256) for port in PROGRAMS]
        print("ready", flush=True)  # noqa: T201
        await servers[0].serve_forever()


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:]))
