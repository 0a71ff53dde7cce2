"""The kernel's part of a measurement, in a process that has entered its namespace."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from bench.loss.part import BLOCK, PORT


def receive(address: str, seconds: float, ready: Callable[[], None]) -> float:
    """Bytes per second that one connection brings, from when it is accepted."""
    with socket.create_server((address, PORT)) as server:
        ready()
        accepted, _ = server.accept()
    with accepted:
        begun, received = time.monotonic(), 0
        buffer = bytearray(len(BLOCK))
        while (left := begun + seconds - time.monotonic()) > 0:
            accepted.settimeout(left)
            try:
                received += accepted.recv_into(buffer)
            except TimeoutError:
                break
    return received / seconds


def send(remote: str, control: str, used: Callable[[str], None]) -> None:
    """Send for ever. ``used`` is told which congestion control the socket really has."""
    with socket.socket() as connected:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, control.encode())
        connected.connect((remote, PORT))
        used(connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode())
        while True:
            connected.send(BLOCK)
