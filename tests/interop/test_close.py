"""Every way in which a connection with the kernel ends in agreement."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time

import pytest

from tests.interop.ours import Ours
from tests.netns import isolated_with_tun

FAMILIES = pytest.mark.parametrize("family", [4, 6])
OPENERS = pytest.mark.parametrize("active", [True, False])


@FAMILIES
@OPENERS
@isolated_with_tun
def test_we_close_first(family: int, active: bool) -> None:
    ours = Ours(family)
    flow, peer = ours.pair(active=active)
    flow.write(b"from us")
    flow.finish()
    assert ours.kernel_receive(peer) == b"from us"
    ours.until(lambda: flow.states[-1] == "FIN-WAIT-2")
    peer.close()
    ours.until(lambda: flow.over)
    assert flow.states[-4:] == ["ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT"]
    assert ours.connections() == ["TIME-WAIT"]
    ours.until(lambda: not ours.connections())


@FAMILIES
@OPENERS
@isolated_with_tun
def test_the_kernel_closes_first(family: int, active: bool) -> None:
    ours = Ours(family)
    flow, peer = ours.pair(active=active)
    peer.send(b"from the kernel")
    peer.close()
    ours.until(lambda: flow.connection.eof)
    assert flow.received == b"from the kernel"
    flow.close()
    ours.until(lambda: flow.over)
    assert flow.states[-4:] == ["ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED"]
    assert flow.connection.error is None
    assert ours.connections() == []


@FAMILIES
@isolated_with_tun
def test_both_close_at_once(family: int) -> None:
    ours = Ours(family)
    flow, peer = ours.pair()
    peer.shutdown(socket.SHUT_WR)
    flow.finish()
    # Ours goes out while the kernel's FIN still waits in the device.
    ours.pump.flush(time.monotonic_ns())
    ours.until(lambda: flow.over)
    assert flow.states[-4:] == ["ESTABLISHED", "FIN-WAIT-1", "CLOSING", "TIME-WAIT"]
    assert ours.kernel_receive(peer) == b""
    ours.until(lambda: not ours.connections())


@FAMILIES
@isolated_with_tun
def test_we_go_on_reading_after_our_end(family: int) -> None:
    ours = Ours(family)
    flow, peer = ours.pair()
    flow.write(b"question")
    flow.finish()
    assert ours.kernel_receive(peer) == b"question"
    answer = bytes(range(256)) * 4096
    ours.kernel_send(peer, answer)
    peer.close()
    ours.until(lambda: flow.over)
    assert flow.received == answer


@FAMILIES
@isolated_with_tun
def test_the_kernel_goes_on_reading_after_its_end(family: int) -> None:
    ours = Ours(family)
    flow, peer = ours.pair()
    ours.kernel_send(peer, b"question")
    peer.shutdown(socket.SHUT_WR)
    ours.until(lambda: flow.connection.eof)
    assert flow.received == b"question"
    answer = bytes(range(256)) * 4096
    flow.write(answer)
    flow.finish()
    assert ours.kernel_receive(peer) == answer
    ours.until(lambda: flow.over)
    assert flow.states[-3:] == ["CLOSE-WAIT", "LAST-ACK", "CLOSED"]


NC = """
import shutil, socket, sys
peer = socket.create_connection((sys.argv[1], 5000))
shutil.copyfileobj(sys.stdin.buffer, peer.makefile("wb"))
peer.shutdown(socket.SHUT_WR)
shutil.copyfileobj(peer.makefile("rb"), sys.stdout.buffer)
"""
"""What ``nc -N`` does: its input, the end of it, and then whatever comes back."""


@FAMILIES
@isolated_with_tun
def test_a_program_like_nc_ends_its_input_and_reads_on(family: int) -> None:
    ours = Ours(family)
    listener = ours.listen(5000)
    question = bytes(range(256)) * 1000
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as taken:
        given.write(question)
        given.seek(0)
        client = subprocess.Popen([sys.executable, "-c", NC, ours.address], stdin=given, stdout=taken)
        flow = ours.accept(listener)
        ours.until(lambda: flow.connection.eof)
        assert flow.states[-1] == "CLOSE-WAIT"
        assert flow.received == question
        flow.write(bytes(flow.received)[::-1])
        flow.finish()
        ours.until(lambda: client.poll() is not None)
        assert client.returncode == 0
        taken.seek(0)
        assert taken.read() == question[::-1]
    ours.until(lambda: not ours.connections())
