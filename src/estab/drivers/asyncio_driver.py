"""A stack on a link, on the asyncio loop that is running."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from estab.drivers.engine import LinkEngine
from estab.drivers.host import Host
from estab.drivers.server import Decide
from estab.stack.stack import Stack
from estab.tcp.config import MODERN, Config
from estab.tcp.observer import Observer
from estab.tcp.rules import RULES, Rules
from estab.wire.link import Link

__all__ = ["Host", "attach"]

LINGER = 1.0
"""Seconds."""


@asynccontextmanager
async def attach(
    link: Link,
    *addresses: str,
    config: Config = MODERN,
    rules: Rules = RULES,
    observer: Observer | None = None,
    rng: random.Random | None = None,
    hosts: Mapping[str, str] | None = None,
    decide: Decide | None = None,
    linger: float = LINGER,
) -> AsyncIterator[Host]:
    """A host with these addresses (``"10.0.0.2/24"``) behind ``link``, which is the host's from now on.

    rng: secrets come from it; None: from the system. hosts: names for ``open_connection``. decide: asked about each
    SYN for a server that has no hook of its own. At the end everything is closed; connections have ``linger`` seconds
    to send what was written, then they are reset. An exception in the body resets them at once. The link is closed."""
    loop = asyncio.get_running_loop()
    stack = Stack(
        config,
        addresses=addresses,
        rng=rng or random.SystemRandom(),
        rules=rules,
        observer=observer,
        mtu=link.mtu,
        offload=link.offload,
    )
    engine = LinkEngine(loop, stack, link)
    host = Host(engine, loop, hosts=hosts, decide=decide)
    try:
        yield host
        await leave(host, linger)
    finally:
        host.close()
        host.abort_all()
        engine.close()


async def leave(host: Host, linger: float) -> None:
    """Close, and wait at most ``linger`` seconds for what has to be sent."""
    host.close()
    try:
        async with asyncio.timeout(linger):
            await host.wait_closed()
    except TimeoutError:
        # What is left is reset.
        pass
