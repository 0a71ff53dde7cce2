"""Whole files through programs that know nothing of us: curl and Python's ``http.server``."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from estab.faults.duplication import duplication
from estab.faults.loss import loss
from estab.faults.reordering import reordering
from estab.faults.verdict import Fault
from estab.tcp.config import MILLISECOND
from tests.interop.ours import LOSS, Flow, Ours
from tests.netns import isolated_with_tun, require_program

LARGE = 1_000_000 if LOSS else 100_000_000
SMALL = 1_000_000 if LOSS else 5_000_000
FAMILIES = pytest.mark.parametrize("family", [4, 6])
LINKS = pytest.mark.parametrize(("size", "wire"), [(LARGE, "offload"), (LARGE, "packets"), (SMALL, "faulty")])
BLOCK = 1 << 20


def host(family: int, wire: str) -> Ours:
    """Ours, behind a link that carries super-packets, real packets, or packets that meet with accidents."""
    return Ours(family, offload=wire == "offload", out=accidents(wire), into=accidents(wire))


def accidents(wire: str) -> list[Fault]:
    if wire != "faulty":
        return []
    return [loss(0.02), duplication(0.02), reordering(0.02, 2 * MILLISECOND)]


def content(size: int) -> bytes:
    return random.Random(size).randbytes(BLOCK) * (size // BLOCK) + bytes(size % BLOCK)


def digest(data: bytes | bytearray) -> str:
    return hashlib.sha256(data).hexdigest()


def url(address: str, port: int) -> str:
    return f"http://[{address}]:{port}/file" if ":" in address else f"http://{address}:{port}/file"


def curl(*arguments: str) -> subprocess.Popen[bytes]:
    program = require_program("curl", "apt-get install -y curl")
    command = [program, "--noproxy", "*", "--silent", "--show-error", "--fail", "-H", "Expect:", *arguments]
    return subprocess.Popen(command)


def head_of(ours: Ours, flow: Flow) -> tuple[bytes, int]:
    """The head of the HTTP message that comes in, and where its body begins."""
    ours.until(lambda: b"\r\n\r\n" in flow.received)
    head = bytes(flow.received[: flow.received.index(b"\r\n\r\n") + 4])
    return head, len(head)


def ends_well(ours: Ours, process: subprocess.Popen[bytes]) -> None:
    ours.until(lambda: process.poll() is not None)
    assert process.returncode == 0


def close_and_forget(ours: Ours, flow: Flow) -> None:
    flow.close()
    ours.until(lambda: flow.over)
    assert flow.connection.error is None
    ours.until(lambda: not ours.connections())


@FAMILIES
@LINKS
@isolated_with_tun
def test_curl_downloads_from_us(family: int, size: int, wire: str) -> None:
    ours = host(family, wire)
    body = content(size)
    listener = ours.listen(8080)
    with tempfile.TemporaryDirectory() as directory:
        target = Path(directory, "file")
        process = curl("--output", str(target), url(ours.address, 8080))
        flow = ours.accept(listener)
        head, _ = head_of(ours, flow)
        assert head.startswith(b"GET /file HTTP/1.1\r\n")
        flow.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + body)
        flow.finish()
        ends_well(ours, process)
        assert digest(target.read_bytes()) == digest(body)
    close_and_forget(ours, flow)


@FAMILIES
@LINKS
@isolated_with_tun
def test_curl_uploads_to_us(family: int, size: int, wire: str) -> None:
    ours = host(family, wire)
    body = content(size)
    listener = ours.listen(8080)
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory, "file")
        source.write_bytes(body)
        process = curl("--upload-file", str(source), url(ours.address, 8080))
        flow = ours.accept(listener)
        head, start = head_of(ours, flow)
        assert head.startswith(b"PUT /file HTTP/1.1\r\n")
        ours.until(lambda: len(flow.received) >= start + size)
        flow.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        flow.finish()
        ends_well(ours, process)
    assert digest(flow.received[start:]) == digest(body)
    close_and_forget(ours, flow)


@FAMILIES
@LINKS
@isolated_with_tun
def test_we_download_from_http_server(family: int, size: int, wire: str) -> None:
    ours = host(family, wire)
    body = content(size)
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "file").write_bytes(body)
        command = [sys.executable, "-m", "http.server", "8080", "--bind", ours.kernel, "--directory", directory]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            flow = reach(ours, 8080)
            flow.write(b"GET /file HTTP/1.0\r\n\r\n")
            ours.until(lambda: flow.connection.eof)
        finally:
            server.kill()
            server.wait()
    head, start = head_of(ours, flow)
    assert head.startswith(b"HTTP/1.0 200 OK\r\n")
    assert digest(flow.received[start:]) == digest(body)
    close_and_forget(ours, flow)


def reach(ours: Ours, port: int) -> Flow:
    """A connection to a program that is only just starting: refused until it listens."""
    flow = ours.connect(port)

    def connected() -> bool:
        nonlocal flow
        if flow.over:
            assert isinstance(flow.connection.error, ConnectionRefusedError)
            flow = ours.connect(port)
        return flow.states[-1] == "ESTABLISHED"

    ours.until(connected)
    return flow
