"""Act one: a file over HTTP between two hosts of a simulated network that loses, doubles and reorders packets."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

from estab.cli import http
from estab.cli.act import Act, Story, Transfer, digest
from estab.cli.site import Site
from estab.drivers.virtual import VirtualNetwork, run
from estab.sim.record import Passage
from estab.tcp.config import KIB, MODERN

LOSS: Final = 0.05
DUPLICATES: Final = 0.02
REORDERED: Final = 0.05
DELAY_MS: Final = 20
SEED: Final = 7

CLIENT: Final = "client"
SERVER: Final = "server"
_ADDRESS: Final = "10.0.0.2"
_PORT: Final = 80
_SMALL_BUFFER: Final = MODERN.but(send_buffer=64 * KIB)
"""The server cannot write the whole file at once, and so does not close before most of it has arrived."""
_LONGEST_WAIT: Final = 600
"""Virtual seconds until TIME-WAIT must be over."""


class ActOne(NamedTuple):
    """The act, and what was on the wire."""

    act: Act
    passages: Sequence[Passage]
    seconds: float
    """Virtual, from the first SYN to the last byte."""
    time_wait_over_at: int
    """ns."""


def act_one(file: Path) -> ActOne:
    """Play it. Same file, same packets."""
    return run(lambda net: _play(net, file.resolve()), seed=SEED)


async def _play(net: VirtualNetwork, file: Path) -> ActOne:
    at_client, at_server = Story(), Story()
    client = net.host(CLIENT, "10.0.0.1/24", observer=at_client)
    server = net.host(SERVER, f"{_ADDRESS}/24", observer=at_server, config=_SMALL_BUFFER)
    net.connect(client, server, delay_ms=DELAY_MS, loss=LOSS, duplicate=DUPLICATES, reorder=REORDERED)
    site = Site(file.parent)
    await server.start_server(lambda reader, writer: http.serve(reader, writer, site, lambda _: None), port=_PORT)

    url = http.Url(_ADDRESS, _PORT, "/" + quote(file.name))
    reader, writer = await client.open_connection(url.host, url.port, limit=http.CHUNK)
    response = await http.get(reader, writer, url)
    size, received = await digest(response.body)
    seconds = asyncio.get_running_loop().time()
    await http.leave(reader, writer)
    async with asyncio.timeout(_LONGEST_WAIT):
        while not at_server.time_wait_ended:
            await asyncio.sleep(1)

    sent = hashlib.sha256(file.read_bytes()).hexdigest()
    transfer = Transfer("server to client", size, sent, received, at_server.retransmissions)
    act = Act(1, ran=True, transfers=[transfer], time_wait_ended=at_server.time_wait_ended)
    [act.states["client"]] = at_client.states.values()
    [act.states["server"]] = at_server.states.values()
    return ActOne(act, net.record.segments, seconds, at_server.time_wait_over_at or 0)
