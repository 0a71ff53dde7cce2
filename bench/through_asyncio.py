"""The same through asyncio: protocols on an attached host."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bench.peer import KERNEL, OURS, PORT, ROUNDS, VOLUME
from estab.drivers.asyncio_driver import Host, attach
from estab.links.tun import TunLink

BLOCK = bytes(1 << 18)


class Client(asyncio.Protocol):
    """``done`` is set when the measurement is over."""

    def __init__(self) -> None:
        self.done = asyncio.Event()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.begin()

    def begin(self) -> None:
        """The connection is there."""


class Sink(Client):
    left = VOLUME

    def data_received(self, data: bytes) -> None:
        self.left -= len(data)
        if not self.left:
            self.done.set()


class Source(Client):
    """Writes until it is asked to pause; the peer closes once it has read everything."""

    left = VOLUME
    paused = False

    def begin(self) -> None:
        while self.left and not self.paused:
            block = BLOCK if self.left >= len(BLOCK) else BLOCK[: self.left]
            self.left -= len(block)
            self.transport.write(block)
        if not self.left:
            self.transport.write_eof()

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self.begin()

    def eof_received(self) -> None:
        self.done.set()


class Pinger(Client):
    left = ROUNDS["echo"]

    def begin(self) -> None:
        self.transport.write(b"?")

    def data_received(self, data: bytes) -> None:
        self.left -= 1
        if self.left:
            self.transport.write(b"?")
        else:
            self.done.set()


class Caller(Client):
    """One question, one answer, and the end."""

    def begin(self) -> None:
        self.transport.write(b"?")

    def data_received(self, data: bytes) -> None:
        self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.done.set()


def bulk_in(link: TunLink) -> None:
    run(link, lambda host: once(host, Sink))


def bulk_out(link: TunLink) -> None:
    run(link, lambda host: once(host, Source))


def round_trips(link: TunLink) -> None:
    run(link, lambda host: once(host, Pinger))


def open_close(link: TunLink) -> None:
    async def often(host: Host) -> None:
        for _ in range(ROUNDS["serve"]):
            await once(host, Caller)

    run(link, often)


async def once(host: Host, factory: Callable[[], Client]) -> None:
    _, client = await host.create_connection(factory, KERNEL, PORT)
    await client.done.wait()


def run(link: TunLink, measured: Callable[[Host], Awaitable[None]]) -> None:
    async def main() -> None:
        async with attach(link, f"{OURS}/24", linger=0) as host:
            await measured(host)

    asyncio.run(main())
