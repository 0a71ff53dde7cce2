"""HTTP between two hosts of a simulated network: client, server, and what each does with a peer that errs."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from estab.cli import http
from estab.cli.act import digest
from estab.cli.site import Site
from estab.drivers.virtual import VirtualNetwork, run

URL = http.Url("10.0.0.2", 80, "/data")
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.mark.parametrize(
    ("text", "url", "authority"),
    [
        ("http://10.0.0.1", ("10.0.0.1", 80, "/"), "10.0.0.1"),
        ("http://10.0.0.1:8080/a/b?c=d e#f", ("10.0.0.1", 8080, "/a/b?c=d%20e"), "10.0.0.1:8080"),
        ("http://[fd00::1]:81/%41ä", ("fd00::1", 81, "/%41%C3%A4"), "[fd00::1]:81"),
        ("HTTP://Name/x", ("name", 80, "/x"), "name"),
    ],
)
def test_urls(text: str, url: tuple[str, int, str], authority: str) -> None:
    parsed = http.parse_url(text)
    assert parsed == url
    assert parsed.authority == authority


@pytest.mark.parametrize(
    "text",
    ["", "10.0.0.1/x", "https://10.0.0.1/", "http:///x", "http://me@10.0.0.1/", "http://a:0/", "http://a:x/", "http://[1/"],
)  # fmt: skip
def test_what_is_no_url(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        http.parse_url(text)


def play(handler: Handler, client: Callable[[Streams], Awaitable[Any]], **line: Any) -> Any:
    """What the client's coroutine returns, after the server's handler is through as well."""

    async def main(net: VirtualNetwork) -> Any:
        a, b = net.host("a", "10.0.0.1/24"), net.host("b", "10.0.0.2/24")
        net.connect(a, b, delay_ms=5, **line)
        await b.start_server(handler, port=80)
        streams = await a.open_connection("10.0.0.2", 80)
        try:
            return await client(streams)
        finally:
            streams[1].close()

    return run(main, seed=3)


def serving(root: Path, log: list[http.Served]) -> Handler:
    site = Site(root)
    return lambda reader, writer: http.serve(reader, writer, site, log.append)


def test_a_file_arrives_over_a_bad_way(tmp_path: Path) -> None:
    data = random.Random(1).randbytes(200_000)
    (tmp_path / "data").write_bytes(data)
    log: list[http.Served] = []

    async def client(streams: Streams) -> tuple[int, int | None, tuple[int, str]]:
        response = await http.get(*streams, URL)
        return response.status, response.length, await digest(response.body)

    answer = play(serving(tmp_path, log), client, loss=0.03, duplicate=0.02, reorder=0.05)
    assert answer == (200, len(data), (len(data), hashlib.sha256(data).hexdigest()))
    assert log == [http.Served("10.0.0.1", "GET", "/data", 200, len(data))]


def exchange(*pieces: bytes) -> Callable[[Streams], Awaitable[bytes]]:
    """A client that sends bytes as they are, and gives all that comes back."""

    async def client(streams: Streams) -> bytes:
        reader, writer = streams
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.1)
        return await reader.read()

    return client


def test_requests_follow_each_other_on_one_connection(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("first")
    (tmp_path / "b").write_text("second")
    log: list[http.Served] = []
    answer = play(
        serving(tmp_path, log),
        exchange(
            b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nHEAD /b HTTP/1.1\r\nHost: x\r\n\r\n",
            b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
            b"GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        ),
    )
    assert [(each.method, each.status, each.sent) for each in log] == [
        ("GET", 200, 5),
        ("HEAD", 200, 0),
        ("POST", 405, 23),
        ("GET", 200, 6),
    ]
    assert answer.count(b"HTTP/1.1 ") == 4
    assert answer.endswith(b"\r\n\r\nsecond")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000, 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n" + b"x" * 2_000_000, 413),
    ],
    ids=["nonsense", "no host", "endless header", "endless body"],
)
def test_a_client_that_errs_is_told(tmp_path: Path, request_: bytes, status: int) -> None:
    log: list[http.Served] = []

    async def client(streams: Streams) -> bytes:
        streams[1].write(request_)
        return await streams[0].readline()

    assert play(serving(tmp_path, log), client).startswith(f"HTTP/1.1 {status} ".encode())
    assert [each.status for each in log] == [status]


def test_who_waits_to_be_asked_for_a_body_is_not_asked(tmp_path: Path) -> None:
    log: list[http.Served] = []
    request = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    answer = play(serving(tmp_path, log), exchange(request))
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"100 Continue" not in answer


def test_a_silent_client_is_let_go_after_a_minute(tmp_path: Path) -> None:
    log: list[http.Served] = []

    async def client(streams: Streams) -> tuple[bytes, float]:
        streams[1].write(b"GET /")
        return await streams[0].read(), asyncio.get_running_loop().time()

    answer, seconds = play(serving(tmp_path, log), client)
    assert (answer, log) == (b"", [])
    assert http.PATIENCE < seconds < http.PATIENCE + 1


def test_a_client_that_errs_and_resets_is_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def client(streams: Streams) -> None:
        streams[1].write(b"NONSENSE\r\n\r\n")
        await asyncio.sleep(0.001)
        streams[1].transport.abort()
        await asyncio.sleep(1)

    play(serving(tmp_path, []), client)
    assert caplog.records == []


def test_a_client_that_leaves_is_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "data").write_bytes(bytes(10_000_000))
    log: list[http.Served] = []

    async def client(streams: Streams) -> None:
        streams[1].write(b"GET /data HTTP/1.1\r\nHost: x\r\n\r\n")
        await streams[0].readexactly(10_000)
        streams[1].transport.abort()
        await asyncio.sleep(1)

    play(serving(tmp_path, log), client)
    assert (log, caplog.records) == ([], [])


def saying(answer: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    return handler


async def fetch(streams: Streams) -> tuple[int, str, int | None, tuple[int, str]]:
    response = await http.get(*streams, URL)
    return response.status, response.reason, response.length, await digest(response.body)


EMPTY = (0, hashlib.sha256().hexdigest())
HELLO = (5, hashlib.sha256(b"hello").hexdigest())


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (b"HTTP/1.1 404 Not Here\r\nContent-Length: 0\r\n\r\n", (404, "Not Here", 0, EMPTY)),
        (b"HTTP/1.0 200 OK\r\n\r\nhello", (200, "OK", None, HELLO)),
        (
            b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
            (200, "OK", None, HELLO),
        ),
    ],
)
def test_what_servers_say(answer: bytes, result: tuple[object, ...]) -> None:
    assert play(saying(answer), fetch) == result


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (b"", "does not speak HTTP/1.1"),
        (b"SSH-2.0-x\r\n\r\n", "does not speak HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", "the file came incomplete"),
    ],
)
def test_a_server_that_errs(answer: bytes, complaint: str) -> None:
    with pytest.raises(http.ProtocolError, match=complaint):
        play(saying(answer), fetch)


def test_leaving_lets_the_server_close_first_but_not_for_ever() -> None:
    async def prompt(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def client(streams: Streams) -> float:
        await http.leave(*streams)
        return asyncio.get_running_loop().time()

    assert play(prompt, client) < http.FAREWELL
    assert http.FAREWELL < play(endless, client) < http.FAREWELL + 1
