"""A host on a TUN device, as the options describe it."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from random import Random
from typing import Any, Final, TypeVar

from estab.cli import control
from estab.cli.errors import explained
from estab.cli.options import LinkOptions, kernel_side
from estab.drivers.asyncio_driver import Host, attach
from estab.drivers.trace import Trace
from estab.faults.delay import Delay
from estab.faults.link import FaultyLink
from estab.faults.loss import loss
from estab.faults.verdict import Fault
from estab.links.tap import PcapngTap
from estab.links.tun import TunLink
from estab.wire.link import Link

T = TypeVar("T")

_FAREWELL: Final = 5.0
"""Seconds in which connections may finish before the device goes away."""


def make_link(options: LinkOptions, device: Link | None = None) -> Link:
    """The device, with the faults and the tap that were asked for. Raises ``CommandError``."""
    with explained(f"no link on {options.tun}"):
        link: Link = device or _device(options)
    if options.loss or options.delay:
        faults: list[Fault] = []
        if options.loss:
            faults.append(loss(options.loss))
        out, into = list(faults), faults
        if options.delay:
            out.append(Delay(options.delay))
            into.append(Delay(options.delay))
        link = FaultyLink(link, out, into, rng=Random(options.seed))
    if options.pcap is not None:
        try:
            with explained(f"cannot write {options.pcap}"):
                link = PcapngTap(link, options.pcap, options.tun, origin=time.time_ns() - time.monotonic_ns())
        except BaseException:
            link.close()
            raise
    return link


def _device(options: LinkOptions) -> TunLink:
    if options.tun in {name for _, name in socket.if_nameindex()}:
        return TunLink.attach(options.tun)
    return TunLink.create(options.tun, [kernel_side(each) for each in options.addresses])


@asynccontextmanager
async def open_host(
    options: LinkOptions, command: str, device: Link | None = None, rng: Random | None = None
) -> AsyncIterator[Host]:
    """A host that ``estab ss`` sees. At the end connections get a moment to finish, then the device goes.

    device: in place of the one that ``options`` name. rng: see ``attach``."""
    with _observer(options) as observer:
        link = make_link(options, device)
        async with (
            attach(link, *options.addresses, hosts=options.hosts, linger=_FAREWELL, observer=observer, rng=rng) as host,
            control.answering(host, command),
        ):
            yield host


@contextmanager
def _observer(options: LinkOptions) -> Iterator[Trace | None]:
    """What writes the trace, if one was asked for. Raises ``CommandError``."""
    if options.trace is None:
        yield None
        return
    with explained(f"cannot write {options.trace}"):
        # Errors inside are not about this file.
        file = options.trace.open("w", encoding="utf-8")
    with file:
        yield Trace(file.write)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine; SIGTERM ends it as Ctrl-C does, so that nothing is left behind."""

    async def until_told() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        stopped = False

        def stop() -> None:
            nonlocal stopped
            stopped = True
            task.cancel()

        loop.add_signal_handler(signal.SIGTERM, stop)
        try:
            return await main
        except asyncio.CancelledError:
            if stopped:
                raise KeyboardInterrupt from None
            raise

    return asyncio.run(until_told())
