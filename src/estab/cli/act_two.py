"""Act two: the same file to and from the Linux kernel's own TCP, over a TUN device in a network namespace of its own.

``act_two`` starts this module again under ``unshare``; that process plays the act and prints it as one line of JSON.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from http.client import HTTPResponse
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from estab.cli import http
from estab.cli.act import Act, Story, Transfer, digest
from estab.cli.errors import describe
from estab.cli.site import Site
from estab.drivers.asyncio_driver import Host, attach
from estab.links.device import DEVICE, TunError
from estab.links.tun import TunLink
from estab.tcp.config import MODERN, SECOND

OURS: Final = "10.64.0.2"
KERNELS: Final = "10.64.0.1"
CONFIG: Final = MODERN.but(msl=SECOND)
"""2 MSL are then 2 s, and TIME-WAIT ends before our eyes."""

_OUR_PORT: Final = 80
_KERNEL_PORT: Final = 8080
_USER_NAMESPACES: Final = (
    "sysctl kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0 (those that there are), "
    "or run as root"
)
_LIMIT: Final = 15.0
"""Seconds for the whole act."""


Row = tuple[str, str, str]
"""State, local end, remote end."""


@dataclass(slots=True)
class View:
    """One moment, as the kernel's ``ss`` and our ``netstat()`` show it."""

    when: str
    kernel: list[Row]
    ours: list[Row]


@dataclass(slots=True)
class ActTwo:
    """The act, and what the two stacks said of themselves meanwhile."""

    act: Act
    views: list[View] = field(default_factory=list)


# ---------------------------------------------------------------------- outside the namespace


def act_two(file: Path) -> ActTwo:
    """Play it in another process. What this machine does not have is told in ``why_not``."""
    why_not = what_is_missing()
    if why_not is not None:
        return ActTwo(Act(2, why_not=why_not))
    command = [*_unshare(), sys.executable, "-m", "estab.cli.act_two", str(file.resolve())]
    # The child finds the package where this process found it.
    path = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]))
    try:
        done = subprocess.run(
            command,
            env=os.environ | {"PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=2 * _LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _failed(f"it did not end within {2 * _LIMIT:.0f} s")
    if done.returncode or not done.stdout:
        return _failed((done.stderr.strip().splitlines() or ["no output"])[-1])
    value = json.loads(done.stdout.splitlines()[-1])
    return ActTwo(Act.from_json(value["act"]), [View(**each) for each in value["views"]])


def _failed(why: str) -> ActTwo:
    return ActTwo(Act(2, ran=True, why_not=why))


def what_is_missing() -> str | None:
    """One line: what act two needs and this machine does not have, and how to allow it."""
    try:
        os.close(os.open(DEVICE, os.O_RDWR))
    except FileNotFoundError:
        return f"{DEVICE} is missing: modprobe tun (in a container: start it with --device {DEVICE})"
    except OSError as error:
        return f"{DEVICE} cannot be opened ({describe(error)}): sudo chmod 666 {DEVICE}, or run as root"
    if shutil.which("unshare") is None:
        return "the program unshare is missing: apt-get install util-linux"
    tried = subprocess.run([*_unshare(), "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        remedy = "in a container: --cap-add SYS_ADMIN" if os.geteuid() == 0 else _USER_NAMESPACES
        return f"no network namespace can be made ({tried.stderr.strip()}): {remedy}"
    return None


def _unshare() -> list[str]:
    """Root makes a network namespace; anybody else becomes root of a user namespace first."""
    return ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]


# ---------------------------------------------------------------------- inside


async def play(file: Path) -> ActTwo:
    """Both transfers, in the network namespace that this process was started in."""
    played = ActTwo(Act(2))
    try:
        link = TunLink.create("estab0", [f"{KERNELS}/24"])
    except TunError as error:
        played.act.why_not = str(error)
        return played
    played.act.ran = True
    story = Story()
    async with asyncio.timeout(_LIMIT), attach(link, f"{OURS}/24", config=CONFIG, observer=story) as host:
        stage = _Stage(host, story, played, file, hashlib.sha256(file.read_bytes()).hexdigest())
        await stage.to_kernel()
        await stage.from_kernel()
    played.act.time_wait_ended = story.time_wait_ended
    return played


@dataclass(slots=True)
class _Stage:
    host: Host
    story: Story
    played: ActTwo
    file: Path
    sha256: str

    @property
    def target(self) -> str:
        return "/" + quote(self.file.name)

    async def to_kernel(self) -> None:
        """The kernel's client gets the file from our server, which closes first: TIME-WAIT is ours."""
        site = Site(self.file.parent)
        server = await self.host.start_server(
            lambda reader, writer: http.serve(reader, writer, site, lambda _: None), port=_OUR_PORT
        )
        client = _KernelClient()
        await asyncio.to_thread(client.connect)
        await self._look("the kernel's client has connected to our server")
        size, received = await asyncio.to_thread(client.get, self.target)
        await self._until_state("TIME-WAIT")
        await self._look("it has the file; our server closed first, so TIME-WAIT is ours")
        while not self.story.time_wait_ended:
            await asyncio.sleep(0.05)
        server.close()
        await self._look("2 MSL later (MSL is set to 1 s here, 30 s is usual): TIME-WAIT is over")
        act, again = self.played.act, self.story.retransmissions
        act.transfers.append(Transfer("estab to kernel", size, self.sha256, received, again))
        act.states["server"] = self.story.states.pop(_OUR_PORT)

    async def from_kernel(self) -> None:
        """We get the file from the kernel's server, which closes first: TIME-WAIT is the kernel's."""
        async with _kernel_server(self.file.parent):
            reader, writer = await self.host.open_connection(KERNELS, _KERNEL_PORT, limit=http.CHUNK)
            local_port = writer.get_extra_info("sockname")[1]
            url = http.Url(KERNELS, _KERNEL_PORT, self.target)
            await self._look("our client has connected to the kernel's server")
            before = kernel_retransmissions()
            response = await http.get(reader, writer, url)
            size, received = await digest(response.body)
            await http.leave(reader, writer)
            await self._until_gone()
            await self._look("it has the file; the kernel closed first, so TIME-WAIT is the kernel's")
        act, again = self.played.act, kernel_retransmissions() - before
        act.transfers.append(Transfer("kernel to estab", size, self.sha256, received, again))
        act.states["client"] = self.story.states[local_port]

    async def _until_state(self, state: str) -> None:
        while state not in {row.state for row in self.host.netstat()}:
            await asyncio.sleep(0.01)

    async def _until_gone(self) -> None:
        while self.host.netstat():
            await asyncio.sleep(0.01)

    async def _look(self, when: str) -> None:
        kernel = await asyncio.to_thread(kernel_sockets)
        ours = [(row.state, row.local, row.remote) for row in self.host.netstat()]
        self.played.views.append(View(when, kernel, ours))


class _KernelClient:
    """HTTP on the kernel's sockets, in another thread."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.settimeout(_LIMIT)

    def connect(self) -> None:
        self._socket.connect((OURS, _OUR_PORT))

    def get(self, target: str) -> tuple[int, str]:
        """Bytes and SHA-256 of what came. Reads on until the server has closed, so that it is the first to do so."""
        self._socket.sendall(f"GET {target} HTTP/1.1\r\nHost: {OURS}\r\nConnection: close\r\n\r\n".encode())
        response = HTTPResponse(self._socket)
        response.begin()
        data = response.read()
        self._socket.recv(1)
        self._socket.close()
        return len(data), hashlib.sha256(data).hexdigest()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Standard error is for errors."""


@asynccontextmanager
async def _kernel_server(directory: Path) -> AsyncIterator[None]:
    """Python's own HTTP server on the kernel's sockets, in other threads."""
    handler = functools.partial(_Quiet, directory=str(directory))
    with ThreadingHTTPServer((KERNELS, _KERNEL_PORT), handler) as server:
        serving = asyncio.create_task(asyncio.to_thread(server.serve_forever, 0.05))
        try:
            yield
        finally:
            await asyncio.to_thread(server.shutdown)
            await serving


_KERNEL_STATES: Final = {
    "ESTAB": "ESTABLISHED",
    "SYN-RECV": "SYN-RECEIVED",
    "UNCONN": "CLOSED",
}
"""Where ``ss`` has another name than RFC 9293."""


def kernel_retransmissions() -> int:
    """Segments that the kernel has sent again in this namespace (RetransSegs of RFC 4022)."""
    names, values = (
        line.split()
        for line in Path("/proc/net/snmp").read_text(encoding="ascii").splitlines()
        if line.startswith("Tcp:")
    )
    return int(values[names.index("RetransSegs")])


def kernel_sockets() -> list[Row]:
    """The kernel's TCP sockets in this namespace: state, local and remote end. By ``ss``, or /proc/net/tcp."""
    if shutil.which("ss") is None:
        return proc_net_tcp(Path("/proc/net/tcp").read_text(encoding="ascii"))
    found = subprocess.run(["ss", "-Htan"], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in found.splitlines()]
    return [(_KERNEL_STATES.get(row[0], row[0]), row[3], row[4]) for row in rows if len(row) >= 5]


_PROC_STATES: Final = (
    "ESTABLISHED",
    "SYN-SENT",
    "SYN-RECEIVED",
    "FIN-WAIT-1",
    "FIN-WAIT-2",
    "TIME-WAIT",
    "CLOSED",
    "CLOSE-WAIT",
    "LAST-ACK",
    "LISTEN",
    "CLOSING",
    "SYN-RECEIVED",
)
"""By their number less one: include/net/tcp_states.h; the last is NEW_SYN_RECV."""


def proc_net_tcp(text: str) -> list[Row]:
    """Addresses are in the machine's byte order there, ports in the network's (proc_net_tcp.rst)."""
    rows = [line.split() for line in text.splitlines()[1:]]
    return [(_PROC_STATES[int(row[3], 16) - 1], _endpoint(row[1]), _endpoint(row[2])) for row in rows]


def _endpoint(text: str) -> str:
    address, _, port = text.partition(":")
    packed = int(address, 16).to_bytes(4, sys.byteorder)
    return f"{'.'.join(map(str, packed))}:{int(port, 16) or '*'}"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(asyncio.run(play(Path(sys.argv[1]))))) + "\n")
