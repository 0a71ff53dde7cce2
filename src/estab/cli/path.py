"""``estab path``: a network of one's own wishes, between two namespaces of the kernel."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from typing import Annotated, Final

import typer

from estab.cli.errors import MISUSED, CommandError, explained
from estab.cli.options import Json, Seed
from estab.cli.path_words import parse_path, parse_time
from estab.cli.stdio import note, say
from estab.drivers.relay import Relay, Report
from estab.links.namespace import inside, new_namespace
from estab.links.tun import TunLink

ADDRESSES: Final = ("10.77.0.1", "10.77.0.2")
PREFIX: Final = 8
"""Everything in 10/8 that is not nearer lies behind the path: estab's hosts, for instance, on devices of their own."""
DEVICE: Final = "path0"
QUEUE: Final = 10_000
"""Packets that wait for the relay, so that only the path's own queue is ever full."""
_FORWARDING: Final = "/proc/sys/net/ipv4/ip_forward"


def path(
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SETTING]...", help="What the path is like; none: perfect.", show_default=False),
    ] = None,
    duration: Annotated[
        str, typer.Option("--time", metavar="TIME", help="End after this time, as in 10s. [default: Ctrl-C ends it]")
    ] = "",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Two network namespaces and a path between them, for the kernel's programs and for estab's.

    Settings: rate=10M queue=64k delay=20ms jitter=5ms reorder loss=1% burst=0.25%/25% mask=0b101 duplicate=1%
    mark=30k. They are about both directions; back.rate=1M is about the way back only; what follows @5s changes after
    5 s. The queue (bytes) holds one bandwidth-delay product if nothing is said. The end prints what the path did, and
    how late it was.

      estab path rate=10M delay=20ms loss=1%
      estab path rate=100M delay=5ms back.rate=10M @10s rate=20M --time 30s
    """
    with explained("the path"):
        wanted = parse_path(settings or ())
        limit = parse_time(duration) if duration else None
    if limit == 0:
        raise CommandError(f"--time {duration}: there would be no path", MISUSED)
    with explained("no path"):
        namespaces = [new_namespace(), new_namespace()]
        near, far = (_end(*each) for each in zip(namespaces, ADDRESSES, strict=True))
        relay = Relay(near, far, wanted, seed=seed)
        for name, namespace, address in zip(("near", "far"), namespaces, ADDRESSES, strict=True):
            note(f"{name:4}  {address}  nsenter --net=/proc/{os.getpid()}/fd/{namespace} COMMAND")
        _run(relay, limit)
        report = relay.report()
        relay.close()
        for namespace in namespaces:
            os.close(namespace)
    say(json.dumps(report.as_dict()) if as_json else _text(report))


def _end(namespace: int, address: str) -> TunLink:
    """The device at one end. What the kernel forwards may be a host of estab's on a device of its own."""
    with inside(namespace):
        with suppress(OSError), open(_FORWARDING, "w", encoding="ascii") as file:
            file.write("1")
        return TunLink.create(DEVICE, [f"{address}/{PREFIX}"], offload=False, queue=QUEUE)


def _run(relay: Relay, limit: int | None) -> None:
    """Until the time is over or somebody ends it; then it says what it did."""
    ended = False

    def end(*_: object) -> None:
        nonlocal ended
        ended = True

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        stop = None if limit is None else time.monotonic_ns() + limit
        relay.run(lambda: ended or (stop is not None and time.monotonic_ns() >= stop))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _text(report: Report) -> str:
    fates = ", ".join(f"{count:,} {fate}" for fate, count in sorted(report.fates.items())) or "nothing came"
    late = f"late by {report.late_p50 / 1e6:.3f} ms (half of them at most), {report.late_p99 / 1e6:.3f} ms (99 %)"
    work = f"{report.busy:.0%}, on a core {report.cpu:.0%}"
    return f"packets: {fates}\nhanded on: {report.size:,} bytes, {late}\nat work {work} of the time"
