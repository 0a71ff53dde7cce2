"""The one client that measures every stack: kernel sockets in the namespace of this thread."""

from __future__ import annotations

import fcntl
import selectors
import socket
import struct
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final, NamedTuple

from bench.peers.terms import BLOCK, CHECK, ECHO, SERVE, SINK, SOURCE, Follower

PATIENCE: Final = 8.0
"""Seconds without any progress after which a stack counts as stuck."""
WARM: Final = 0.15
"""The share of a bulk run that comes before it counts: handshakes and the first round trips."""
UNTIL_CHECKED: Final = 0.2
"""Seconds of data that a check sends."""
CONTROLS: Final = ("cubic", "reno")
"""BBR would pace on a link that has no rate."""

_SIZE: Final = 1 << 20
_TCP_CONGESTION: Final = 13
_SIOCOUTQ: Final = 0x5411
_RESET: Final = struct.pack("ii", 1, 0)


class Measured(NamedTuple):
    """Per second, and CPU seconds for each."""

    value: float
    cpu: float | None


Cpu = Callable[[], float | None]
"""Seconds that the stack's process has used until now; None when the stack is not a process."""


def bulk_in(address: str, count: int, seconds: float, cpu: Cpu) -> Measured:
    """Bytes per second that the stack has acknowledged, over ``count`` connections."""
    with ExitStack() as closing, selectors.DefaultSelector() as selector:
        sent = dict.fromkeys((closing.enter_context(connect(address, SINK)) for _ in range(count)), 0)
        for each in sent:
            each.setblocking(False)
            selector.register(each, selectors.EVENT_WRITE)
        block = memoryview(BLOCK * 4)

        def delivered() -> int:
            return sum(size - _in_flight(each) for each, size in sent.items())

        def turn(patience: float) -> None:
            for key, _ in selector.select(patience):
                assert isinstance(key.fileobj, socket.socket)
                sent[key.fileobj] += key.fileobj.send(block)

        return _bulk(turn, delivered, seconds, cpu)


def bulk_out(address: str, count: int, seconds: float, cpu: Cpu) -> Measured:
    """Bytes per second that the stack sends and this kernel hands out, over ``count`` connections."""
    received = 0
    with ExitStack() as closing, selectors.DefaultSelector() as selector:
        for _ in range(count):
            selector.register(closing.enter_context(connect(address, SOURCE)), selectors.EVENT_READ)
        buffer = bytearray(_SIZE)

        def turn(patience: float) -> None:
            nonlocal received
            for key, _ in selector.select(patience):
                assert isinstance(key.fileobj, socket.socket)
                size = key.fileobj.recv_into(buffer)
                if not size:
                    raise ConnectionError("the stack ends what it should send for ever")
                received += size

        return _bulk(turn, lambda: received, seconds, cpu)


def round_trips(address: str, seconds: float, cpu: Cpu) -> Measured:
    """One byte there and back, on one connection."""
    with connect(address, ECHO) as peer:

        def once() -> None:
            peer.send(b"?")
            if not peer.recv(1):
                raise ConnectionError("the stack closes instead of echoing")

        return _often(once, seconds, cpu)


def open_close(address: str, seconds: float, cpu: Cpu) -> Measured:
    """Open, one byte there and back, close; the stack closes first."""

    def once() -> None:
        with connect(address, SERVE, reset=False) as peer:
            peer.send(b"?")
            if not peer.recv(1):
                raise ConnectionError("the stack closes instead of echoing")
            if peer.recv(1):
                raise ConnectionError("the stack does not close")

    return _often(once, seconds, cpu)


def check_in(address: str, count: int) -> bool:
    """Whether the stack's program finds the pattern in what it reads, on each of ``count`` connections."""
    with ExitStack() as closing, selectors.DefaultSelector() as selector:
        peers = [closing.enter_context(connect(address, CHECK)) for _ in range(count)]
        at = dict.fromkeys(peers, 0)
        for each in peers:
            # What is underway at the end has to arrive, and some stacks take their time.
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SIZE // count)
            each.setblocking(False)
            selector.register(each, selectors.EVENT_WRITE)
        block = memoryview(BLOCK)
        end = time.monotonic() + UNTIL_CHECKED
        while time.monotonic() < end:
            for key, _ in selector.select(0.05):
                assert isinstance(key.fileobj, socket.socket)
                peer = key.fileobj
                at[peer] = (at[peer] + peer.send(block[at[peer] :])) % len(block)
        for each in peers:
            each.settimeout(PATIENCE)
            each.shutdown(socket.SHUT_WR)
        answers = [each.recv(2) for each in peers]
        if b"" in answers:
            raise ConnectionError("the stack closes before all has arrived")
        return answers == [b"y"] * count


def check_out(address: str, count: int) -> bool:
    """Whether the stack sends the pattern, on each of ``count`` connections."""
    with ExitStack() as closing, selectors.DefaultSelector() as selector:
        followers = []
        for _ in range(count):
            followers.append(Follower())
            selector.register(closing.enter_context(connect(address, SOURCE)), selectors.EVENT_READ, followers[-1])
        end, received = time.monotonic() + UNTIL_CHECKED, 0
        while time.monotonic() < end or not received:
            ready = selector.select(PATIENCE)
            if not ready:
                raise TimeoutError("the stack sends nothing")
            for key, _ in ready:
                assert isinstance(key.fileobj, socket.socket)
                data = key.fileobj.recv(_SIZE)
                key.data.read(data)
                received += len(data)
        return all(each.faithful for each in followers)


def wait_until_it_answers(address: str, patience: float) -> None:
    """Until the stack echoes. Raises ``OSError`` when it does not."""
    end = time.monotonic() + patience
    while True:
        try:
            with connect(address, ECHO, timeout=1.0) as peer:
                peer.send(b"?")
                if peer.recv(1) == b"?":
                    return
        except OSError:
            if time.monotonic() > end:
                raise
        time.sleep(0.05)


def connect(address: str, port: int, *, reset: bool = True, timeout: float = PATIENCE) -> socket.socket:
    """With a congestion control that does not pace; ``reset``: closing leaves nothing behind."""
    peer = socket.create_connection((address, port), timeout)
    try:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        choose_loss_based(peer)
        if reset:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    except BaseException:
        peer.close()
        raise
    return peer


def choose_loss_based(peer: socket.socket) -> str:
    """CUBIC, or Reno where the machine lets a namespace have no other; the name of what it is."""
    for name in CONTROLS:
        try:
            peer.setsockopt(socket.IPPROTO_TCP, _TCP_CONGESTION, name.encode())
        except OSError:
            continue
        break
    return peer.getsockopt(socket.IPPROTO_TCP, _TCP_CONGESTION, 16).rstrip(b"\0").decode()


def _bulk(turn: Callable[[float], None], moved: Callable[[], int], seconds: float, cpu: Cpu) -> Measured:
    """Turn for so long; what counts begins a little later."""
    start = time.monotonic()
    begun, end = start + WARM * seconds, start + seconds
    while time.monotonic() < begun:
        turn(0.01)
    first, used, begun = moved(), cpu(), time.monotonic()
    while time.monotonic() < end:
        turn(0.01)
    elapsed = time.monotonic() - begun
    size, after = moved() - first, cpu()
    if size <= 0:
        raise TimeoutError("no byte was moved")
    return Measured(size / elapsed, None if used is None or after is None else (after - used) / size)


def _often(once: Callable[[], None], seconds: float, cpu: Cpu) -> Measured:
    used, start = cpu(), time.monotonic()
    count = 0
    while time.monotonic() < start + seconds or not count:
        once()
        count += 1
    elapsed, after = time.monotonic() - start, cpu()
    return Measured(count / elapsed, None if used is None or after is None else (after - used) / count)


def _in_flight(peer: socket.socket) -> int:
    """Bytes that are not acknowledged yet."""
    size: int = struct.unpack("i", fcntl.ioctl(peer, _SIOCOUTQ, bytes(4)))[0]
    return size
