"""The stack and its pump in a loop of a few lines: what there is without asyncio."""

from __future__ import annotations

import random
import select
import time
from collections.abc import Callable
from functools import partial

from bench.peer import KERNEL, OURS, PORT, ROUNDS, VOLUME
from estab.links.tun import TunLink
from estab.stack.pump import Pump
from estab.stack.stack import Stack, Watched
from estab.tcp.connection import Connection
from estab.tcp.states import State

BLOCK = bytes(1 << 18)


class Loop:
    """Waits for packets and deadlines."""

    def __init__(self, link: TunLink, on_event: Callable[[Watched], None]) -> None:
        self.stack = Stack(addresses=[f"{OURS}/24"], rng=random.SystemRandom())
        self.pump = Pump(self.stack, link, on_event)
        self._fd = link.fileno()
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)

    def open(self) -> Connection:
        """A connection whose small segments do not wait."""
        c = self.stack.open((KERNEL, PORT), time.monotonic_ns())
        c.set_nodelay(True, time.monotonic_ns())
        return c

    def run(self, done: Callable[[], bool]) -> None:
        """Turn until it is done."""
        while True:
            deadline = self.pump.turn(time.monotonic_ns())
            if done():
                return
            patience = None
            if deadline is not None:
                patience = max(deadline - time.monotonic_ns(), 0) / 1e6
            if self.pump.blocked:
                self._poll.modify(self._fd, select.POLLIN | select.POLLOUT)
                self._poll.poll(patience)
                self._poll.modify(self._fd, select.POLLIN)
            elif patience != 0:
                self._poll.poll(patience)


def bulk_in(link: TunLink) -> None:
    received = 0

    def read(c: Watched) -> None:
        nonlocal received
        assert isinstance(c, Connection)
        while data := c.receive_some(time.monotonic_ns()):
            received += len(data)

    loop = Loop(link, read)
    loop.open()
    loop.run(lambda: received == VOLUME)


def bulk_out(link: TunLink) -> None:
    unsent = VOLUME

    def write(c: Watched) -> None:
        nonlocal unsent
        assert isinstance(c, Connection)
        now = time.monotonic_ns()
        while unsent:
            block = BLOCK if unsent >= len(BLOCK) else BLOCK[:unsent]
            taken = c.send(block, now)
            unsent -= taken
            if taken < len(block):
                return
        c.shutdown(now)

    loop = Loop(link, write)
    c = loop.open()
    write(c)
    # The peer closes once it has read everything.
    loop.run(lambda: c.eof)


def round_trips(link: TunLink) -> None:
    left = ROUNDS["echo"]

    def answer(c: Watched) -> None:
        nonlocal left
        assert isinstance(c, Connection)
        now = time.monotonic_ns()
        if c.receive_some(now):
            left -= 1
            if left:
                c.send(b"?", now)

    loop = Loop(link, answer)
    loop.open().send(b"?", time.monotonic_ns())
    loop.run(lambda: not left)


def open_close(link: TunLink) -> None:
    def look(c: Watched) -> None:
        assert isinstance(c, Connection)
        now = time.monotonic_ns()
        if c.receive_some(now):
            c.close(now)

    loop = Loop(link, look)
    for _ in range(ROUNDS["serve"]):
        c = loop.open()
        c.send(b"?", time.monotonic_ns())
        loop.run(partial(has_ended, c))


def has_ended(c: Connection) -> bool:
    return c.state is State.TIME_WAIT
