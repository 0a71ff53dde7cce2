"""Hosts: connections, servers, datagrams, names, and how each of them fails."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any

import pytest

from estab.drivers.virtual import SimulatedHost, VirtualNetwork, run
from estab.stack.listener import Decision, Syn
from tests.drivers.net import SERVER, Notes, connected, two_hosts


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1000):
        writer.write(data)
        await writer.drain()
    writer.close()


def time() -> float:
    return asyncio.get_running_loop().time()


def test_streams_as_asyncio_has_them() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        await server.start_server(echo, port=7)
        reader, writer = await client.open_connection(SERVER, 7)
        writer.write(b"one\ntwo\n")
        assert [await reader.readline(), await reader.readline()] == [b"one\n", b"two\n"]
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()

    two_hosts(body)


def test_the_limit_of_a_stream_reader() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        await server.start_server(echo, port=7)
        reader, writer = await client.open_connection(SERVER, 7, limit=10)
        writer.write(b"a line that is too long\n")
        with pytest.raises(ValueError, match="limit"):
            await reader.readline()
        writer.close()

    two_hosts(body)


def test_both_families_on_one_server() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        peers: list[Any] = []

        async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peers.append(writer.get_extra_info("peername"))
            writer.close()

        await server.start_server(note, port=80)
        for address in ("10.0.0.2", "fd00::2"):
            reader, writer = await client.open_connection(address, 80, local_addr=(client_of(address), 5000))
            assert await reader.read() == b""
            writer.close()
        assert peers == [("10.0.0.1", 5000), ("fd00::1", 5000, 0, 0)]

    def client_of(address: str) -> str:
        return address[:-1] + "1"

    two_hosts(body)


def test_hosts_know_each_other_by_name() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        await server.start_server(echo, port=7)
        _, writer = await client.open_connection("server", 7)
        writer.close()
        for name, words in (("nowhere", "not in the table of hosts"), ("broken", "stands for 'no address'")):
            server.hosts["broken"] = "no address"  # type: ignore[index]
            with pytest.raises(socket.gaierror, match=words) as raised:
                await client.open_connection(name, 7)
            assert "\n" not in str(raised.value)

    two_hosts(body)


def test_refused() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        with pytest.raises(ConnectionRefusedError):
            await client.open_connection(SERVER, 9)
        assert time() == 0.01
        assert client.netstat() == []

    two_hosts(body)


def test_a_timeout_ends_the_attempt() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        opening = asyncio.ensure_future(client.open_connection("10.0.0.77", 80, timeout=2.5))
        await asyncio.sleep(1)
        assert [row.state for row in client.netstat()] == ["SYN-SENT"]
        with pytest.raises(TimeoutError):
            await opening
        assert time() == 2.5
        await asyncio.sleep(0)
        assert client.netstat() == []

    two_hosts(body)


def test_without_a_timeout_the_stack_gives_up() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        with pytest.raises(TimeoutError) as raised:
            await client.open_connection("10.0.0.77", 80)
        assert raised.value.errno == errno.ETIMEDOUT
        assert time() > 180

    two_hosts(body)


def test_cancelling_an_open_aborts_it() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        opening = asyncio.ensure_future(client.open_connection("10.0.0.77", 80))
        await asyncio.sleep(1)
        opening.cancel()
        await asyncio.wait([opening])
        assert opening.cancelled()
        await asyncio.sleep(0)
        assert client.netstat() == []

    two_hosts(body)


def test_a_protocol_factory_that_fails() -> None:
    def broken() -> Notes:
        raise ZeroDivisionError

    reports: list[dict[str, Any]] = []

    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
        good, bad = Notes(), Notes()
        await server.create_server(lambda: good, port=80)
        await server.create_server(broken, port=81)
        with pytest.raises(ZeroDivisionError):
            await client.create_connection(broken, SERVER, 80)
        await client.create_connection(lambda: bad, SERVER, 81)
        await good.over.wait()
        await bad.over.wait()
        assert isinstance(good.error, ConnectionResetError)
        assert isinstance(bad.error, ConnectionResetError)

    two_hosts(body)
    assert [type(context["exception"]) for context in reports] == [ZeroDivisionError]


def test_wrong_addresses() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        for call, code in (
            (client.open_connection("255.255.255.255", 80), errno.ENETUNREACH),
            (client.open_connection(SERVER, 80, local_addr=("10.0.0.9", 0)), errno.EADDRNOTAVAIL),
            (client.start_server(echo, "10.0.0.9", 80), errno.EADDRNOTAVAIL),
            (client.create_datagram_endpoint(asyncio.DatagramProtocol, ("10.0.0.9", 1)), errno.EADDRNOTAVAIL),
        ):
            with pytest.raises(OSError) as raised:
                await call
            assert raised.value.errno == code
        with pytest.raises(ValueError, match="port"):
            await client.open_connection(SERVER, 65_536)
        assert client.netstat() == []

    two_hosts(body)


# ---------------------------------------------------------------------- servers


def test_a_port_can_be_had_once() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        first = await server.start_server(echo, port=80)
        with pytest.raises(OSError) as raised:
            await server.start_server(echo, port=80)
        assert raised.value.errno == errno.EADDRINUSE
        first.close()
        await server.start_server(echo, port=80)

    two_hosts(body)


def test_a_server_tells_its_port_and_whether_it_serves() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        listening = await server.start_server(echo, start_serving=False)
        port = listening.sockets[0].getsockname()[1]
        assert port > 1023
        assert listening.get_loop() is asyncio.get_running_loop()
        assert not listening.is_serving()
        with pytest.raises(ConnectionRefusedError):
            await client.open_connection(SERVER, port)
        await listening.start_serving()
        assert listening.is_serving()
        _, writer = await client.open_connection(SERVER, port)
        writer.close()
        listening.close()
        assert not listening.is_serving()
        assert listening.sockets == ()
        with pytest.raises(RuntimeError, match="is closed"):
            await listening.start_serving()

    two_hosts(body)


def test_a_closed_server_waits_for_its_connections() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        far = Notes()
        listening = await server.create_server(lambda: far, port=80)
        await client.create_connection(Notes, SERVER, 80)
        await asyncio.sleep(1)
        listening.close()
        waiting = asyncio.ensure_future(listening.wait_closed())
        await asyncio.sleep(1)
        assert not waiting.done()
        far.transport.close()
        await waiting
        assert far.said == ["made", "lost"]
        with pytest.raises(ConnectionRefusedError):
            await client.open_connection(SERVER, 80)

    two_hosts(body)


def test_the_clients_of_a_server_can_be_closed_or_aborted() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        for end, error in (("close_clients", type(None)), ("abort_clients", ConnectionResetError)):
            async with await server.create_server(Notes, port=80) as listening:
                _, near = await client.create_connection(lambda: Notes(keep_open=False), SERVER, 80)
                await asyncio.sleep(1)
                getattr(listening, end)()
            await near.over.wait()
            assert isinstance(near.error, error)

    two_hosts(body)


def test_serving_for_ever_ends_with_the_task_or_the_server() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        for end in ("cancel", "close"):
            listening = await server.start_server(echo, port=80, start_serving=False)
            serving = asyncio.ensure_future(listening.serve_forever())
            await asyncio.sleep(1)
            assert listening.is_serving()
            with pytest.raises(RuntimeError, match="already being awaited"):
                await listening.serve_forever()
            (serving.cancel if end == "cancel" else listening.close)()
            await asyncio.wait([serving])
            assert serving.cancelled()
            assert not listening.is_serving()

    two_hosts(body)


def test_a_hook_decides_about_each_connection() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        def decide(syn: Syn) -> Decision:
            return {5000: Decision.ACCEPT, 5001: Decision.REFUSE}.get(syn.remote[1], Decision.DROP)

        await server.start_server(echo, port=80, decide=decide)
        _, writer = await client.open_connection(SERVER, 80, local_addr=("10.0.0.1", 5000))
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await client.open_connection(SERVER, 80, local_addr=("10.0.0.1", 5001))
        with pytest.raises(TimeoutError):
            await client.open_connection(SERVER, 80, local_addr=("10.0.0.1", 5002), timeout=5)

    two_hosts(body)


@pytest.mark.parametrize("error", [LookupError("whose is it?"), OSError("no more files")], ids=["any", "OSError"])
def test_a_hook_that_fails_refuses_and_the_host_goes_on(error: Exception) -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        reports: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))

        def decide(syn: Syn) -> Decision:
            if not reports:
                raise error
            return Decision.ACCEPT

        await server.start_server(echo, port=80, decide=decide)
        with pytest.raises(ConnectionRefusedError):
            await client.open_connection(SERVER, 80)
        assert [report["exception"] for report in reports] == [error]
        _, writer = await client.open_connection(SERVER, 80)
        writer.close()
        assert server.error is None

    two_hosts(body)


def test_a_server_on_a_whole_prefix() -> None:
    async def main(net: VirtualNetwork) -> None:
        client, server = net.host("client", "10.0.0.1/24"), net.host("server", "192.0.2.0/24")
        net.connect(client, server)
        asked: list[Any] = []

        async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(writer.get_extra_info("sockname"))
            writer.close()

        await server.start_server(note, "192.0.2.128/25", 80)
        _, writer = await client.open_connection("192.0.2.200", 80)
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await client.open_connection("192.0.2.100", 80)
        assert asked == [("192.0.2.200", 80)]

    run(main)


def test_many_at_once() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        async def one(number: int) -> bytes:
            reader, writer = await client.open_connection(SERVER, 7)
            writer.write(b"%d" % number)
            writer.write_eof()
            answer = await reader.read()
            writer.close()
            return answer

        await server.start_server(echo, port=7)
        answers = await asyncio.gather(*map(one, range(100)))
        assert answers == [b"%d" % number for number in range(100)]
        await asyncio.sleep(1)
        assert {row.state for row in client.netstat()} == {"TIME-WAIT"}
        await asyncio.sleep(60)
        assert client.netstat() == []
        assert client.counters["ActiveOpens"] == server.counters["PassiveOpens"] == 100

    two_hosts(body)


# ---------------------------------------------------------------------- datagrams


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.said: list[Any] = []
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.DatagramTransport)
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.said.append((data, addr))
        if data == b"fail":
            raise ZeroDivisionError

    def error_received(self, exc: Exception) -> None:
        self.said.append(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self.said.append(exc)


def test_datagrams() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        far, heard = await server.create_datagram_endpoint(Datagrams, (SERVER, 53))
        near, notes = await client.create_datagram_endpoint(Datagrams, remote_addr=("server", 53))
        assert isinstance(heard, Datagrams)
        assert isinstance(notes, Datagrams)
        assert near.get_extra_info("peername") == (SERVER, 53)
        assert far.get_extra_info("peername", "nobody") == "nobody"
        assert far.get_extra_info("sockname") == (SERVER, 53)
        near.sendto(b"question")
        near.sendto(b"and to whom", ("server", 53))
        await asyncio.sleep(1)
        assert [data for data, _ in heard.said] == [b"question", b"and to whom"]
        far.sendto(b"answer", heard.said[0][1])
        await asyncio.sleep(1)
        assert notes.said == [(b"answer", (SERVER, 53))]

    two_hosts(body)


def test_datagrams_that_cannot_be_sent_and_the_end() -> None:
    reports: list[dict[str, Any]] = []

    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
        near, notes = await client.create_datagram_endpoint(Datagrams)
        assert isinstance(notes, Datagrams)
        near.sendto(b"to whom?")
        near.sendto(bytes(70_000), (SERVER, 53))
        assert [error.errno for error in notes.said] == [errno.EDESTADDRREQ, errno.EMSGSIZE]
        with pytest.raises(TypeError, match="not 'str'"):
            near.sendto("text")  # type: ignore[arg-type]
        port = near.get_extra_info("sockname")[1]
        other, _ = await server.create_datagram_endpoint(Datagrams)
        other.sendto(b"fail", ("10.0.0.1", port))
        await asyncio.sleep(1)
        assert isinstance(notes.said[-1], ZeroDivisionError)
        near.close()
        near.abort()
        assert near.is_closing()
        near.sendto(b"thrown away", (SERVER, 53))
        assert client.netstat() == []

    two_hosts(body)
    assert len(reports) == 1


# ---------------------------------------------------------------------- leaving


def test_a_closed_host_begins_nothing() -> None:
    async def body(client: SimulatedHost, server: SimulatedHost) -> None:
        near, far = await connected(client, server)
        opening = asyncio.ensure_future(client.open_connection("10.0.0.77", 80))
        await client.create_datagram_endpoint(Datagrams)
        await client.start_server(echo, port=80)
        await asyncio.sleep(1)
        client.close()
        client.close()
        far.transport.close()
        await client.wait_closed()
        assert near.said == ["made", "lost"]
        assert opening.cancelled() or opening.cancelling()
        assert {row.state for row in client.netstat()} <= {"TIME-WAIT"}
        for call in (client.open_connection(SERVER, 80), client.start_server(echo)):
            with pytest.raises(RuntimeError, match="is closed"):
                await call

    two_hosts(body)
