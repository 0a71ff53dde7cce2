"""``estab nc``: standard input to a connection, and the connection to standard output."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass
from typing import Annotated, Final

import typer

from estab.cli.errors import MISUSED, CommandError, explained
from estab.cli.host import open_host, run
from estab.cli.options import (
    DEFAULT_TUN,
    NOTHING,
    Address,
    Delay,
    Hosts,
    Json,
    LinkOptions,
    Loss,
    Pcap,
    Seed,
    Trace,
    Tun,
)
from estab.cli.stdio import note, read_input, say, write_output
from estab.drivers.host import Host

_CHUNK: Final = 1 << 16

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(slots=True)
class Talked:
    """What ``--json`` prints: bytes each way."""

    peer: str = ""
    sent: int = 0
    received: int = 0


def nc(  # noqa: PLR0917 (typer reads the options here)
    host: Annotated[str | None, typer.Argument(metavar="HOST", help="Whom to connect to; not with -l.")] = None,
    port: Annotated[int | None, typer.Argument(metavar="PORT", min=1, max=65_535, help="Which port.")] = None,
    listen: Annotated[
        int | None,
        typer.Option("--listen", "-l", metavar="PORT", min=1, max=65_535, help="Wait for one connection instead."),
    ] = None,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", min=0.001, help="How long connecting may take.")] = 30.0,
    tun: Tun = DEFAULT_TUN,
    address: Address = None,
    pcap: Pcap = None,
    loss: Loss = NOTHING,
    delay: Delay = NOTHING,
    seed: Seed = 0,
    hosts: Hosts = None,
    trace: Trace = None,
    as_json: Json = False,
) -> None:
    """Talk to a TCP port, or wait with -l for somebody who does.

    The end of the input closes our direction only (FIN); what the other side still sends is printed until it closes
    its own. The command ends when both directions have.

      sudo estab nc -l 4000 &
      echo hello | nc -N 10.64.0.2 4000
    """
    if (listen is None) == (host is None or port is None):
        raise CommandError("either HOST and PORT, or -l PORT (see estab nc --help)", MISUSED)
    options = LinkOptions.parse(tun, address, pcap, loss, delay, seed, hosts, trace)
    talked = run(_nc(host or "", port or 0, listen, timeout, options))
    if as_json:
        # What was received may not end in a newline, and the JSON is a line.
        say(("\n" if talked.received else "") + json.dumps(asdict(talked)))


async def _nc(name: str, port: int, listen: int | None, timeout: float, options: LinkOptions) -> Talked:
    command = f"nc {name} {port}" if listen is None else f"nc -l {listen}"
    async with open_host(options, command) as host:
        if listen is None:
            with explained(f"cannot connect to {name} port {port}"):
                reader, writer = await host.open_connection(name, port, timeout=timeout)
        else:
            reader, writer = await _first_caller(host, listen)
        talked = Talked("{} port {}".format(*writer.get_extra_info("peername")[:2]))
        note(f"connected to {talked.peer}")
        with explained("the connection is lost"):
            await _talk(reader, writer, talked)
    return talked


async def _first_caller(host: Host, port: int) -> Streams:
    """The first connection; the port is free again when it is there."""
    caller: asyncio.Future[Streams] = asyncio.get_running_loop().create_future()

    def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if caller.done():
            writer.transport.abort()
        else:
            caller.set_result((reader, writer))

    with explained(f"cannot listen on port {port}"):
        server = await host.start_server(take, port=port, backlog=1)
    note(f"listening on port {port}")
    streams = await caller
    server.close()
    return streams


async def _talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, talked: Talked) -> None:
    """Both directions at once, each until its own end. Raises ``OSError`` when the connection is lost."""
    sending = asyncio.create_task(_send_input(writer, talked))
    receiving = asyncio.create_task(_print_received(reader, talked))
    try:
        # What is received tells why nothing can be sent: its error comes first.
        done, _ = await asyncio.wait((receiving, sending), return_when=asyncio.FIRST_EXCEPTION)
        for task in (receiving, sending):
            if task in done:
                task.result()
    finally:
        sending.cancel()
        receiving.cancel()
        writer.close()


async def _send_input(writer: asyncio.StreamWriter, talked: Talked) -> None:
    while piece := await read_input():
        writer.write(piece)
        talked.sent += len(piece)
        await writer.drain()
    writer.write_eof()


async def _print_received(reader: asyncio.StreamReader, talked: Talked) -> None:
    while piece := await reader.read(_CHUNK):
        talked.received += len(piece)
        await write_output(piece)
