"""``estab serve``: the files of a directory over HTTP through our own TCP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Annotated, Final

import typer

from estab.cli import http
from estab.cli.errors import CommandError, describe, explained
from estab.cli.host import open_host, run
from estab.cli.options import DEFAULT_TUN, NOTHING, Address, Delay, Json, LinkOptions, Loss, Pcap, Seed, Trace, Tun
from estab.cli.serve_workers import MOST_WORKERS, serve_with
from estab.cli.site import Site
from estab.cli.stdio import note, say
from estab.links.queues import QueueLink
from estab.wire.link import Link

MOST_CONNECTIONS: Final = 1000
"""Served at the same time; what comes beyond is reset."""


@dataclass(slots=True)
class Totals:
    """What ``--json`` prints at the end."""

    urls: list[str]
    requests: int = 0
    bytes: int = 0
    handed_over: int = 0
    """Packets that one worker handed to another."""
    per_worker: list[int] = field(default_factory=list)
    """Requests of each."""


def serve(  # noqa: PLR0917 (typer reads the options here)
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", exists=True, file_okay=False, readable=True, help="What to serve.")
    ] = Path(),
    port: Annotated[int, typer.Option("--port", "-p", min=1, max=65_535, help="Where to listen.")] = 8000,
    tun: Tun = DEFAULT_TUN,
    address: Address = None,
    pcap: Pcap = None,
    loss: Loss = NOTHING,
    delay: Delay = NOTHING,
    seed: Seed = 0,
    trace: Trace = None,
    workers: Annotated[
        int,
        typer.Option(min=1, max=MOST_WORKERS, help="Processes, each with a stack on a queue of its own of the device."),
    ] = 1,
    as_json: Json = False,
) -> None:
    """Serve the files of a directory over HTTP, until it is interrupted.

    The kernel's curl is a client as any other:

      sudo estab serve . &
      curl http://10.64.0.2:8000/README.md

    With --workers each process has files of its own for --pcap and --trace: x.0.pcapng, x.1.pcapng.
    """
    options = LinkOptions.parse(tun, address, pcap, loss, delay, seed, trace=trace)
    with explained(f"cannot serve {directory}"):
        site = Site(directory)
    urls = [_url(each, port) for each in options.addresses]

    def announce() -> None:
        note(f"serving {site.root} at {' '.join(urls)} (Ctrl-C ends it)")

    def work(options: LinkOptions, link: QueueLink | None, rng: Random | None, ready: Callable[[], None]) -> Totals:
        totals = Totals(urls)
        # Being interrupted is the usual end.
        with suppress(KeyboardInterrupt):
            run(_serve(site, port, options, totals, ready, link, rng))
        if link is not None:
            totals.handed_over = link.handed_over
        return totals

    if workers == 1:
        totals = work(options, None, None, announce)
    else:
        parts = serve_with(workers, options, work, announce)
        totals = _together(urls, parts)
    if as_json:
        say(json.dumps(asdict(totals)))


def _url(address: str, port: int) -> str:
    host = address.partition("/")[0]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def _together(urls: list[str], parts: list[Totals]) -> Totals:
    return Totals(
        urls,
        sum(part.requests for part in parts),
        sum(part.bytes for part in parts),
        sum(part.handed_over for part in parts),
        [part.requests for part in parts],
    )


async def _serve(  # noqa: PLR0917
    site: Site,
    port: int,
    options: LinkOptions,
    totals: Totals,
    ready: Callable[[], None],
    device: Link | None,
    rng: Random | None,
) -> None:
    active = 0

    def log(served: http.Served) -> None:
        totals.requests += 1
        totals.bytes += served.sent
        note(f"{served.peer} {_printable(served.method)} {_printable(served.target)} {served.status} {served.sent:,}")

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal active
        if active >= MOST_CONNECTIONS:
            writer.transport.abort()
            return
        active += 1
        try:
            await http.serve(reader, writer, site, log)
        finally:
            active -= 1

    async with open_host(options, f"serve {site.root} --port {port}", device, rng) as host:
        with explained(f"cannot listen on port {port}"):
            server = await host.start_server(handle, port=port)
        ready()
        try:
            await server.serve_forever()
        except asyncio.CancelledError:
            if host.error is None:
                raise
            raise CommandError(f"{options.tun} is gone: {describe(host.error)}") from None


def _printable(text: str) -> str:
    """As a request may hold anything, and a terminal obeys much of that."""
    return text if text.isprintable() else repr(text)
