"""estab's part of a measurement: a stack right behind the path, and a loop of a few lines."""

from __future__ import annotations

import random
import select
import time
from collections.abc import Callable

from bench.loss.part import BLOCK, PORT
from estab.stack.listener import Listener
from estab.stack.pump import Pump
from estab.stack.stack import Stack, Watched
from estab.tcp.config import MODERN
from estab.tcp.connection import Connection
from estab.wire.link import Link


class Loop:
    """Waits for packets and deadlines; ``select`` does so by the microsecond."""

    def __init__(self, link: Link, address: str, control: str, look: Callable[[Watched], None]) -> None:
        config = MODERN.but(congestion=control)
        self.stack = Stack(config, addresses=[f"{address}/24"], rng=random.Random(1), mtu=link.mtu)
        self._pump = Pump(self.stack, link, look)
        self._descriptors = [link.fileno()]

    def run(self, end: Callable[[], float | None]) -> None:
        """Until the time ``end()`` (s) has come; None: it is not known yet."""
        while True:
            deadline = self._pump.turn(time.monotonic_ns())
            now = time.monotonic()
            over = end()
            if over is not None and now >= over:
                return
            patience = 0.1 if over is None else over - now
            if deadline is not None:
                patience = min(patience, max(deadline - time.monotonic_ns(), 0) / 1e9)
            select.select(self._descriptors, self._descriptors if self._pump.blocked else [], [], patience)


def receive(link: Link, address: str, seconds: float, ready: Callable[[], None]) -> float:
    """Bytes per second that one connection brings, from when it is accepted."""
    received, end = 0, None

    def look(watched: Watched) -> None:
        nonlocal received, end
        if isinstance(watched, Listener):
            while (accepted := loop.stack.accept(watched)) is not None:
                end = time.monotonic() + seconds
                look(accepted)
        elif isinstance(watched, Connection):
            while data := watched.receive_some(time.monotonic_ns()):
                received += len(data)

    loop = Loop(link, address, "newreno", look)
    loop.stack.listen(PORT)
    ready()
    loop.run(lambda: end)
    return received / seconds


def send(link: Link, address: str, remote: str, control: str, used: Callable[[str], None]) -> None:
    """Send for ever. ``used`` is told which congestion control the connection has."""

    def write(watched: Watched) -> None:
        while connection.send(BLOCK, time.monotonic_ns()) == len(BLOCK):
            pass

    loop = Loop(link, address, control, write)
    connection = loop.stack.open((remote, PORT), time.monotonic_ns())
    used(connection.config.congestion)
    write(connection)
    loop.run(lambda: None)
