"""Two hosts with sockets on one clock, for tests that call and then let packets pass."""

from __future__ import annotations

import errno
import random

import pytest

from estab.links.memory import memory_pair
from estab.sockets import SocketTable, StreamSocket
from estab.stack.pump import Pump
from estab.stack.stack import Stack
from estab.tcp.config import MODERN, Config

SERVER = "10.0.0.2"
CLIENT = "10.0.0.1"


class Pair:
    """``client`` and ``server`` are socket tables; ``run`` lets packets pass and time with them."""

    def __init__(self, config: Config = MODERN) -> None:
        self.now = 1_000_000_000
        links = memory_pair()
        addresses = ((f"{CLIENT}/24", "fd00::1/64"), (f"{SERVER}/24", "fd00::2/64"))
        stacks = [Stack(config, addresses=each, rng=random.Random(str(each))) for each in addresses]
        self.pumps = [Pump(stack, link, lambda _: None) for stack, link in zip(stacks, links, strict=True)]
        self.client, self.server = map(SocketTable, stacks)

    def run(self, duration: int = 0) -> None:
        """Turn both until nothing moves before ``now + duration``, then let the rest of that time pass."""
        end = self.now + duration
        while True:
            deadlines = [pump.turn(self.now) for pump in self.pumps for _ in range(2)]
            due = min((at for at in deadlines if at is not None), default=None)
            waiting = any(pump.link._queue for pump in self.pumps)
            if not waiting and (due is None or due > end):
                break
            if not waiting and due is not None:
                self.now = max(self.now, due)
        self.now = end

    def listen(self, port: int = 80) -> StreamSocket:
        listener = StreamSocket(self.server, 4)
        listener.bind("", port)
        listener.listen()
        return listener

    def dial(self, port: int = 80) -> StreamSocket:
        """A client socket that has begun to connect."""
        socket = StreamSocket(self.client, 4)
        with raises(errno.EINPROGRESS):
            socket.connect(SERVER, port, self.now)
        return socket

    def connected(self) -> tuple[StreamSocket, StreamSocket]:
        """Client and server end of a new connection to port 80; the listener is closed."""
        listener, client = self.listen(), self.dial()
        self.run()
        server = listener.accept()
        listener.close(self.now)
        client.connect(SERVER, 80, self.now)
        return client, server


class raises:  # noqa: N801 (reads as pytest's own)
    """``pytest.raises`` for an ``OSError`` with this errno."""

    def __init__(self, code: int) -> None:
        self.code = code
        self.inner = pytest.raises(OSError)

    def __enter__(self) -> None:
        self.info = self.inner.__enter__()

    def __exit__(self, *details: object) -> bool:
        caught = self.inner.__exit__(*details)  # type: ignore[arg-type]
        if caught:
            assert self.info.value.errno == self.code, self.info.value
        return bool(caught)
