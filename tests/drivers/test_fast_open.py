"""Fast open under asyncio: the answer comes a round trip earlier, and not earlier where nobody asked for it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import estab

DELAY_MS = 50
ROUND_TRIP = 2 * DELAY_MS / 1000


async def asked(client: Any, again: bool) -> float:
    """How long (s) a request and its answer take."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    if again:
        reader, writer = await client.open_connection("10.0.0.2", 80, fast_open=b"hello")
    else:
        reader, writer = await client.open_connection("10.0.0.2", 80)
        writer.write(b"hello")
    assert await reader.readexactly(5) == b"HELLO"
    taken = loop.time() - begun
    writer.close()
    await writer.wait_closed()
    return taken


@pytest.mark.parametrize(("allowed", "trips"), [(4, (2, 1)), (0, (2, 2))], ids=["allowed", "not"])
def test_a_round_trip_is_saved(allowed: int, trips: tuple[int, int]) -> None:
    async def main(net: Any) -> list[float]:
        client, server = net.host("client", "10.0.0.1/24"), net.host("server", "10.0.0.2/24")
        net.connect(client, server, delay_ms=DELAY_MS)

        async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readexactly(5)).upper())
            await reader.read()
            writer.close()

        await server.start_server(shout, port=80, fast_open=allowed)
        return [await asked(client, again=True) for _ in range(2)] + [await asked(client, again=False)]

    first, second, ordinary = estab.simulate(main, seed=1)
    assert (round(first / ROUND_TRIP), round(second / ROUND_TRIP)) == trips
    assert round(ordinary / ROUND_TRIP) == 2
