"""HTTP/1.1 on asyncio streams, by h11: the client of ``estab get``, the server of ``estab serve``.

Whose streams they are does not matter here: our own over a TUN device, those of the simulator, or the kernel's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlsplit

import h11

from estab.cli.site import Answer, Site

CHUNK: Final = 1 << 18
"""Bytes that are read or written at a time."""
PATIENCE: Final = 60.0
"""Seconds in which the other side has to say something."""
FAREWELL: Final = 2.0
"""Seconds that each side waits for the other to close."""
LONGEST_REQUEST_BODY: Final = 1 << 20
"""Bytes that are read and thrown away; what is longer ends the connection."""


class Url(NamedTuple):
    """What to ask whom for."""

    host: str
    port: int
    target: str
    """Path and query."""

    @property
    def authority(self) -> str:
        """The value of the Host field (RFC 9110 §7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 80 else f"{host}:{self.port}"


def parse_url(text: str) -> Url:
    """``"http://10.64.0.1:8000/file"``. Raises ``ValueError`` for what is no URL that we can get."""
    parts = urlsplit(text)
    if parts.scheme != "http":
        raise ValueError(f"{text!r} is no URL that begins with http://, the only scheme there is")
    if not parts.hostname or parts.username is not None:
        raise ValueError(f"{text!r} names no host, or a user: http://HOST[:PORT]/PATH is expected")
    port = 80 if parts.port is None else parts.port
    if not port:
        raise ValueError(f"{text!r} has no port that could be connected to")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~-._?") if parts.query else ""
    return Url(parts.hostname, port, path + query)


# ---------------------------------------------------------------------- client


@dataclass(slots=True)
class Response:
    """The head of a response; ``body`` gives the rest as it comes."""

    status: int
    reason: str
    length: int | None
    """Bytes of the body, where the server says."""
    body: AsyncIterator[bytes]


class ProtocolError(ConnectionError):
    """The other side does not speak HTTP/1.1 as it should, or stopped in the middle."""


async def get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, url: Url) -> Response:
    """Ask for a file, for which the connection is used up.

    Raises ``OSError``: ``ProtocolError`` and what the connection died of; ``TimeoutError`` when nothing comes."""
    connection = h11.Connection(h11.CLIENT)
    headers = [("Host", url.authority), ("User-Agent", "estab"), ("Accept", "*/*"), ("Connection", "close")]
    request = h11.Request(method="GET", target=url.target, headers=headers)
    writer.write((connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b""))
    await writer.drain()
    try:
        event = await _next_event(connection, reader)
        while isinstance(event, h11.InformationalResponse):
            event = await _next_event(connection, reader)
    except h11.RemoteProtocolError as error:
        raise ProtocolError(f"the server does not speak HTTP/1.1: {error}") from error
    assert isinstance(event, h11.Response)
    length = next((int(value) for name, value in event.headers if name == b"content-length"), None)
    reason = event.reason.decode("latin-1")
    return Response(event.status_code, reason, length, _body(connection, reader))


async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close, but let the server do so first if it does it soon: TIME-WAIT is then the server's, which stays."""
    with suppress(OSError):
        await asyncio.wait_for(reader.read(1), FAREWELL)
    writer.close()


async def _body(connection: h11.Connection, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    try:
        while isinstance(event := await _next_event(connection, reader), h11.Data):
            yield bytes(event.data)
    except h11.RemoteProtocolError as error:
        raise ProtocolError(f"the file came incomplete: {error}") from error


async def _next_event(connection: h11.Connection, reader: asyncio.StreamReader) -> Any:
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await asyncio.wait_for(reader.read(CHUNK), PATIENCE))
    return event


# ---------------------------------------------------------------------- server


class Served(NamedTuple):
    """One line of the log."""

    peer: str
    method: str
    target: str
    status: int
    sent: int
    """Bytes of the body."""


async def serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, site: Site, log: Callable[[Served], None]
) -> None:
    """Answer the requests of one connection, until the client closes it, errs, or is silent for a minute."""
    connection = h11.Connection(h11.SERVER)
    peer = str((writer.get_extra_info("peername") or ("?",))[0])
    try:
        try:
            await _answer_requests(connection, reader, writer, site, lambda served: log(served._replace(peer=peer)))
        except h11.RemoteProtocolError as error:
            if connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                await _send(connection, writer, Site.error(error.error_status_hint))
                log(Served(peer, "?", "?", error.error_status_hint, 0))
        await _leave_in_stages(reader, writer)
    except OSError:
        # The client went away or fell silent: nobody is left to be told.
        pass
    finally:
        writer.close()


async def _answer_requests(
    connection: h11.Connection,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    site: Site,
    log: Callable[[Served], None],
) -> None:
    """Until one of the two sides wants no more."""
    while isinstance(request := await _next_event(connection, reader), h11.Request):
        await _discard_body(connection, reader)
        log(await _answer(connection, writer, site, request))
        if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
            return
        connection.start_next_cycle()


async def _leave_in_stages(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close our direction, and the other when the client has: what it still sends would be answered by a RST, which
    could overtake our answer (RFC 9112 §9.6)."""
    writer.write_eof()
    async with asyncio.timeout(FAREWELL):
        while await reader.read(CHUNK):
            pass


async def _discard_body(connection: h11.Connection, reader: asyncio.StreamReader) -> None:
    """No request that is answered here has a body of any use."""
    if connection.they_are_waiting_for_100_continue:
        return
    left = LONGEST_REQUEST_BODY
    while isinstance(event := await _next_event(connection, reader), h11.Data):
        left -= len(event.data)
        if left < 0:
            raise h11.RemoteProtocolError("the request's body is too long", error_status_hint=413)


async def _answer(connection: h11.Connection, writer: asyncio.StreamWriter, site: Site, request: h11.Request) -> Served:
    method, target = request.method.decode("ascii"), request.target.decode("latin-1")
    with site.answer(method, target) as answer:
        sent = await _send(connection, writer, answer, head_only=method == "HEAD")
    return Served("", method, target, answer.status, sent)


async def _send(
    connection: h11.Connection, writer: asyncio.StreamWriter, answer: Answer, *, head_only: bool = False
) -> int:
    """The answer, with or without its body; how many bytes that had."""
    headers = [("Date", formatdate(usegmt=True)), ("Server", "estab"), ("Content-Length", str(answer.length))]
    head = h11.Response(status_code=answer.status, reason=answer.reason, headers=[*headers, *answer.headers])
    writer.write(connection.send(head) or b"")
    sent = 0
    for piece in () if head_only else answer.pieces(CHUNK):
        for part in connection.send_with_data_passthrough(h11.Data(data=piece)) or ():
            writer.write(part)
        sent += len(piece)
        await asyncio.wait_for(writer.drain(), PATIENCE)
    writer.write(connection.send(h11.EndOfMessage()) or b"")
    await asyncio.wait_for(writer.drain(), PATIENCE)
    return sent
