"""The kernel's side, in a process of its own: ``python -m bench.peer source|sink|echo|serve``. PORT is theirs."""

from __future__ import annotations

import socket
import sys
from typing import Final

KERNEL: Final = "10.9.0.1"
OURS: Final = "10.9.0.2"
PORT: Final = 5000
SIZE: Final = 1_000_000
"""Bytes of a MB."""
VOLUME: Final = 4000 * SIZE
ROUNDS: Final = {"echo": 20_000, "serve": 2_000}
_BLOCK: Final = 1 << 20


def source(peer: socket.socket) -> None:
    """Send the whole volume."""
    block = bytes(_BLOCK)
    left = VOLUME
    while left:
        left -= peer.send(memoryview(block)[:left])
    peer.shutdown(socket.SHUT_WR)
    peer.recv(1)


def sink(peer: socket.socket) -> None:
    """Read to the end."""
    buffer = bytearray(_BLOCK)
    while peer.recv_into(buffer):
        pass


def echo(peer: socket.socket) -> None:
    """Send back what comes."""
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := peer.recv(_BLOCK):
        peer.send(data)


def main(mode: str) -> None:
    with socket.create_server((KERNEL, PORT), backlog=128) as server:
        print("ready", flush=True)  # noqa: T201
        while True:
            peer, _ = server.accept()
            with peer:
                {"source": source, "sink": sink, "echo": echo, "serve": echo}[mode](peer)


if __name__ == "__main__":
    main(*sys.argv[1:])
