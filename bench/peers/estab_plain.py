"""The same program on estab and a loop of a few lines: ``python -m bench.peers.estab_plain DEVICE offload|plain``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

from bench.peers.terms import BLOCK, CHECK, ECHO, PORTS, SERVE, SINK, SOURCE, Follower
from bench.plain import Loop
from estab.links.tun import TunLink
from estab.stack.listener import Listener
from estab.stack.stack import Watched
from estab.tcp.connection import Connection


def sink(c: Connection, now: int) -> None:
    while c.receive_some(now):
        pass
    if c.eof:
        c.close(now)


class Source:
    """Writes whenever there is room."""

    def __init__(self) -> None:
        self._rest = b""

    def __call__(self, c: Connection, now: int) -> None:
        while True:
            block = self._rest or BLOCK
            taken = c.send(block, now)
            self._rest = block[taken:]
            if self._rest:
                return


def echo(c: Connection, now: int) -> None:
    while data := c.receive_some(now):
        c.send(data, now)
    if c.eof:
        c.close(now)


def serve(c: Connection, now: int) -> None:
    if data := c.receive_some(now):
        c.send(data, now)
        c.close(now)


class Check:
    def __init__(self) -> None:
        self._follower = Follower()

    def __call__(self, c: Connection, now: int) -> None:
        while data := c.receive_some(now):
            self._follower.read(data)
        if c.eof:
            c.send(b"y" if self._follower.faithful else b"n", now)
            c.close(now)


PROGRAMS: dict[int, Callable[[], Callable[[Connection, int], None]]] = {
    SINK: lambda: sink,
    SOURCE: Source,
    ECHO: lambda: echo,
    SERVE: lambda: serve,
    CHECK: Check,
}


class Server:
    """Runs a program for each connection that is accepted."""

    def __init__(self, link: TunLink) -> None:
        self._running: dict[Connection, Callable[[Connection, int], None]] = {}
        self.loop = Loop(link, self._look)
        self._stack = self.loop.stack
        for port in PORTS:
            self._stack.listen(port, backlog=256)

    def _look(self, watched: Watched) -> None:
        now = time.monotonic_ns()
        if isinstance(watched, Listener):
            while (c := self._stack.accept(watched)) is not None:
                c.set_nodelay(True, now)
                self._running[c] = PROGRAMS[watched.port]()
                self._turn(c, now)
        elif isinstance(watched, Connection):
            self._turn(watched, now)

    def _turn(self, c: Connection, now: int) -> None:
        program = self._running.get(c)
        if program is None:
            return
        if c.error is not None:
            c.close(now)
        else:
            program(c, now)
        if c.released:
            del self._running[c]


def main(device: str, how: str) -> None:
    server = Server(TunLink.attach(device, offload=how == "offload"))
    print("ready", flush=True)  # noqa: T201
    server.loop.run(partial(bool, False))


if __name__ == "__main__":
    main(*sys.argv[1:])
