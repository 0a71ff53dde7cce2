"""Whatever the network does, the bytes arrive once, in order, and both sides end: many seeds, many configurations."""

import heapq
import random

import pytest

from estab.stack.stack import Stack
from estab.tcp.config import KIB, MILLISECOND, MINUTE, MODERN, RFC, SECOND
from estab.wire.link import FULL_OFFLOAD, NO_OFFLOAD
from estab.wire.packet import Checksum, Packet

MS = MILLISECOND
ADDRESSES = (["10.0.0.1/24", "fd00::1/64"], ["10.0.0.2/24", "fd00::2/64"])
REMOTE = {4: "10.0.0.2", 6: "fd00::2"}


class Side:
    """One application: writes ``data`` in pieces, reads in pieces, closes when it has written everything."""

    def __init__(self, data: bytes, rng: random.Random) -> None:
        self.data, self.rng = data, rng
        self.written = 0
        self.read = bytearray()
        self.c = None

    def act(self, now: int) -> None:
        c = self.c
        assert c.error is None, c.error
        if self.written < len(self.data):
            self.written += c.send(self.data[self.written : self.written + self.rng.randint(1, 20_000)], now)
        elif not c.write_closed:
            c.shutdown(now)
        self.read += c.receive(self.rng.choice((1, 100, 5000, 100_000)), now)

    @property
    def done(self) -> bool:
        return self.c is not None and self.c.write_closed and self.c.eof


class Wire:
    """Two stacks, and a network that loses, repeats and delays by the word of ``rng``."""

    def __init__(self, rng, config, *, loss=0.0, duplication=0.0, jitter=0, mtu=1500, offload=NO_OFFLOAD) -> None:
        self.rng, self.loss, self.duplication, self.jitter, self.mtu = rng, loss, duplication, jitter, mtu
        self.now = 0
        self.flight: list[tuple[int, int, int, Packet]] = []
        self.serial = 0
        self.stacks = [Stack(config, addresses=each, rng=rng, mtu=mtu, offload=offload) for each in ADDRESSES]

    def carry(self) -> None:
        for number, stack in enumerate(self.stacks):
            for packet in stack.transmit(self.now, 64):
                assert packet.segments > 1 or packet.size() <= self.mtu
                for _ in range(1 + (self.rng.random() < self.duplication)):
                    if self.rng.random() >= self.loss:
                        self.serial += 1
                        at = self.now + 10 * MS + self.rng.randint(0, self.jitter)
                        heapq.heappush(self.flight, (at, self.serial, 1 - number, copy(packet)))

    def turn(self) -> None:
        """To the next thing that happens, and through it; time does not stand still."""
        deadlines = [at for stack in self.stacks if (at := stack.next_deadline()) is not None]
        if self.flight:
            deadlines.append(self.flight[0][0])
        self.now = max(self.now + 1, min([*deadlines, self.now + 100 * MS]))
        arrived: list[list[Packet]] = [[], []]
        while self.flight and self.flight[0][0] <= self.now:
            _, _, number, packet = heapq.heappop(self.flight)
            arrived[number].append(packet)
        for stack, packets in zip(self.stacks, arrived, strict=True):
            stack.receive(packets, self.now)
            stack.advance(self.now)
        self.carry()


def copy(packet: Packet) -> Packet:
    again = Packet(packet.tobytes(), (), packet.checksum, packet.segment_size, packet.segments)
    if packet.checksum == Checksum.PARTIAL:
        again.checksum = Checksum.VERIFIED
    return again


def transfer(wire: Wire, family: int, there: bytes, back: bytes) -> None:
    listener = wire.stacks[1].listen(80)
    client, server = Side(there, wire.rng), Side(back, wire.rng)
    client.c = wire.stacks[0].open((REMOTE[family], 80), wire.now)
    for _ in range(100_000):
        wire.carry()
        wire.turn()
        server.c = server.c or wire.stacks[1].accept(listener)
        for side in (client, server):
            if side.c is not None and not side.done and side.c.state.value != "SYN-SENT":
                side.act(wire.now)
        if client.done and server.done and not any(stack.connections for stack in wire.stacks):
            break
    else:
        raise AssertionError("it never ends")
    assert bytes(server.read) == there
    assert bytes(client.read) == back
    assert wire.now < 20 * MINUTE
    check_rest(wire)


def check_rest(wire: Wire) -> None:
    """After 2 MSL nothing is left of it, and nothing stirs."""
    for _ in range(100):
        wire.now += 10 * SECOND
        for stack in wire.stacks:
            stack.advance(wire.now)
            stack.transmit(wire.now)
    for stack in wire.stacks:
        assert len(stack.time_wait) == 0
        assert stack.next_deadline() is None


CONFIGS = {
    "modern": MODERN,
    "letter": RFC,
    "single": MODERN.but(super_segments=False),
    "plain": MODERN.but(timestamps=False, sack=False, window_scale=False),
    "small": MODERN.but(receive_buffer=3 * KIB, send_buffer=4 * KIB),
    "tight": MODERN.but(reassembly_pieces=3, scoreboard_ranges=8),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("name", CONFIGS)
def test_on_a_bad_network(name, family, seed) -> None:
    rng = random.Random(f"{name}{family}{seed}")
    wire = Wire(rng, CONFIGS[name], loss=0.05, duplication=0.05, jitter=rng.choice((0, 5, 60)) * MS)
    transfer(wire, family, rng.randbytes(rng.randint(0, 120_000)), rng.randbytes(rng.randint(0, 60_000)))


@pytest.mark.parametrize("name", CONFIGS)
def test_on_a_clean_network_nothing_is_sent_twice(name) -> None:
    rng = random.Random(name)
    wire = Wire(rng, CONFIGS[name])
    transfer(wire, 4, rng.randbytes(200_000), rng.randbytes(100_000))
    for stack in wire.stacks:
        assert stack.counters.get("RetransSegs", 0) == 0
        assert stack.counters.get("TCPTimeouts", 0) == 0


@pytest.mark.parametrize("seed", range(4))
def test_with_offload(seed) -> None:
    rng = random.Random(seed)
    wire = Wire(rng, MODERN, loss=0.1, duplication=0.05, jitter=20 * MS, offload=FULL_OFFLOAD)
    transfer(wire, 4, rng.randbytes(400_000), rng.randbytes(10))


@pytest.mark.parametrize("seed", range(4))
def test_on_a_dreadful_network(seed) -> None:
    rng = random.Random(seed)
    wire = Wire(rng, MODERN.but(syn_retries=20, syn_ack_retries=20), loss=0.3, duplication=0.2, jitter=100 * MS)
    transfer(wire, 4, rng.randbytes(20_000), rng.randbytes(20_000))
