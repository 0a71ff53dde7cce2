"""``estab get``: fetch a file over HTTP through our own TCP."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Final
from urllib.parse import unquote

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from estab.cli import http
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
from estab.cli.stdio import say, write_output

STDOUT: Final = "-"

_URL_HELP: Final = "http://HOST[:PORT]/PATH; the host is a numeric address, or a name from --hosts."
_OUTPUT_HELP: Final = (
    "Where to write it, - for standard output. [default: the last part of the path, unless there is such a file]"
)


@dataclass(slots=True)
class Fetched:
    """What ``--json`` prints."""

    url: str
    status: int
    file: str
    bytes: int
    sha256: str
    seconds: float


def get(  # noqa: PLR0917 (typer reads the options here)
    url: Annotated[str, typer.Argument(metavar="URL", help=_URL_HELP)],
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help=_OUTPUT_HELP, show_default=False)
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
    """Fetch a file over HTTP.

    The kernel is asked as any other server would be:

      python3 -m http.server &
      sudo estab get http://10.64.0.1:8000/README.md -o - --loss 5%
    """
    with explained("cannot get that"):
        parsed = http.parse_url(url)
    options = LinkOptions.parse(tun, address, pcap, loss, delay, seed, hosts, trace)
    target = output or default_name(parsed)
    if Path(target).is_dir():
        raise CommandError(f"{target} is a directory: -o takes the name of a file", MISUSED)
    fetched = run(_get(url, parsed, target, timeout, options))
    if as_json:
        # What was fetched may not end in a newline, and the JSON is a line.
        say(("\n" if target == STDOUT else "") + json.dumps(asdict(fetched)))
    elif target != STDOUT:
        say(f"{fetched.bytes:,} bytes in {target}, SHA-256 {fetched.sha256}")


def default_name(url: http.Url) -> str:
    """The last part of the path. Raises ``CommandError`` if that is no name, or that of a file which is there."""
    name = PurePosixPath(unquote(url.target.partition("?")[0])).name or "index.html"
    if "\0" in name or name in (".", ".."):
        raise CommandError(f"{url.target} ends in no file name: choose one with -o FILE", MISUSED)
    if Path(name).exists():
        raise CommandError(f"{name} is there already: -o {name} overwrites it, -o OTHER does not", MISUSED)
    return name


async def _get(text: str, url: http.Url, target: str, timeout: float, options: LinkOptions) -> Fetched:
    started = time.monotonic()
    async with open_host(options, f"get {text}") as host:
        with explained(f"cannot connect to {url.host} port {url.port}"):
            reader, writer = await host.open_connection(url.host, url.port, limit=http.CHUNK, timeout=timeout)
        with explained(f"cannot get {text}"):
            response = await http.get(reader, writer, url)
        if not 200 <= response.status < 300:
            raise CommandError(f"{text}: {response.status} {response.reason}".rstrip())
        digest, size = hashlib.sha256(), 0
        with _progress(target, response.length) as advance, _sink(target) as write, explained(f"cannot get {text}"):
            async for piece in response.body:
                await write(piece)
                digest.update(piece)
                size += len(piece)
                advance(len(piece))
        await http.leave(reader, writer)
    return Fetched(text, response.status, target, size, digest.hexdigest(), round(time.monotonic() - started, 3))


@contextmanager
def _sink(target: str) -> Iterator[Callable[[bytes], Awaitable[None]]]:
    """What takes the pieces. A file gets its name when it is complete; what is not is removed."""
    if target == STDOUT:
        yield write_output
        return
    partial = f"{target}.part"
    with explained(f"cannot write {target}"):
        file = open(partial, "wb")  # noqa: SIM115 (closed below, whatever happens)

    async def write(piece: bytes) -> None:
        file.write(piece)

    try:
        with file:
            yield write
        with explained(f"cannot write {target}"):
            os.replace(partial, target)
    except BaseException:
        os.unlink(partial)
        raise


@contextmanager
def _progress(target: str, length: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, where that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("standard output" if target == STDOUT else target, total=length)
        yield lambda size: bar.advance(task, size)
