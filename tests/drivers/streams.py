"""asyncio streams on two hosts, as the conformance check wants them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from estab.drivers.host import Host


class AsyncioStream:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def receive(self) -> bytes:
        return await self.reader.read(1 << 16)

    async def send_eof(self) -> None:
        self.writer.write_eof()

    async def close(self) -> None:
        self.writer.close()

    async def abort(self) -> None:
        self.writer.transport.abort()


class AsyncioDriver:
    """``patience``: seconds after which a call that has not finished is taken to wait."""

    def __init__(self, client: Host, server: Host, address: str, patience: float) -> None:
        self.client, self.server, self.address, self.patience = client, server, address, patience

    async def connect(self) -> tuple[AsyncioStream, AsyncioStream]:
        accepted: asyncio.Queue[AsyncioStream] = asyncio.Queue()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted.put_nowait(AsyncioStream(reader, writer))

        server = await self.server.start_server(accept)
        port = server.sockets[0].getsockname()[1]
        near = AsyncioStream(*await self.client.open_connection(self.address, port))
        far = await accepted.get()
        server.close()
        return near, far

    async def together(self, *calls: Coroutine[Any, Any, Any]) -> Sequence[Any]:
        return await asyncio.gather(*calls)

    async def stall(self, call: Coroutine[Any, Any, Any]) -> bool:
        task = asyncio.ensure_future(call)
        await asyncio.wait([task], timeout=self.patience)
        waited = task.cancel()
        await asyncio.wait([task])
        return waited
