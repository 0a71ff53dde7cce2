"""The same program on the kernel's own stack: ``python -m bench.peers.kernel ADDRESS``."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Thread

from bench.peers.client import choose_loss_based
from bench.peers.terms import BLOCK, CHECK, ECHO, SERVE, SINK, SOURCE, Follower

_SIZE = 1 << 20


def sink(peer: socket.socket) -> None:
    buffer = bytearray(_SIZE)
    while peer.recv_into(buffer):
        pass


def source(peer: socket.socket) -> None:
    block = BLOCK * 4
    while True:
        peer.sendall(block)


def echo(peer: socket.socket) -> None:
    while data := peer.recv(_SIZE):
        peer.sendall(data)


def serve(peer: socket.socket) -> None:
    peer.sendall(peer.recv(_SIZE))


def check(peer: socket.socket) -> None:
    follower = Follower()
    while data := peer.recv(_SIZE):
        follower.read(data)
    peer.sendall(b"y" if follower.faithful else b"n")


def accept(server: socket.socket, program: Callable[[socket.socket], None]) -> None:
    """A thread for each connection: what waits in the kernel does not hold up the others."""
    while True:
        peer, _ = server.accept()
        Thread(target=run, args=(peer, program), daemon=True).start()


def run(peer: socket.socket, program: Callable[[socket.socket], None]) -> None:
    with peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        choose_loss_based(peer)
        # The client has seen enough.
        with suppress(ConnectionError):
            program(peer)


def main(address: str) -> None:
    programs = {SINK: sink, SOURCE: source, ECHO: echo, SERVE: serve, CHECK: check}
    threads = []
    for port, program in programs.items():
        server = socket.create_server((address, port), backlog=256)
        threads.append(Thread(target=accept, args=(server, program), daemon=True))
        threads[-1].start()
    print("ready", flush=True)  # noqa: T201
    for each in threads:
        each.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
