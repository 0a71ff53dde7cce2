"""Where a stack plays: its namespaces and devices, its process, and what that process has used."""

from __future__ import annotations

import os
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from bench.peers.terms import KERNEL, STACK
from estab.links import netlink
from estab.links.namespace import inside, new_namespace
from estab.links.tun import TunLink

ROOT: Final = Path(__file__).parents[2]
START: Final = 20.0
"""Seconds that a stack may take until it says that it is ready."""
DEVICE: Final = "peer0"
TICKS: Final = os.sysconf("SC_CLK_TCK")
GATEWAY: Final = "192.0.2.2"
OUTSIDE: Final = "192.0.2.1"
"""Of the host that slirp4netns and pasta act for (RFC 5737: an address for documentation)."""


class Session(NamedTuple):
    """A stack that runs."""

    namespace: int
    """Where its client has to be."""
    address: str
    process: int | None
    """Whose CPU time is the stack's."""

    def cpu(self) -> float | None:
        return None if self.process is None else cpu_seconds(self.process)


@contextmanager
def on_tun(command: Sequence[str]) -> Iterator[Session]:
    """A program behind a TUN device that it attaches to: ``DEVICE`` in the command stands for its name."""
    with namespace() as near, inside(near), ExitStack() as closing:
        # It persists, so that the program can be any; it goes with the namespace.
        TunLink.create(DEVICE, [f"{KERNEL}/24"], offload=False, persist=True).close()
        process = closing.enter_context(program([DEVICE if each == "DEVICE" else each for each in command]))
        yield Session(near, STACK, process.pid)


@contextmanager
def on_loopback() -> Iterator[Session]:
    """The kernel with itself."""
    with namespace() as near, inside(near), kernel("127.0.0.1"):
        yield Session(near, "127.0.0.1", None)


@contextmanager
def on_relay(python: str, offload: bool) -> Iterator[Session]:
    """A kernel in another namespace, and a relay between the two devices."""
    with namespace() as near, namespace() as far, ExitStack() as closing:
        links = []
        for where, address in ((near, KERNEL), (far, STACK)):
            with inside(where):
                links.append(TunLink.create(DEVICE, [f"{address}/24"], offload=offload))
                closing.callback(links[-1].close)
        with inside(far):
            closing.enter_context(kernel(STACK))
        ends = [each.fileno() for each in links]
        command = [python, "-m", "bench.peers.relay", *map(str, ends)]
        relay = closing.enter_context(program(command, ends, speaks=False))
        with inside(near):
            yield Session(near, STACK, relay.pid)


@contextmanager
def on_slirp() -> Iterator[Session]:
    """slirp4netns gives a namespace a network; connections to its gateway go to our loopback."""
    with namespace() as outside, namespace() as near, ExitStack() as closing:
        with inside(outside):
            closing.enter_context(kernel("127.0.0.1"))
            path = f"/proc/{os.getpid()}/fd/{near}"
            options = ["--configure", "--mtu", "1500", "--netns-type", "path"]
            slirp = closing.enter_context(program(["slirp4netns", *options, path, "tap0"], speaks=False))
        with inside(near):
            wait_for_interface("tap0")
            yield Session(near, "10.0.2.2", slirp.pid)


@contextmanager
def on_pasta() -> Iterator[Session]:
    """pasta does the same with the addresses of the host, which needs to have some."""
    with namespace() as outside, namespace() as near, ExitStack() as closing:
        with inside(outside):
            link = TunLink.create("outside0", [f"{OUTSIDE}/24"], offload=False)
            closing.callback(link.close)
            link.add_route("0.0.0.0/0")
            closing.enter_context(kernel("127.0.0.1"))
            how = ["--foreground", "--quiet", "--config-net", "--ipv4-only", "--mtu", "1500", "--ns-ifname", "tap0"]
            # A TUN device has no hardware address to take over. Only as itself may pasta reach what it inherits.
            who = ["--mac-addr", "02:00:00:00:00:01", "--gateway", GATEWAY, "--no-dhcp", "--runas", "0:0"]
            command = ["pasta", *how, *who, "--netns", f"/proc/self/fd/{near}"]
            pasta = closing.enter_context(program(command, [near], speaks=False))
        with inside(near):
            wait_for_interface("tap0")
            yield Session(near, GATEWAY, pasta.pid)


@contextmanager
def namespace() -> Iterator[int]:
    """A network namespace with its loopback up."""
    made = new_namespace()
    try:
        with inside(made):
            netlink.set_link(socket.if_nametoindex("lo"))
        yield made
    finally:
        os.close(made)


@contextmanager
def kernel(address: str) -> Iterator[subprocess.Popen[str]]:
    """The kernel's program, in the namespace of this thread."""
    with program([sys.executable, "-m", "bench.peers.kernel", address]) as process:
        yield process


@contextmanager
def program(command: Sequence[str], fds: Sequence[int] = (), speaks: bool = True) -> Iterator[subprocess.Popen[str]]:
    """A process of ours, once it has said that it is ready. Raises ``OSError`` when it does not start."""
    if shutil.which(command[0]) is None:
        raise FileNotFoundError(f"{command[0]} is not installed")
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, pass_fds=fds, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        if speaks:
            ready, _, _ = select.select([process.stdout], [], [], START)
            if not ready or not process.stdout.readline():
                raise OSError(f"{command[0]} does not start: {last_words(process)}")
        yield process
    finally:
        process.kill()
        process.communicate()


def last_words(process: subprocess.Popen[str]) -> str:
    process.kill()
    _, said = process.communicate()
    return (said.strip().splitlines() or ["it says nothing"])[-1]


def wait_for_interface(name: str) -> None:
    """Raises ``OSError`` when it does not come up."""
    end = time.monotonic() + START
    while True:
        try:
            socket.if_nametoindex(name)
            return
        except OSError:
            if time.monotonic() > end:
                raise
        time.sleep(0.05)


def cpu_seconds(process: int) -> float:
    """User and system time of a process, its threads and its children."""
    total = 0.0
    for task in Path(f"/proc/{process}/task").iterdir():
        try:
            # Nanoseconds on a processor; the clock of stat ticks a hundred times a second only.
            total += int((task / "schedstat").read_text().split()[0]) / 1e9
        except (OSError, IndexError):
            fields = (task / "stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / TICKS
        try:
            children = (task / "children").read_text().split()
        except OSError:
            children = []
        total += sum(cpu_seconds(int(each)) for each in children)
    return total
