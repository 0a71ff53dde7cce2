"""Standard input and output without blocking the loop, whatever they are: a terminal, a pipe, a file.

The descriptors stay in blocking mode, because a shell shares them with others.
"""

from __future__ import annotations

import asyncio
import os
import select
import sys
from collections.abc import Callable
from typing import Final

_CHUNK: Final = 1 << 16


async def read_input(fd: int = 0) -> bytes:
    """What standard input has, at most 64 KiB, as soon as it has something; empty at its end. Raises ``OSError``."""
    loop = asyncio.get_running_loop()
    await _wait(fd, select.POLLIN, lambda ready: loop.add_reader(fd, ready), lambda: loop.remove_reader(fd))
    return os.read(fd, _CHUNK)


async def write_output(data: bytes, fd: int = 1) -> None:
    """Write all of it, as fast as whoever reads takes it. Raises ``OSError``."""
    loop = asyncio.get_running_loop()
    view = memoryview(data)
    while view:
        await _wait(fd, select.POLLOUT, lambda ready: loop.add_writer(fd, ready), lambda: loop.remove_writer(fd))
        # A pipe that polls writable takes PIPE_BUF bytes at once; more could block (POSIX, write()).
        view = view[os.write(fd, view[: select.PIPE_BUF]) :]


async def _wait(
    fd: int, events: int, watch: Callable[[Callable[[], None]], None], unwatch: Callable[[], object]
) -> None:
    """Until the descriptor polls ready. A regular file always does, and the loop refuses to watch it."""
    poll = select.poll()
    poll.register(fd, events)
    if poll.poll(0):
        return
    ready = asyncio.Event()
    try:
        watch(ready.set)
    except PermissionError:
        return
    try:
        await ready.wait()
    finally:
        unwatch()


def say(line: str) -> None:
    """A line on standard output, at once: somebody may be waiting for it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def note(line: str) -> None:
    """A line on standard error, for people: standard output may carry data."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
