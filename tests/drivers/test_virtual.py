"""The loop in virtual time, and programs on a simulated network."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estab.drivers.deadlock import DeadlockError
from estab.drivers.virtual import VirtualNetwork, run
from estab.drivers.virtual_loop import VirtualLoop
from estab.sim.network import Network


def run_alone(main: Any) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def test_a_day_passes_at_once_and_exactly() -> None:
    async def main() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        await asyncio.sleep(86_400)
        await asyncio.sleep(0.000_000_001)
        return loop.now_ns()

    assert run_alone(main()) == 86_400_000_000_001


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=8))
def test_sleepers_wake_in_the_order_of_their_times(delays: list[float]) -> None:
    woken: list[float] = []

    async def sleeper(delay: float) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(delay)
        assert abs(loop.time() - delay) <= 1e-9 + delay * 1e-15
        woken.append(delay)

    async def main() -> None:
        await asyncio.gather(*map(sleeper, delays))

    run_alone(main())
    assert [round(delay, 8) for delay in woken] == sorted(round(delay, 8) for delay in delays)


def test_timeouts_are_virtual() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 3600)
        assert loop.time() == 3600
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await asyncio.sleep(2)
        assert loop.time() == 3601

    run_alone(main())


def test_executors_run_inline() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert await loop.run_in_executor(None, divmod, 7, 2) == (3, 1)
        assert await asyncio.to_thread(len, "abc") == 3
        with pytest.raises(ZeroDivisionError):
            await loop.run_in_executor(None, divmod, 7, 0)

    run_alone(main())


def test_callbacks_from_other_threads_are_as_good_as_any() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.call_soon_threadsafe(future.set_result, None)
        await future

    run_alone(main())


async def waits_in_vain(event: asyncio.Event) -> None:
    await event.wait()


def test_a_deadlock_says_who_waits_for_what() -> None:
    async def main() -> None:
        event = asyncio.Event()
        other = asyncio.create_task(waits_in_vain(event), name="other")
        await asyncio.sleep(2)
        await other

    with pytest.raises(DeadlockError) as raised:
        run_alone(main())
    lines = str(raised.value).splitlines()
    assert lines[0] == "deadlock at 2.000000000 s of virtual time: nothing is scheduled and no packet is under way"
    assert re.fullmatch(r"  Task-\d+ waits in \S*main, test_virtual.py:\d+: await other", lines[1])
    assert re.fullmatch(
        r"  other waits in waits_in_vain, test_virtual.py:\d+: await event.wait\(\) \(in Event.wait\)", lines[2]
    )


def test_a_deadlock_without_tasks_of_its_own() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    async def waiting_directly() -> None:
        await asyncio.gather(asyncio.Event().wait(), asyncio.get_running_loop().create_future())

    for each in (main(), waiting_directly()):
        with pytest.raises(DeadlockError, match="waits in"):
            run_alone(each)

    loop = VirtualLoop()
    with pytest.raises(DeadlockError, match="no task waits"):
        loop.run_until_complete(loop.create_future())
    loop.close()


def test_a_server_that_is_never_called_is_a_deadlock() -> None:
    async def main(net: VirtualNetwork) -> None:
        server = await net.host("server", "10.0.0.2/24").create_server(asyncio.Protocol, port=80)
        await server.serve_forever()

    with pytest.raises(DeadlockError, match="serve_forever"):
        run(main)


def test_an_exception_of_the_program_is_raised() -> None:
    async def main(net: VirtualNetwork) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(main)


def test_the_network_decides_how_long_a_round_trip_takes() -> None:
    async def main(net: VirtualNetwork) -> float:
        a, b = net.host("a", "10.0.0.1/24"), net.host("b", "10.0.0.2/24")
        net.connect(a, b, delay_ms=20, rate=1_000_000)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readexactly(1))
            await asyncio.sleep(1)
            writer.close()

        await b.start_server(answer, port=80)
        reader, writer = await a.open_connection("b", 80)
        opened = asyncio.get_running_loop().time()
        writer.write(b"?")
        await reader.readexactly(1)
        answered = asyncio.get_running_loop().time()
        writer.close()
        # SYN and SYN-ACK are 60 bytes, 53 bytes carry the question: 8 us a byte.
        assert opened == 2 * (0.020 + 60 * 8e-6)
        return answered - opened

    assert 0.040 < run(main) < 0.042


def test_a_network_that_exists_already() -> None:
    network = Network(seed=3, start=1_000_000_000)
    ready = network.host("ready", "10.0.0.1/24")

    async def main(net: VirtualNetwork) -> None:
        a, b = net.attach(ready), net.host("b", "10.0.0.2/24")
        net.connect(a, b)
        assert (a.name, a.stack, net.network) == ("ready", ready.stack, network)
        assert asyncio.get_running_loop().time() == 1
        with pytest.raises(ConnectionRefusedError):
            await a.open_connection("b", 80)
        assert net.record is network.record

    run(main, network=network)
    assert ready.on_event is None


def trace(seed: int) -> list[Any]:
    """Every segment of a program on a bad network."""

    async def main(net: VirtualNetwork) -> list[Any]:
        a, b = net.host("a", "10.0.0.1/24"), net.host("b", "10.0.0.2/24")
        net.connect(a, b, delay_ms=10, jitter_ms=2, loss=0.1, duplicate=0.05, reorder=0.05)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.read())[::-1])
            writer.close()

        await b.start_server(answer, port=80)
        reader, writer = await a.open_connection("b", 80)
        writer.write(bytes(range(200)) * 100)
        writer.write_eof()
        assert await reader.read() == (bytes(range(200)) * 100)[::-1]
        writer.close()
        await asyncio.sleep(1)
        return [tuple(getattr(each, field) for field in type(each).__slots__) for each in net.record.passages]

    passages: list[Any] = run(main, seed=seed)
    return passages


def test_the_same_seed_gives_the_same_segments() -> None:
    first = trace(7)
    assert len(first) > 40
    assert trace(7) == first
    assert trace(8) != first
