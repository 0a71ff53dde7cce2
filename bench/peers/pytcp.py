"""The same program on pmd-pytcp, in its own environment: ``python -m bench.peers.pytcp DEVICE ADDRESS``.

The stack is global to its process. Its send buffer takes whatever it is given, so the source looks at its length."""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from pmd_net_addr import Ip4Address, Ip4IfAddr
from pmd_pytcp import socket, stack
from pmd_pytcp.lib.interface_layer import InterfaceLayer

from bench.peers.terms import BLOCK, CHECK, ECHO, SERVE, SINK, SOURCE, Follower

TUNSETIFF: Final = 0x400454CA
IFF_TUN: Final = 0x0001
SIZE: Final = 65_536
ENOUGH: Final = 256 * 1024
"""Bytes in the send buffer."""
WINDOW: Final = 1 << 20
"""Bytes; its default of 65,535 makes it no faster."""

Program = Callable[[Any], Coroutine[Any, Any, None]]


async def sink(peer: Any) -> None:
    while await peer.recv(SIZE):
        pass


async def source(peer: Any) -> None:
    while True:
        if peer.status().tx_buffer_len < ENOUGH:
            await peer.send(BLOCK)
        await asyncio.sleep(0.001)


async def echo(peer: Any) -> None:
    while data := await peer.recv(SIZE):
        await peer.send(data)


async def serve(peer: Any) -> None:
    await peer.send(await peer.recv(SIZE))


async def check(peer: Any) -> None:
    follower = Follower()
    while data := await peer.recv(SIZE):
        follower.read(data)
    await peer.send(b"y" if follower.faithful else b"n")


PROGRAMS: dict[int, Program] = {SINK: sink, SOURCE: source, ECHO: echo, SERVE: serve, CHECK: check}


async def accept(listening: Any, program: Program) -> None:
    running = set()
    while True:
        peer, _ = await listening.accept()
        task = asyncio.create_task(run(peer, program))
        running.add(task)
        task.add_done_callback(running.discard)


async def run(peer: Any, program: Program) -> None:
    # The client has seen enough.
    with suppress(OSError):
        await program(peer)
    peer.close()


async def main(device: str, address: str) -> None:
    stack.LOG__CHANNEL.clear()
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TUN))
    stack.init(
        fd=fd,
        layer=InterfaceLayer.L3,
        interface_name=device,
        ip4_host=Ip4IfAddr(f"{address}/24"),
        ip4_dhcp=False,
        ip6_support=False,
        sysctls={"tcp.rcv_wnd_max": WINDOW},
    )
    await stack.start()
    while not stack.local_ip4_unicast():
        await asyncio.sleep(0.01)
    tasks = []
    for port, program in PROGRAMS.items():
        listening = socket.socket(socket.AF_INET4, socket.SOCK_STREAM)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.bind((str(Ip4Address(address)), port))
        listening.listen(backlog=256)
        tasks.append(asyncio.create_task(accept(listening, program)))
    print("ready", flush=True)  # noqa: T201
    await asyncio.gather(*tasks)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
