"""Fast open with the kernel as the peer: both roles, both families, and a cookie that the kernel does not know."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from tests.interop.ours import CONFIG, FAMILY, Flow, Ours, attempt
from tests.netns import isolated_with_tun

pytestmark = pytest.mark.lossless("whether a SYN with data comes back is counted")

FAMILIES = pytest.mark.parametrize("family", [4, 6])
PORT = 5000
REQUEST = b"request"
ANSWER = b"answer"


def allow() -> None:
    """Client and server, for who asks."""
    Path("/proc/sys/net/ipv4/tcp_fastopen").write_text("3")


def kernel_server(ours: Ours) -> socket.socket:
    server = ours.kernel_listen(PORT)
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
    return server


def ask(ours: Ours, server: socket.socket) -> Flow:
    """We open with a request, the kernel answers, we close."""
    c = ours.stack.open((ours.kernel, PORT), time.monotonic_ns(), data=REQUEST)
    flow = Flow(ours, c)
    with ours.kernel_accept(server) as peer:
        assert ours.kernel_receive(peer, len(REQUEST)) == REQUEST
        ours.kernel_send(peer, ANSWER)
        ours.until(lambda: flow.received == ANSWER)
        flow.close()
        assert ours.kernel_receive(peer) == b""
    return flow


@FAMILIES
@isolated_with_tun
def test_we_open_fast(family: int) -> None:
    allow()
    ours = Ours(family)
    with kernel_server(ours) as server:
        ask(ours, server)
        assert ours.stack.counters["TCPFastOpenActive"] == 0
        ask(ours, server)
        assert ours.stack.counters["TCPFastOpenActive"] == 1
    assert ours.stack.counters["RetransSegs"] == 0


@FAMILIES
@isolated_with_tun
def test_a_cookie_that_the_kernel_does_not_know(family: int) -> None:
    allow()
    ours = Ours(family)
    with kernel_server(ours) as server:
        ask(ours, server)
        (pair, known), *_ = ours.stack.cookies.cookies.items()
        ours.stack.cookies.cookies[pair] = known._replace(value=bytes(len(known.value)))
        ask(ours, server)
        assert ours.stack.counters["TCPFastOpenActive"] == 0
        assert ours.stack.counters["RetransSegs"] == 1
        assert ours.stack.cookies.cookies[pair].value == known.value
        ask(ours, server)
        assert ours.stack.counters["TCPFastOpenActive"] == 1


@FAMILIES
@isolated_with_tun
def test_a_kernel_that_wants_none(family: int) -> None:
    Path("/proc/sys/net/ipv4/tcp_fastopen").write_text("1")
    ours = Ours(family)
    with ours.kernel_listen(PORT) as server:
        ask(ours, server)
        ask(ours, server)
    assert not ours.stack.cookies.cookies


@FAMILIES
@isolated_with_tun
def test_the_kernel_opens_fast(family: int) -> None:
    allow()
    ours = Ours(family, config=CONFIG.but(fast_open_queue=16))
    listener = ours.listen(PORT)
    for times in (0, 1):
        with socket.socket(FAMILY[family]) as client:
            client.setblocking(False)
            taken = attempt(lambda client=client: client.sendto(REQUEST, socket.MSG_FASTOPEN, (ours.address, PORT)))
            assert (taken is None) == (times == 0)
            flow = ours.accept(listener)
            assert ours.stack.counters["TCPFastOpenPassive"] == times
            if times:
                # It was in the SYN, so it is there as soon as the connection is.
                assert flow.received == REQUEST
            else:
                ours.kernel_send(client, REQUEST)
            ours.until(lambda flow=flow: flow.received == REQUEST)
            flow.write(ANSWER)
            assert ours.kernel_receive(client, len(ANSWER)) == ANSWER
            flow.close()
            assert ours.kernel_receive(client) == b""
    assert ours.stack.counters["TCPFastOpenCookieReqd"] == 1
