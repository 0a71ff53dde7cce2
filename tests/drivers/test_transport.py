"""The contract of asyncio's transports, call by call, in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from estab.drivers.virtual import SimulatedHost
from estab.sockets import StreamSocket
from estab.tcp.config import KIB, MODERN
from estab.tcp.states import State
from tests.drivers.net import SERVER, Notes, connected, two_hosts

TIGHT = MODERN.but(send_buffer=64 * KIB, receive_buffer=64 * KIB)


def test_data_then_end_of_file_then_lost_once_each() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        near, far = await connected(client, server)
        near.transport.write(b"hello")
        near.transport.writelines([b", ", bytearray(b"wor"), memoryview(b"ld")])
        near.transport.write_eof()
        await asyncio.sleep(1)
        assert far.said == ["made", "data", "eof"]
        assert far.data == b"hello, world"
        far.transport.write(b"bye")
        far.transport.close()
        far.transport.close()
        await asyncio.sleep(1)
        assert far.said == ["made", "data", "eof", "lost"]
        assert near.said == ["made", "data", "eof"]
        near.transport.close()
        await near.over.wait()
        assert near.said == ["made", "data", "eof", "lost"]
        assert (near.error, far.error) == (None, None)

    two_hosts(body)


def test_an_end_of_file_that_is_not_kept_open_closes() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        near, far = await connected(client, server, keep_open=False)
        near.transport.write_eof()
        await far.over.wait()
        assert far.said == ["made", "eof", "lost"]
        await asyncio.sleep(1)
        assert near.said == ["made", "eof"]

    two_hosts(body)


def test_lost_is_never_told_from_within_a_call() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        near, far = await connected(client, server)
        for notes, end in ((near, near.transport.close), (far, far.transport.abort)):
            end()
            assert notes.transport.is_closing()
            assert "lost" not in notes.said
            await asyncio.sleep(0)
            assert notes.said[-1] == "lost"

    two_hosts(body)


def test_writing_is_paused_above_the_high_mark_and_resumed_at_the_low_one() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        near, far = await connected(client, server)
        near.transport.set_write_buffer_limits(high=10_000, low=1_000)
        assert near.transport.get_write_buffer_limits() == (1_000, 10_000)
        far.transport.pause_reading()
        near.transport.write(bytes(64 * KIB))
        assert near.transport.get_write_buffer_size() == 0
        near.transport.write(bytes(10_000))
        assert (near.transport.get_write_buffer_size(), near.said) == (10_000, ["made"])
        near.transport.write(b"!")
        assert (near.transport.get_write_buffer_size(), near.said) == (10_001, ["made", "pause"])
        await asyncio.sleep(10)
        # The peer's window took 64 KiB, our send buffer the rest.
        assert near.said == ["made", "pause", "resume"]
        near.transport.write(bytes(100_000))
        await asyncio.sleep(10)
        assert near.said == ["made", "pause", "resume", "pause"]
        far.transport.resume_reading()
        await asyncio.sleep(10)
        assert near.said == ["made", "pause", "resume", "pause", "resume"]
        assert len(far.data) == 64 * KIB + 110_001
        assert near.transport.get_write_buffer_size() == 0

    two_hosts(body, config=TIGHT)


@pytest.mark.parametrize(
    ("given", "limits"),
    [
        ({}, (16_384, 65_536)),
        ({"high": 400}, (100, 400)),
        ({"low": 10}, (10, 40)),
        ({"high": 0}, (0, 0)),
    ],
)
def test_water_marks_as_asyncio_derives_them(given: dict[str, int], limits: tuple[int, int]) -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        near, _ = await connected(client, server)
        near.transport.set_write_buffer_limits(**given)
        assert near.transport.get_write_buffer_limits() == limits
        with pytest.raises(ValueError, match="must be >= low"):
            near.transport.set_write_buffer_limits(high=1, low=2)

    two_hosts(body)


def test_a_write_of_any_size_arrives_before_the_end() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        near, far = await connected(client, server)
        data = bytes(range(256)) * 4000
        for end in (near, far):
            end.transport.write(bytearray(data))
            end.transport.write_eof()
        await asyncio.sleep(10)
        assert near.data == far.data == data
        assert near.said == far.said == ["made", "pause", "data", "resume", "data", "eof"]

    two_hosts(body, config=TIGHT)


def test_close_sends_a_backlog_first() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        near, far = await connected(client, server)
        near.transport.write(bytes(300_000))
        near.transport.close()
        near.transport.write(b"thrown away")
        await asyncio.sleep(0)
        assert near.said[-1] != "lost"
        await near.over.wait()
        await asyncio.sleep(10)
        assert near.error is None
        assert (len(far.data), far.said[-1]) == (300_000, "eof")

    two_hosts(body, config=TIGHT)


def test_reading_can_be_paused() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        near, far = await connected(client, server)
        far.transport.pause_reading()
        far.transport.pause_reading()
        assert not far.transport.is_reading()
        near.transport.write(b"wait")
        near.transport.write_eof()
        await asyncio.sleep(1)
        assert far.said == ["made"]
        far.transport.resume_reading()
        assert far.transport.is_reading()
        await asyncio.sleep(0)
        assert far.said == ["made", "data", "eof"]

    two_hosts(body)


def test_a_protocol_that_pauses_while_it_reads_gets_no_more() -> None:
    class Sipping(Notes):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self.transport.pause_reading()

    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        accepted: list[Sipping] = []

        def factory() -> Sipping:
            accepted.append(Sipping())
            return accepted[-1]

        await server.create_server(factory, port=80)
        near, _ = await client.create_connection(Notes, SERVER, 80)
        near.write(bytes(300_000))
        near.write_eof()
        await asyncio.sleep(10)
        (far,) = accepted
        sips = [len(far.data)]
        while far.said[-1] != "eof":
            far.transport.resume_reading()
            await asyncio.sleep(1)
            sips.append(len(far.data))
        assert sips == sorted(sips)
        assert len(sips) > 4
        assert sips[-1] == 300_000

    two_hosts(body, config=TIGHT)


def test_abort_resets_the_peer() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        near, far = await connected(client, server)
        near.transport.write(b"lost")
        near.transport.abort()
        near.transport.abort()
        await far.over.wait()
        assert isinstance(far.error, ConnectionResetError)
        assert far.said == ["made", "lost"]
        assert (near.said, near.error) == (["made", "lost"], None)
        assert client.stack.connections == {}

    two_hosts(body)


def test_writing_after_the_end() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        near, far = await connected(client, server)
        with pytest.raises(TypeError, match="not 'str'"):
            near.transport.write("text")  # type: ignore[arg-type]
        near.transport.write(b"")
        assert near.transport.can_write_eof()
        near.transport.write_eof()
        near.transport.write_eof()
        with pytest.raises(RuntimeError, match="after write_eof"):
            near.transport.write(b"x")
        far.transport.abort()
        far.transport.write(b"nobody")
        far.transport.write_eof()
        await near.over.wait()
        near.transport.resume_reading()
        assert not near.transport.is_reading()

    two_hosts(body)


def test_what_the_transport_knows() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        near, far = await connected(client, server)
        transport = near.transport
        assert transport.get_extra_info("peername") == (SERVER, 80)
        assert transport.get_extra_info("sockname") == far.transport.get_extra_info("peername")
        assert transport.get_extra_info("socket") is None
        assert transport.get_extra_info("socket", 5) == 5
        assert isinstance(transport.get_extra_info("estab.socket"), StreamSocket)
        assert transport.get_extra_info("estab.connection").state is State.ESTABLISHED
        assert transport.get_extra_info("estab.connection").nodelay
        assert far.transport.get_extra_info("estab.connection").nodelay
        assert transport.get_protocol() is near
        assert repr(transport) == "<StreamTransport 10.0.0.2 port 80 ESTABLISHED>"

    two_hosts(body)


def test_the_protocol_can_be_exchanged() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        near, far = await connected(client, server)
        second = Notes()
        second.said.append("made")
        far.transport.set_protocol(second)
        near.transport.write(b"for the second")
        near.transport.abort()
        near.transport.get_protocol()
        await second.over.wait()
        assert far.said == ["made"]

    two_hosts(body)


@pytest.mark.parametrize("where", ["connection_made", "data_received", "eof_received", "buffer_updated"])
def test_a_protocol_that_fails_is_told_of_its_own_error(where: str) -> None:
    class Failing(Notes):
        pass

    class FailingBuffered(Buffered):
        pass

    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    kind = FailingBuffered if where == "buffer_updated" else Failing
    setattr(kind, where, fail)
    reports: list[dict[str, Any]] = []

    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
        ended: list[Exception | None] = []
        setattr(kind, "connection_lost", lambda _, error: ended.append(error))  # noqa: B010
        await server.create_server(kind, port=80)
        near, notes = await client.create_connection(Notes, SERVER, 80)
        near.write(b"x")
        near.write_eof()
        await notes.over.wait()
        assert isinstance(notes.error, ConnectionResetError)
        assert [type(error) for error in ended] == [ZeroDivisionError]
        assert len(reports) == 1
        assert "failed" in reports[0]["message"]

    two_hosts(body)


def test_a_failing_pause_is_reported_and_nothing_else() -> None:
    class Stubborn(Notes):
        def pause_writing(self) -> None:
            raise ZeroDivisionError

    reports: list[dict[str, Any]] = []

    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
        far = Notes()
        await server.create_server(lambda: far, port=80)
        near, _ = await client.create_connection(Stubborn, SERVER, 80)
        near.write(bytes(500_000))
        near.close()
        await asyncio.sleep(10)
        assert len(far.data) == 500_000

    two_hosts(body, config=TIGHT)
    assert [context["message"] for context in reports] == ["protocol.pause_writing() failed"]


class Buffered(asyncio.BufferedProtocol):
    """Lends five bytes at a time."""

    def __init__(self) -> None:
        self.buffer = bytearray(5)
        self.data = bytearray()
        self.said: list[str] = []

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data += self.buffer[:nbytes]

    def eof_received(self) -> bool:
        self.said.append("eof")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.said.append("lost")


def test_a_protocol_with_a_buffer_of_its_own() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        protocol = Buffered()
        await server.create_server(lambda: protocol, port=80)
        near, _ = await client.create_connection(Notes, SERVER, 80)
        near.write(b"twelve bytes")
        near.write_eof()
        await asyncio.sleep(1)
        assert protocol.data == b"twelve bytes"
        assert protocol.said == ["eof", "lost"]

    two_hosts(body)


def test_an_empty_buffer_is_an_error_of_the_protocol() -> None:
    reports: list[dict[str, Any]] = []

    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
        protocol = Buffered()
        protocol.buffer = bytearray()
        await server.create_server(lambda: protocol, port=80)
        near, _ = await client.create_connection(Notes, SERVER, 80)
        near.write(b"x")
        await asyncio.sleep(1)
        assert protocol.said == ["lost"]

    two_hosts(body)
    assert "empty buffer" in str(reports[0]["exception"])
