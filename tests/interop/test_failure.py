"""Connections that fail, and how both sides are told."""

from __future__ import annotations

import errno
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from estab.tcp.config import MILLISECOND, MODERN
from tests.interop.ours import FAMILY, Ours
from tests.netns import isolated_with_tun, require_program

FAMILIES = pytest.mark.parametrize("family", [4, 6])

CLIENT = """
import socket, sys
peer = socket.create_connection((sys.argv[1], 5000))
while peer.recv(65536):
    pass
"""
"""A program that only reads."""

UNREACHABLE = {4: "10.99.0.9", 6: "fd99::9"}
NOBODY = {4: "10.9.0.9", 6: "fd09::9"}
"""On the link, so that the kernel, which is no router, has nothing to say about it."""


@FAMILIES
@isolated_with_tun
def test_the_kernel_refuses(family: int) -> None:
    ours = Ours(family)
    flow = ours.connect(5000)
    ours.until(lambda: flow.over)
    assert isinstance(flow.connection.error, ConnectionRefusedError)
    assert ours.connections() == []


@FAMILIES
@isolated_with_tun
def test_we_refuse(family: int) -> None:
    ours = Ours(family)
    with pytest.raises(ConnectionRefusedError):
        ours.kernel_connect(5000)


@pytest.mark.lossless("a datagram is sent once")
@FAMILIES
@isolated_with_tun
def test_we_refuse_a_datagram(family: int) -> None:
    ours = Ours(family)
    with socket.socket(FAMILY[family], socket.SOCK_DGRAM) as sender:
        sender.connect((ours.address, 5000))
        sender.send(b"anybody?")
        refused = ours.until(lambda: sender.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
    assert refused == errno.ECONNREFUSED


@FAMILIES
@isolated_with_tun
def test_the_kernel_resets(family: int) -> None:
    ours = Ours(family)
    flow, peer = ours.pair()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    ours.until(lambda: flow.over)
    assert isinstance(flow.connection.error, ConnectionResetError)
    assert flow.states[-1] == "CLOSED"
    assert ours.connections() == []


@FAMILIES
@isolated_with_tun
def test_we_reset(family: int) -> None:
    ours = Ours(family)
    flow, peer = ours.pair()
    flow.abort()
    with pytest.raises(ConnectionResetError):
        ours.kernel_receive(peer)
    assert ours.connections() == []


@FAMILIES
@isolated_with_tun
def test_we_close_with_unread_data(family: int) -> None:
    ours = Ours(family)
    flow, peer = ours.pair()
    flow.reading = False
    peer.send(b"never read")
    ours.until(lambda: flow.connection.readable)
    flow.close()
    with pytest.raises(ConnectionResetError):
        ours.kernel_receive(peer)
    assert ours.connections() == []


@FAMILIES
@isolated_with_tun
def test_the_peer_is_killed(family: int) -> None:
    """Its kernel answers what comes for the dead program with a reset."""
    ours = Ours(family)
    listener = ours.listen(5000)
    client = subprocess.Popen([sys.executable, "-c", CLIENT, ours.address])
    flow = ours.accept(listener)
    flow.write(bytes(1 << 20))
    ours.until(lambda: flow.connection.snd_una > flow.connection.iss + (1 << 19))
    client.kill()
    client.wait()

    def gone() -> bool:
        if not flow.over and flow.connection.room:
            flow.connection.send(b"still there?", time.monotonic_ns())
        return flow.over

    ours.until(gone)
    assert isinstance(flow.connection.error, ConnectionResetError)
    assert ours.connections() == []


@FAMILIES
@isolated_with_tun
def test_the_destination_is_unreachable(family: int) -> None:
    """A router says so, and what says so is the kernel."""
    ip = require_program("ip", "apt-get install -y iproute2")
    ours = Ours(family)
    forwarding = "ipv4/ip_forward" if family == 4 else "ipv6/conf/all/forwarding"
    Path("/proc/sys/net", forwarding).write_text("1")
    subprocess.run([ip, f"-{family}", "route", "add", "unreachable", UNREACHABLE[family]], check=True)
    flow = ours.connect(5000, UNREACHABLE[family])
    ours.until(lambda: flow.over)
    assert flow.connection.error is not None
    assert flow.connection.error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH)


@FAMILIES
@isolated_with_tun
def test_nobody_answers(family: int) -> None:
    ours = Ours(family, config=MODERN.but(syn_retries=1, rto_initial=100 * MILLISECOND))
    flow = ours.connect(5000, NOBODY[family])
    ours.until(lambda: flow.over)
    assert isinstance(flow.connection.error, TimeoutError)
    assert ours.stack.counters["RetransSegs"] == 1
