"""Every congestion control in a real connection: they see the same events, and a snapshot loses nothing of them."""

import asyncio

import pytest

import estab
from estab.tcp.config import MILLISECOND, MODERN
from estab.tcp.congestion import CONTROLS
from tests.conversation import ACK, SYN


@pytest.mark.parametrize("control", CONTROLS)
def test_a_loss_is_repaired(talk, control) -> None:
    t = talk(MODERN.but(congestion=control))
    t.listen()
    t.inject(SYN, seq=0, sack_permitted=True, mss=1000)
    t.expect(SYN | ACK)
    t.after(20 * MILLISECOND)
    t.inject(ACK, seq=1, ack=1)
    t.accept()
    t.send(bytes(40_000))
    t.after(20 * MILLISECOND)
    sent = t.drain()[-1]
    t.inject(ACK, seq=1, ack=1, sack=((1001, 5001),))
    t.after(20 * MILLISECOND)
    again = t.drain()
    assert 1 in [segment.seq for segment in again]
    t.inject(ACK, seq=1, ack=t.stack.connections[t.key].snd_nxt - t.iss)
    t.after(10 * MILLISECOND)
    assert max(segment.seq for segment in again + t.drain()) > sent.seq
    assert t.c.congestion.cwnd >= 2000


@pytest.mark.parametrize("control", CONTROLS)
def test_a_file_crosses_a_narrow_and_lossy_path(control) -> None:
    data = bytes(range(256)) * 2000

    async def main(net):
        a = net.host("a", "10.0.0.1/24", config=MODERN.but(congestion=control))
        b = net.host("b", "10.0.0.2/24")
        net.connect(a, b, delay_ms=10, rate=10_000_000, queue=50_000, loss=0.01)

        async def take(reader, writer):
            arrived.set_result(await reader.read())
            writer.close()
            await writer.wait_closed()

        arrived = asyncio.get_running_loop().create_future()
        await b.start_server(take, port=80)
        _, writer = await a.open_connection("10.0.0.2", 80)
        writer.write(data)
        writer.close()
        received = await arrived
        await writer.wait_closed()
        return received, asyncio.get_running_loop().time()

    received, seconds = estab.simulate(main, seed=3)
    assert received == data
    assert seconds < 10, "a tenth of the rate at the least"
