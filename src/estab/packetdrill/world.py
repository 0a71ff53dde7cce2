"""The host under test: a stack with its sockets, and the virtual clock that drives it."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Final

from estab.packetdrill.live import Live, decode
from estab.packetdrill.settings import Settings
from estab.packetdrill.tally import Bookkeeper
from estab.packetdrill.tunnel import UDP_HEADER, Tunnels
from estab.sockets import Socket, SocketTable
from estab.stack.stack import Stack
from estab.tcp.config import Config
from estab.tcp.rules import RULES, Rules
from estab.tcp.timers import NEVER
from estab.wire.address import format_address
from estab.wire.packet import Packet

_ROOM: Final = 256
_SEED: Final = 8080
EPOCH: Final = 1_000_000_000_000
"""Where the clock stands at the first event: nothing depends on it."""


def _with_cookie(cookie: bytes) -> Rules:
    """Scripts know the cookie of a kernel with a certain key."""
    return RULES.but(
        make_cookie=lambda secret, client, server, epoch: cookie,
        is_cookie=lambda secret, client, server, epoch, shown: shown == cookie,
    )


class World:
    """Time goes on only by ``step`` and ``run_to``. What the stack sends waits in ``sent`` until it is looked at."""

    def __init__(self, config: Config, settings: Settings, cookie: bytes | None = None) -> None:
        """cookie: what clients of fast open have to show; None: what only this stack knows."""
        self.settings: Settings = settings
        addresses = [format_address(settings.local) + ("/64" if settings.v6 else "/16")]
        self.books: Bookkeeper = Bookkeeper()
        self.stack: Stack = Stack(
            config,
            addresses=addresses,
            rng=random.Random(_SEED),
            rules=RULES if cookie is None else _with_cookie(cookie),
            mtu=settings.mtu - UDP_HEADER * settings.udp_encapsulation,
            observer=self.books,
        )
        self.table: SocketTable = SocketTable(self.stack)
        self.tunnels: Tunnels = Tunnels()
        self.now: int = EPOCH
        self.sent: deque[Live] = deque()
        self.on_turn: Callable[[], None] = lambda: None
        """Called after everything that happened: somebody may be waiting."""
        self.on_flush: Callable[[], None] = lambda: None
        """Called when everything has been sent that is to be sent."""
        self.wake_at: int = NEVER
        """When that somebody wants to be called in any case."""
        self._marked: dict[str, int] = {}

    @property
    def config(self) -> Config:
        return self.stack.config

    def configure(self, config: Config) -> None:
        """For sockets that are made from now on."""
        self.stack.config = self.stack.host.config = config

    def mark_counters(self) -> None:
        """Counting begins anew."""
        self._marked = dict(self.stack.counters)

    def counted(self, name: str) -> int:
        """How often since the mark."""
        return self.stack.counters.get(name, 0) - self._marked.get(name, 0)

    def receive(self, data: bytes) -> None:
        """A packet comes in, however large."""
        self.stack.receive([Packet(data)], self.now)
        self.settle()

    def settle(self) -> None:
        """After every call: what is to be sent is sent, who waits is told."""
        self.flush()
        self.on_turn()

    def flush(self) -> None:
        """Take what the stack has to send, and tell the sockets what to look at."""
        stack = self.stack
        while packets := stack.transmit(self.now, _ROOM):
            for packet in packets:
                self.sent.append(self.tunnels.carry(decode(packet, self.now), stack))
        self.on_flush()
        for watched in stack.take_events():
            owner = watched.owner
            if isinstance(owner, Socket) and owner.notify is not None:
                owner.notify()

    def next_time(self) -> int:
        """When something happens by itself; ``NEVER`` if nothing does."""
        deadline = self.stack.next_deadline()
        return min(NEVER if deadline is None else deadline, self.wake_at)

    def step(self) -> None:
        """Go to that time."""
        self.now = max(self.now, self.next_time())
        self.stack.advance(self.now)
        self.settle()

    def run_to(self, time: int) -> None:
        """Let everything happen that happens up to ``time``."""
        while self.next_time() <= time:
            self.step()
        self.now = max(self.now, time)
