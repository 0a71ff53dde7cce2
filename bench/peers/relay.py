"""What the device itself carries: packets from one TUN device to another, untouched.

``python -m bench.peers.relay FIRST SECOND offload|plain`` takes two descriptors of ``/dev/net/tun``."""

from __future__ import annotations

import os
import select
import sys

LONGEST = 65_535 + 10
"""A packet and its header of ``IFF_VNET_HDR``."""
BATCH = 64


def main(first: int, second: int) -> None:
    poll = select.epoll()
    other = {first: second, second: first}
    for each in other:
        os.set_blocking(each, False)
        poll.register(each, select.EPOLLIN)
    buffer = bytearray(LONGEST)
    view = memoryview(buffer)
    while True:
        for ready, _ in poll.poll():
            carry(ready, other[ready], buffer, view)


def carry(source: int, target: int, buffer: bytearray, view: memoryview) -> None:
    """Until the source is empty, but not for ever."""
    for _ in range(BATCH):
        try:
            size = os.readv(source, (buffer,))
        except BlockingIOError:
            return
        os.writev(target, (view[:size],))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
