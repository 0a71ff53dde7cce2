"""Two stacks in this process with a pipe of memory (or ``links``) between them, and a clock that is turned by hand."""

from __future__ import annotations

import random
from collections.abc import Callable

from estab.links.memory import memory_pair
from estab.stack.listener import Listener
from estab.stack.pump import Pump
from estab.stack.stack import Stack, Watched
from estab.tcp.config import MODERN, Config
from estab.tcp.connection import Connection
from estab.wire.link import MEMORY_OFFLOAD, Link, Offload

PORT = 80
TICK = 1_000_000
"""Virtual ns between two turns."""


class Pair:
    """A client and a server that listens; ``on_event`` sees the connections of both."""

    def __init__(
        self,
        on_event: Callable[[Connection], None],
        *,
        backlog: int = 128,
        offload: Offload = MEMORY_OFFLOAD,
        config: Config = MODERN,
        links: tuple[Link, Link] | None = None,
    ) -> None:
        left, right = links or memory_pair(offload=offload)
        self.now = 0
        self.client = Stack(config, addresses=["10.0.0.1"], rng=random.Random(1))
        addresses = ["10.0.0.2", "10.0.0.3", "10.0.0.4"]
        self.server = Stack(config, addresses=addresses, rng=random.Random(2))
        self.pumps = [Pump(self.client, left, self._look), Pump(self.server, right, self._look)]
        self._on_event = on_event
        self.server.listen(PORT, backlog=backlog)
        # Whoever uses a stack holds on to its connections.
        self.held: list[Connection] = []

    def _look(self, watched: Watched) -> None:
        if isinstance(watched, Listener):
            while (c := self.server.accept(watched)) is not None:
                self.held.append(c)
        elif isinstance(watched, Connection):
            self._on_event(watched)

    def open(self, address: str = "10.0.0.2") -> Connection:
        c = self.client.open((address, PORT), self.now)
        self.held.append(c)
        return c

    def pass_time(self) -> None:
        """What a turn begins with."""
        self.now += TICK

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.pass_time()
            for pump in self.pumps:
                pump.turn(self.now)
