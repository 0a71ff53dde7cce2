"""The commands against the kernel: curl, http.server and plain sockets on the other side."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from estab.links.tun import TunLink
from tests import netns

pytestmark = pytest.mark.lossless("the commands have links of their own, and --loss")

LIMIT = 30.0
"""Seconds for any one step; nothing here takes more than two."""
OURS = "10.64.0.2"
KERNELS = "10.64.0.1"


@contextmanager
def estab(*arguments: str, **how: Any) -> Iterator[subprocess.Popen[str]]:
    """A running command; killed at the end of the block if it is still there."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | how
    command = [sys.executable, "-m", "estab", *arguments]
    with subprocess.Popen(command, text=True, encoding="utf-8", **pipes) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def call(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    command = [sys.executable, "-m", "estab", *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=LIMIT, check=False)


def line_with(process: subprocess.Popen[str], text: str) -> str:
    """The next line of standard error that has ``text`` in it."""
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if text in line:
            return line
    raise AssertionError(f"no line with {text!r}: {seen}")


def last_json(output: str) -> Any:
    return json.loads(output.splitlines()[-1])


def curl(*arguments: str) -> str:
    command = ["curl", "--silent", "--show-error", "--max-time", str(LIMIT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@contextmanager
def private_place() -> Iterator[Path]:
    """A directory for files and for the control sockets."""
    with tempfile.TemporaryDirectory() as directory:
        os.environ["XDG_RUNTIME_DIR"] = directory
        yield Path(directory)


def connected(host: str, port: int) -> socket.socket:
    return socket.create_connection((host, port), timeout=LIMIT)


@pytest.fixture(autouse=True)
def _curl() -> None:
    netns.require_program("curl", "apt-get install -y curl")


@netns.isolated_with_tun
def test_curl_gets_files_from_serve() -> None:
    with private_place() as place:
        data = random.Random(1).randbytes(5_000_000)
        (place / "data.bin").write_bytes(data)
        (place / "sub").mkdir()
        (place / "sub" / "a b.txt").write_text("hello\n")
        addresses = ("--address", f"{OURS}/24", "--address", "fd64::2/64")
        with estab("serve", str(place), "--json", *addresses) as server:
            line_with(server, "serving")
            for host in (OURS, "[fd64::2]"):
                curl(f"http://{host}:8000/data.bin", "-o", str(place / "got.bin"))
                assert (place / "got.bin").read_bytes() == data
            url = f"http://{OURS}:8000"
            assert curl(f"{url}/sub/a%20b.txt") == "hello\n"
            assert "a b.txt" in curl(f"{url}/sub/")
            assert curl("--location", f"{url}/sub") == curl(f"{url}/sub/")
            head = curl("--head", f"{url}/data.bin")
            assert head.startswith("HTTP/1.1 200")
            assert "content-length: 5000000" in head.lower()
            status = ("--output", "/dev/null", "--write-out", "%{http_code}")
            assert curl(*status, "--path-as-is", f"{url}/../etc/passwd") == "404"
            assert curl(*status, "--path-as-is", f"{url}/%2e%2e/etc/passwd") == "404"
            assert curl(*status, f"{url}/nothing") == "404"
            assert curl(*status, "--data", "x", f"{url}/data.bin") == "405"
            server.send_signal(signal.SIGTERM)
            output, _ = server.communicate(timeout=LIMIT)
            assert server.returncode == 0
        totals = last_json(output)
        assert totals["urls"] == [f"{url}/", "http://[fd64::2]:8000/"]
        assert totals["requests"] == 12
        assert list((place / "estab").iterdir()) == []


@netns.isolated_with_tun
def test_serve_keeps_a_connection_alive() -> None:
    with private_place() as place:
        (place / "a").write_text("a")
        with estab("serve", str(place)) as server:
            line_with(server, "serving")
            url = f"http://{OURS}:8000/a"
            counts = curl("--write-out", "%{num_connects}", url, url, url)
            assert counts == "a1a0a0"


@netns.isolated_with_tun
def test_serve_over_a_bad_way_leaves_a_capture() -> None:
    with private_place() as place:
        data = random.Random(2).randbytes(300_000)
        (place / "data").write_bytes(data)
        capture = place / "serve.pcapng"
        options = ("--loss", "3%", "--delay", "1ms", "--seed", "5", "--pcap", str(capture))
        with estab("serve", str(place), *options) as server:
            line_with(server, "serving")
            curl(f"http://{OURS}:8000/data", "-o", str(place / "got"))
            assert (place / "got").read_bytes() == data
            server.send_signal(signal.SIGINT)
            server.communicate(timeout=LIMIT)
            assert server.returncode == 0
        assert capture.read_bytes().startswith(b"\x0a\x0d\x0d\x0a")
        assert capture.stat().st_size > len(data)


@contextmanager
def kernel_http(directory: Path) -> Iterator[int]:
    """Python's own HTTP server on the kernel's sockets; its port."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(directory))
    with http.server.ThreadingHTTPServer(("0.0.0.0", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@netns.isolated_with_tun
def test_get_from_the_kernel() -> None:
    with private_place() as place:
        data = random.Random(3).randbytes(5_000_000)
        (place / "data.bin").write_bytes(data)
        (place / "hosts").write_text(f"{KERNELS} the-kernel\n")
        with kernel_http(place) as port:
            url = f"http://The-Kernel:{port}/data.bin"
            got = place / "got.bin"
            done = call("get", url, "-o", str(got), "--hosts", str(place / "hosts"), "--json")
            assert (done.returncode, done.stderr) == (0, "")
            assert got.read_bytes() == data
            answer = last_json(done.stdout)
            assert (answer["status"], answer["bytes"]) == (200, len(data))
            assert answer["sha256"] == hashlib.sha256(data).hexdigest()

            small = call("get", f"http://{KERNELS}:{port}/hosts", "-o", "-", "--json")
            assert small.stdout.startswith(f"{KERNELS} the-kernel\n")
            assert last_json(small.stdout)["file"] == "-"

            lost = call("get", f"http://{KERNELS}:{port}/nothing", "-o", str(place / "lost"))
            assert lost.returncode == 1
            assert lost.stderr == f"estab: http://{KERNELS}:{port}/nothing: 404 File not found\n"
            assert not list(place.glob("lost*"))


@netns.isolated_with_tun
def test_errors_are_one_line() -> None:
    with private_place() as place:
        refused = call("get", f"http://{KERNELS}:9/", "-o", str(place / "x"))
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr == f"estab: cannot connect to {KERNELS} port 9: connection refused\n"
        unknown = call("nc", "nobody", "9")
        assert unknown.returncode == 1
        assert unknown.stderr.startswith("estab: cannot connect to nobody port 9: 'nobody' is not a numeric address")
        slow = call("nc", "10.64.0.77", "9", "--timeout", "0.2")
        assert slow.stderr == "estab: cannot connect to 10.64.0.77 port 9: Connection timed out\n"
        assert slow.returncode == 1
        with estab("serve", str(place)) as first:
            line_with(first, "serving")
            busy = call("serve", str(place))
            assert busy.returncode == 1
            assert busy.stderr.startswith("estab: no link on estab0: ")
            assert busy.stderr.count("\n") == 1


@netns.isolated_with_tun
def test_nc_listens_and_the_kernel_closes_its_half_first() -> None:
    with private_place(), estab("nc", "-l", "4000", "--json") as ours:
        line_with(ours, "listening")
        with connected(OURS, 4000) as kernel:
            line_with(ours, f"connected to {KERNELS}")
            kernel.sendall(b"question")
            kernel.shutdown(socket.SHUT_WR)
            output, _ = ours.communicate("answer", timeout=LIMIT)
            assert ours.returncode == 0
            assert output.startswith("question\n")
            assert last_json(output) | {"peer": ""} == {"peer": "", "sent": 6, "received": 8}
            assert kernel.recv(100) == b"answer"
            assert kernel.recv(100) == b""


@netns.isolated_with_tun
def test_nc_connects_and_closes_its_half_first() -> None:
    TunLink.create("made0", [f"{KERNELS}/24"], persist=True).close()
    with private_place(), socket.create_server((KERNELS, 4001)) as listener:
        listener.settimeout(LIMIT)
        with estab("nc", KERNELS, "4001", "--tun", "made0", stderr=subprocess.DEVNULL) as ours:
            kernel, _ = listener.accept()
            with kernel:
                kernel.settimeout(LIMIT)
                assert ours.stdin is not None
                ours.stdin.write("question")
                ours.stdin.close()
                asked = b""
                while piece := kernel.recv(100):
                    asked += piece
                assert asked == b"question"
                kernel.sendall(b"late " * 50_000)
            assert ours.stdout is not None
            assert ours.stdout.read() == "late " * 50_000
            assert ours.wait(LIMIT) == 0


@netns.isolated_with_tun
def test_nc_tells_when_the_peer_resets() -> None:
    with private_place(), estab("nc", "-l", "4000") as ours:
        line_with(ours, "listening")
        kernel = connected(OURS, 4000)
        line_with(ours, "connected")
        kernel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        kernel.close()
        assert line_with(ours, "estab:") == "estab: the connection is lost: connection reset by peer\n"
        assert ours.wait(LIMIT) == 1


@netns.isolated_with_tun
def test_ss_sees_what_runs() -> None:
    with private_place() as place:
        none = call("ss", "--json")
        assert last_json(none.stdout) == {"processes": []}
        other = ("--tun", "t1", "--address", "10.65.0.2/24")
        with estab("serve", str(place)) as server, estab("nc", "-l", "4000", *other) as nc:
            line_with(server, "serving")
            line_with(nc, "listening")
            with connected(OURS, 8000) as kernel:
                port = kernel.getsockname()[1]
                found = {each["pid"]: each for each in last_json(call("ss", "--json").stdout)["processes"]}
                assert set(found) == {server.pid, nc.pid}
                rows = {(row["state"], row["local"], row["remote"]) for row in found[server.pid]["sockets"]}
                assert rows == {("LISTEN", "*:8000", "*"), ("ESTABLISHED", f"{OURS}:8000", f"{KERNELS}:{port}")}
                assert found[nc.pid]["command"] == "nc -l 4000"
                shown = [line.split() for line in call("ss").stdout.splitlines()]
                assert shown[0][0] == "State"
                assert ["ESTAB", "0", "0", f"{OURS}:8000", f"{KERNELS}:{port}"] in [line[:5] for line in shown]
        # Both were killed, and left their sockets behind.
        assert len(list((place / "estab").glob("*.sock"))) == 2
        assert last_json(call("ss", "--json").stdout) == {"processes": []}
        assert list((place / "estab").iterdir()) == []


@netns.isolated_with_tun
def test_demo_plays_both_acts() -> None:
    with private_place() as place:
        file = place / "a file"
        file.write_bytes(random.Random(4).randbytes(100_000))
        done = call("demo", "--file", str(file), "--json")
        assert done.returncode == 0, done.stderr
        answer = last_json(done.stdout)
        assert done.stdout.count("\n") == 1
        first, second = answer["acts"]
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        for act, directions in ((first, 1), (second, 2)):
            assert act["ran"]
            assert act["why_not"] is None
            assert act["time_wait_ended"]
            assert len(act["transfers"]) == directions
            for transfer in act["transfers"]:
                assert transfer["bytes"] == 100_000
                assert transfer["sha256_sent"] == transfer["sha256_received"] == sha256
            client = " ".join(act["states"]["client"])
            assert client == "CLOSED SYN-SENT ESTABLISHED CLOSE-WAIT LAST-ACK CLOSED"
            assert act["states"]["server"][:3] == ["LISTEN", "SYN-RECEIVED", "ESTABLISHED"]
            assert act["states"]["server"][-2:] == ["TIME-WAIT", "CLOSED"]
        assert first["transfers"][0]["retransmissions"] > 0
