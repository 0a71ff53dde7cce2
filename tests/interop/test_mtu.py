"""The path's MTU changes under a transfer: at the device itself, or somewhere behind it."""

from __future__ import annotations

import random
import socket

import pytest

from estab.faults.path_mtu import black_hole, path_mtu
from estab.links import netlink
from tests.interop.ours import LOSS, Flow, Ours, attempt
from tests.netns import isolated_with_tun

FAMILIES = pytest.mark.parametrize("family", [4, 6])
OFFLOADS = pytest.mark.parametrize("offload", [True, False])
PAYLOAD = random.Random(1).randbytes(1_000_000 if LOSS else 4_000_000)
HEADERS = {4: 52, 6: 72}
"""IP, TCP and its timestamps."""


def echo(ours: Ours, flow: Flow, peer: socket.socket, data: bytes) -> None:
    """There and back, both ways full at the same time."""
    before = len(flow.received)
    flow.write(data)
    rest = memoryview(b"")
    back = 0

    def returned() -> bool:
        nonlocal rest, back
        if not rest:
            rest = memoryview(attempt(lambda: peer.recv(1 << 16)) or b"")
        if rest:
            count = attempt(lambda: peer.send(rest)) or 0
            rest = rest[count:]
            back += count
        return len(flow.received) - before == len(data)

    ours.until(returned)
    assert back == len(data)
    assert flow.received[before:] == data


def kernel_mss(peer: socket.socket) -> int:
    """``tcpi_snd_mss``."""
    return int.from_bytes(peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)[16:20], "little")


@FAMILIES
@OFFLOADS
@isolated_with_tun
def test_the_device_shrinks_and_grows(family: int, offload: bool) -> None:
    ours = Ours(family, offload=offload)
    flow, peer = ours.pair()
    index = socket.if_nametoindex(ours.tun.name)
    for mtu in (1500, 1300, 1400):
        netlink.set_link(index, mtu=mtu)
        echo(ours, flow, peer, PAYLOAD)
        # The link looks at its MTU every 100 ms of traffic.
        ours.until(lambda mtu=mtu: _exchanged_with(ours, flow, peer, mtu))
        most = mtu - HEADERS[family]
        # Three timeouts in a row, which losses of our own may bring, make it try a smaller size.
        assert flow.connection.mss <= most if LOSS else flow.connection.mss == most
        assert kernel_mss(peer) <= most


def _exchanged_with(ours: Ours, flow: Flow, peer: socket.socket, mtu: int) -> bool:
    echo(ours, flow, peer, b"?")
    return ours.pump.mtu == mtu


@pytest.mark.lossless("after three timeouts in a row a smaller size is tried")
@FAMILIES
@isolated_with_tun
def test_a_router_on_the_path_says_so(family: int) -> None:
    ours = Ours(family, out=[path_mtu(1400)], into=[path_mtu(1400)])
    flow, peer = ours.pair()
    echo(ours, flow, peer, PAYLOAD)
    assert flow.connection.mss == 1400 - HEADERS[family]
    assert kernel_mss(peer) == 1400 - HEADERS[family]


@FAMILIES
@isolated_with_tun
def test_a_router_on_our_path_is_silent(family: int) -> None:
    ours = Ours(family, out=[black_hole(1400)])
    flow, peer = ours.pair()
    echo(ours, flow, peer, PAYLOAD)
    assert flow.connection.mss <= 1400 - HEADERS[family]
