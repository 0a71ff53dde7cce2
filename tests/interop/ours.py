"""Our side of a conversation with the kernel: one stack on a TUN device, and a loop that turns while it waits.

Everything happens in one thread. The kernel's side is a non-blocking socket of the same process or another program;
``until`` keeps our side going until a condition holds.
"""

from __future__ import annotations

import errno
import os
import random
import select
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from estab.faults.link import FaultyLink
from estab.faults.loss import loss as losing
from estab.faults.verdict import Fault
from estab.links.tap import PcapngTap
from estab.links.tun import TunLink
from estab.stack.listener import Listener
from estab.stack.pump import Pump
from estab.stack.stack import Stack, Watched
from estab.tcp.config import MILLISECOND, MODERN, SECOND, Config
from estab.tcp.connection import Connection
from estab.tcp.observer import Observer
from estab.tcp.states import Fact, State
from estab.wire.link import Link

T = TypeVar("T")

KERNEL = {4: "10.9.0.1", 6: "fd09::1"}
OURS = {4: "10.9.0.2", 6: "fd09::2"}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
CONFIG = MODERN.but(msl=200 * MILLISECOND)
"""A TIME-WAIT whose end can be waited for."""
LOSS = float(os.environ.get("ESTAB_LOSS", "0"))
"""The part of all packets that our end loses, each way: `make interop-loss`."""
LIMIT = 50
"""Seconds after which a condition that has not come true is a failure."""
_GLANCE = 0.005
"""How often (s) a condition is looked at that no packet announces, such as the end of a process."""
_CHUNK = 1 << 18


class Ours(Observer):
    """A host with both families on a TUN device; ``family`` is the one that its calls use."""

    def __init__(
        self,
        family: int = 4,
        *,
        config: Config = CONFIG,
        offload: bool = True,
        out: Sequence[Fault] = (),
        into: Sequence[Fault] = (),
        capture: Path | None = None,
    ) -> None:
        _prefer_cubic()
        self.family = family
        self.address = OURS[family]
        self.kernel = KERNEL[family]
        self.tun = TunLink.create("", ["10.9.0.1/24", "fd09::1/64"], offload=offload)
        link: Link = self.tun
        if capture is not None:
            link = PcapngTap(link, capture, origin=time.time_ns() - time.monotonic_ns())
        if LOSS:
            out, into = [*out, losing(LOSS)], [*into, losing(LOSS)]
        if out or into:
            link = FaultyLink(link, out, into, rng=random.Random(1))
        self.link = link
        _until_addressed()
        addresses = ["10.9.0.2/24", "fd09::2/64"]
        self.stack = Stack(config, addresses=addresses, rng=random.Random(1), observer=self)
        self.pump = Pump(self.stack, link, _look)
        self.states: dict[Connection, list[State]] = {}

    def state(self, now: int, connection: Connection, old: State, new: State, fact: Fact) -> None:
        self.states.setdefault(connection, []).append(new)

    # ------------------------------------------------------------------ the loop

    def until(self, condition: Callable[[], T], limit: float = LIMIT) -> T:
        """Keep going until the condition is true, and give what it gave."""
        give_up = time.monotonic() + limit
        while True:
            deadline = self.pump.turn(time.monotonic_ns())
            if value := condition():
                return value
            assert time.monotonic() < give_up, f"not within {limit} s\n{self.report()}"
            self._wait(deadline)

    def _wait(self, deadline: int | None) -> None:
        """For a packet, the deadline, or the next glance."""
        patience = _GLANCE
        if deadline is not None:
            patience = min(max((deadline - time.monotonic_ns()) / SECOND, 0), patience)
        descriptor = self.link.fileno()
        select.select([descriptor], [descriptor] if self.pump.blocked else [], [], patience)

    def report(self) -> str:
        return "\n".join([*map(str, self.stack.netstat()), str(self.stack.counters)])

    # ------------------------------------------------------------------ what we do

    def connect(self, port: int, address: str = "") -> Flow:
        """Open and go on; the handshake has not happened yet."""
        return Flow(self, self.stack.open((address or self.kernel, port), time.monotonic_ns()))

    def listen(self, port: int) -> Listener:
        return self.stack.listen(port)

    def accept(self, listener: Listener) -> Flow:
        connection = self.until(lambda: self.stack.accept(listener))
        assert connection is not None
        return Flow(self, connection)

    def connections(self) -> list[str]:
        """The states of what is neither a listener nor gone."""
        return [row.state for row in self.stack.netstat() if row.state != "LISTEN"]

    # ------------------------------------------------------------------ what the kernel does

    def kernel_listen(self, port: int, **options: int) -> socket.socket:
        """options: such as ``SO_RCVBUF``, set before the port is bound."""
        server = socket.socket(FAMILY[self.family])
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for name, value in options.items():
            server.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        server.bind((self.kernel, port))
        server.listen()
        server.setblocking(False)
        return server

    def kernel_accept(self, server: socket.socket) -> socket.socket:
        accepted, _ = self.until(lambda: attempt(server.accept))
        accepted.setblocking(False)
        return accepted

    def kernel_connect(self, port: int) -> socket.socket:
        """A connected socket. Raises what the kernel's ``connect`` ends with."""
        client = socket.socket(FAMILY[self.family])
        client.setblocking(False)
        client.connect_ex((self.address, port))
        poll = select.poll()
        poll.register(client, select.POLLOUT)
        self.until(lambda: poll.poll(0))
        error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            client.close()
            raise OSError(error, errno.errorcode[error])
        return client

    def kernel_receive(self, peer: socket.socket, count: int = 1 << 62) -> bytes:
        """That many bytes, or all up to the end."""
        received = bytearray()
        while len(received) < count:
            data = self.until(lambda: _receive(peer))
            if not data[0]:
                break
            received += data[0]
        return bytes(received)

    def kernel_send(self, peer: socket.socket, data: bytes) -> None:
        """Hand everything to the kernel, as fast as it takes it."""
        rest = memoryview(data)
        while rest:
            rest = rest[self.until(lambda rest=rest: attempt(lambda: peer.send(rest))) :]

    def pair(self, port: int = 5000, *, active: bool = True) -> tuple[Flow, socket.socket]:
        """A connection between us and the kernel; ``active``: opened by us."""
        if active:
            with self.kernel_listen(port) as server:
                flow = self.connect(port)
                peer = self.kernel_accept(server)
            self.until(lambda: flow.connection.state is State.ESTABLISHED)
            return flow, peer
        listener = self.listen(port)
        peer = self.kernel_connect(port)
        flow = self.accept(listener)
        self.stack.stop_listening(listener, time.monotonic_ns())
        return flow, peer


class Flow:
    """A connection that reads whatever comes, and writes what waits as soon as there is room."""

    def __init__(self, ours: Ours, connection: Connection) -> None:
        self.ours = ours
        self.connection = connection
        self.received = bytearray()
        self.reading = True
        self._rest = memoryview(b"")
        self._finish = False
        connection.owner = self
        self.look()

    @property
    def states(self) -> list[str]:
        """Every state that it has been in, in order."""
        return [state.value for state in self.ours.states[self.connection]]

    @property
    def over(self) -> bool:
        return self.connection.state in (State.CLOSED, State.TIME_WAIT)

    def write(self, data: bytes) -> None:
        """Send this when there is room; what was written before has to be gone."""
        assert not self._rest
        self._rest = memoryview(data)
        self.look()

    def finish(self) -> None:
        """Half-close behind what waits."""
        self._finish = True
        self.look()

    def close(self) -> None:
        self.connection.close(time.monotonic_ns())

    def abort(self) -> None:
        self.connection.abort(time.monotonic_ns())

    def resume(self) -> None:
        self.reading = True
        self.look()

    def look(self) -> None:
        """Do what can be done now."""
        c = self.connection
        now = time.monotonic_ns()
        if c.error is not None:
            return
        while self.reading and c.readable:
            self.received += c.receive_some(now)
        while self._rest:
            chunk = bytes(self._rest[:_CHUNK])
            taken = c.send(chunk, now)
            self._rest = self._rest[taken:]
            if taken < len(chunk):
                break
        if self._finish and not self._rest:
            c.shutdown(now)


def attempt(call: Callable[[], T]) -> T | None:
    """What the call gives, None while it would block."""
    try:
        return call()
    except BlockingIOError:
        return None


def _receive(peer: socket.socket) -> tuple[bytes] | None:
    try:
        return (peer.recv(1 << 20),)
    except BlockingIOError:
        return None


def _look(watched: Watched) -> None:
    if isinstance(watched.owner, Flow):
        watched.owner.look()


def _until_addressed() -> None:
    """The kernel enters the route to an IPv6 address of its own a moment after it has accepted the address."""
    entry = socket.inet_pton(socket.AF_INET6, KERNEL[6]).hex() + " 80 "
    give_up = time.monotonic() + LIMIT
    while entry not in Path("/proc/net/ipv6_route").read_text():
        assert time.monotonic() < give_up, "the kernel does not take its address"
        time.sleep(_GLANCE)


def _prefer_cubic() -> None:
    """Loss-based, where the machine lets a namespace choose it: BBR paces, which takes long to no purpose here."""
    for name in ("cubic", "reno"):
        try:
            Path("/proc/sys/net/ipv4/tcp_congestion_control").write_text(name)
        except OSError:
            continue
        return
