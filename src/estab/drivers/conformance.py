"""What the streams of every driver must do. A new driver passes ``check_streams``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, Protocol

LARGE: Final = 1 << 18
FLOOD: Final = 1 << 26
"""More than all buffers on the way can hold."""


class NonconformingError(AssertionError):
    """A driver broke the contract; the text says which part of it."""


class Stream(Protocol):
    """One end of a connection, in whatever words the driver has for it."""

    async def send(self, data: bytes) -> None:
        """Waits while there is no room."""

    async def receive(self) -> bytes:
        """Some bytes as soon as there are any; empty at the end."""

    async def send_eof(self) -> None:
        """Nothing more will be sent."""

    async def close(self) -> None:
        """Done in both directions; what was sent still arrives."""

    async def abort(self) -> None:
        """Reset the connection."""


class Driver(Protocol):
    """A driver under test."""

    async def connect(self) -> tuple[Stream, Stream]:
        """Both ends of a new connection."""

    async def together(self, *calls: Coroutine[Any, Any, Any]) -> Sequence[Any]:
        """Run them at the same time; their results."""

    async def stall(self, call: Coroutine[Any, Any, Any]) -> bool:
        """Start a call, give it time, cancel it. True if it was still waiting."""


async def check_streams(driver: Driver) -> None:
    """Raise ``NonconformingError`` unless the streams keep every promise."""
    for check in CHECKS:
        near, far = await driver.connect()
        try:
            await check(driver, near, far)
        finally:
            for end in (near, far):
                await end.abort()


async def check_order(driver: Driver, near: Stream, far: Stream) -> None:
    """Bytes arrive once and in order, whatever sizes they were sent in, both ways at the same time."""
    pieces = [_pattern(size) for size in (1, 2, 1447, 1448, 1449, 65_535, 65_536, LARGE, 3)]
    data = b"".join(pieces)

    async def talk(end: Stream) -> None:
        for piece in pieces:
            await end.send(piece)

    _, _, there, back = await driver.together(
        talk(near), talk(far), _receive(far, len(data)), _receive(near, len(data))
    )
    _require(there == data and back == data, "bytes were lost, changed or reordered")


async def check_half_close(driver: Driver, near: Stream, far: Stream) -> None:
    """After end of file in one direction the other still works; end of file stays."""
    for talker, listener in ((near, far), (far, near)):
        await talker.send(b"last words")
        await talker.send_eof()
        _require(await _receive_all(listener) == b"last words", "data before end of file was lost")
        _require(await listener.receive() == b"", "end of file did not last")
        if talker is near:
            await far.send(b"still here")
            _require(await _receive(near, 10) == b"still here", "half-close closed the other direction too")


async def check_backpressure(driver: Driver, near: Stream, far: Stream) -> None:
    """Sending waits when nobody reads, and a cancelled ``send`` leaves a whole prefix."""
    data = _pattern(LARGE)

    async def flood() -> None:
        for _ in range(FLOOD // LARGE):
            await near.send(data)

    _require(await driver.stall(flood()), f"{FLOOD} bytes were taken though nobody reads")
    _, arrived = await driver.together(near.send_eof(), _receive_all(far))
    _require(arrived == (data * (len(arrived) // LARGE + 1))[: len(arrived)], "what arrived is not what was sent")


async def check_cancelled_receive(driver: Driver, near: Stream, far: Stream) -> None:
    """A cancelled ``receive`` loses nothing."""
    _require(await driver.stall(far.receive()), "receive gave something though nothing was sent")
    await near.send(b"afterwards")
    _require(await _receive(far, 10) == b"afterwards", "a cancelled receive took data with it")


async def check_close(driver: Driver, near: Stream, far: Stream) -> None:
    """What was sent before ``close`` arrives; sending to who has closed fails in the end."""
    data = _pattern(LARGE)

    async def leave() -> None:
        await near.send(data)
        await near.close()

    _, arrived = await driver.together(leave(), _receive_all(far))
    _require(arrived == data, "close threw data away")

    async def insist() -> None:
        while True:
            await far.send(data)

    error = await _error_of(insist())
    _require(isinstance(error, ConnectionResetError | BrokenPipeError), f"sending into nothing ended with {error!r}")


async def check_abort(driver: Driver, near: Stream, far: Stream) -> None:
    """The peer of an aborted connection learns it."""
    await near.send(b"never mind")
    await near.abort()

    async def listen() -> None:
        while await far.receive():
            pass

    error = await _error_of(listen())
    _require(isinstance(error, ConnectionResetError), f"an abort reached the peer as {error!r}")


CHECKS: Final[Sequence[Callable[[Driver, Stream, Stream], Coroutine[Any, Any, None]]]] = (
    check_order,
    check_half_close,
    check_backpressure,
    check_cancelled_receive,
    check_close,
    check_abort,
)


def _require(condition: bool, text: str) -> None:
    if not condition:
        raise NonconformingError(text)


def _pattern(size: int) -> bytes:
    """Bytes of a period that divides no usual size."""
    period = bytes(range(251))
    return (period * (size // 251 + 1))[:size]


async def _receive(end: Stream, size: int) -> bytes:
    """Exactly that many bytes; fewer if the stream ends."""
    data = bytearray()
    while len(data) < size:
        more = await end.receive()
        if not more:
            break
        data += more
    return bytes(data)


async def _receive_all(end: Stream) -> bytes:
    data = bytearray()
    while more := await end.receive():
        data += more
    return bytes(data)


async def _error_of(call: Coroutine[Any, Any, None]) -> OSError | None:
    try:
        await call
    except OSError as error:
        return error
    return None
