"""The simulated network: same seed, same bytes; time that jumps; every packet accounted for."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from io import BytesIO
from itertools import pairwise
from random import Random

import pytest

import estab
from estab.faults import rules
from estab.faults.path import Path
from estab.faults.verdict import Replace, Verdict
from estab.sim import Network, SimHost
from estab.sim.streams import stream
from estab.tcp.config import MILLISECOND, MINUTE, SECOND
from estab.tcp.connection import Connection
from estab.tcp.observer import Observer
from estab.tcp.states import State
from estab.wire import tcp
from estab.wire.address import parse_address
from estab.wire.packet import Packet
from estab.wire.tcp import RST, Segment
from tests.where import PATHS


def pair(network: Network, **line: object) -> tuple[SimHost, SimHost]:
    a = network.host("client", "10.0.0.1/24", "fd00::1/64")
    b = network.host("server", "10.0.0.2/24", "fd00::2/64")
    network.connect(a, b, **line)  # type: ignore[arg-type]
    return a, b


def transfer(network: Network, a: SimHost, b: SimHost, data: bytes) -> bytes:
    """What arrives of ``data``, sent from ``a`` to ``b``, both then closed."""
    listener = b.stack.listen(80)
    received = bytearray()
    client = a.stack.open((address_of(b), 80), network.clock.now)
    assert network.run(lambda: listener.ready > 0, MINUTE)
    server = b.stack.accept(listener)
    assert server is not None
    sent = 0
    while not server.eof:
        sent += client.send(data[sent:], network.clock.now) if sent < len(data) else 0
        if sent == len(data):
            client.shutdown(network.clock.now)
        if not network.run(lambda: bool(server.readable) or server.eof, MINUTE):
            break
        received += server.receive(1 << 20, network.clock.now)
    server.close(network.clock.now)
    network.run(limit=10 * MINUTE)
    return bytes(received)


def address_of(host: SimHost) -> bytes:
    return host.stack.addresses.hosts[0].address


def lossy_run() -> bytes:
    """A capture of a transfer on a bad network, as bytes."""
    network = Network(7)
    a, b = pair(network, delay=5 * MILLISECOND, jitter=MILLISECOND, loss=0.05, duplicate=0.05, reorder=0.05)
    file = BytesIO()
    network.capture(file)
    data = Random(1).randbytes(100_000)
    assert transfer(network, a, b, data) == data
    return file.getvalue()


def test_same_seed_same_bytes_in_two_processes_whatever_the_hash_seed() -> None:
    script = (
        "from tests.sim.test_network import lossy_run; import hashlib; print(hashlib.sha256(lossy_run()).hexdigest())"
    )
    digests = {hashlib.sha256(lossy_run()).hexdigest()}
    for seed in ("0", "4711"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(PATHS)}
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        digests.add(done.stdout.strip())
    assert len(digests) == 1


def test_another_seed_gives_other_bytes() -> None:
    def syn(seed: int) -> int:
        network = Network(seed)
        a, _ = pair(network)
        a.stack.open(("10.0.0.2", 80), 0)
        network.run(limit=SECOND)
        return network.record.passages[0].seq

    assert len({syn(seed) for seed in range(5)}) == 5


def test_a_stream_depends_on_its_name_and_the_seed_alone() -> None:
    first = stream(1, "host a").getrandbits(64)
    assert stream(1, "host a").getrandbits(64) == first
    assert stream(1, "host b").getrandbits(64) != first
    assert stream(2, "host a").getrandbits(64) != first


def test_other_hosts_do_not_change_what_two_say_to_each_other() -> None:
    def syn(extra: int) -> int:
        network = Network(3)
        others = [network.host(f"other{number}", f"10.0.1.{number + 1}/24") for number in range(extra)]
        a, b = pair(network)
        for other in others:
            network.connect(b, other)
        a.stack.open(("10.0.0.2", 80), 0)
        network.run(limit=SECOND)
        return network.record.passages[0].seq

    assert syn(0) == syn(3)


def test_an_hour_of_quiet_is_one_jump() -> None:
    network = Network()
    a, b = pair(network, delay=MILLISECOND)
    client, _ = connected(network, a, b)
    network.run(limit=SECOND)
    assert network.next_event() is None
    network.run_until(3600 * SECOND)
    assert network.clock.now == 3600 * SECOND
    assert client.state is State.ESTABLISHED
    assert not network.step()


def connected(network: Network, a: SimHost, b: SimHost) -> tuple[Connection, Connection]:
    listener = b.stack.listen(80)
    client = a.stack.open((address_of(b), 80), network.clock.now)
    assert network.run(lambda: listener.ready > 0, MINUTE)
    server = b.stack.accept(listener)
    assert server is not None
    return client, server


def test_run_stops_at_its_limit_and_tells() -> None:
    network = Network()
    a, _ = pair(network)
    client = a.stack.open(("10.0.0.9", 80), 0)
    assert not network.run(lambda: client.state is State.ESTABLISHED, 5 * SECOND)
    assert network.clock.now == 5 * SECOND
    assert client.state is State.SYN_SENT


def test_run_until_a_predicate_that_never_comes_true_ends_when_all_is_quiet() -> None:
    network = Network()
    a, b = pair(network)
    connected(network, a, b)
    assert not network.run(lambda: False)


def test_a_rate_spaces_packets_and_an_infinite_one_does_not() -> None:
    def arrivals(rate: int | None) -> list[int]:
        network = Network()
        a, b = pair(network, delay=MILLISECOND, rate=rate)
        client, _ = connected(network, a, b)
        client.send(bytes(10_000), network.clock.now)
        network.run(limit=SECOND)
        return [passage.arrived_at or 0 for passage in network.record.passages if passage.length]

    assert len(set(arrivals(None))) == 1
    spaced = arrivals(12_000_000)
    assert {later - earlier for earlier, later in pairwise(spaced[:-1])} == {MILLISECOND}


def longest_of(network: Network, offloads: tuple[bool, bool], **line: object) -> int:
    """Bytes in the largest packet of a transfer, which arrives."""
    a = network.host("a", "10.0.0.1/24", offload=offloads[0])
    b = network.host("b", "10.0.0.2/24", offload=offloads[1])
    network.connect(a, b, delay=MILLISECOND, **line)  # type: ignore[arg-type]
    data = Random(1).randbytes(300_000)
    assert transfer(network, a, b, data) == data
    return max(passage.length for passage in network.record.segments)


def test_super_segments_travel_in_one_piece_between_hosts_with_offload() -> None:
    assert longest_of(Network(5), (True, True), rate=100_000_000, loss=0.01, duplicate=0.1, reorder=0.1) > 10_000


def test_super_segments_are_cut_for_who_cannot_take_them_and_for_who_looks_into_packets() -> None:
    assert longest_of(Network(), (True, False)) == longest_of(Network(), (False, True)) == 1448
    assert longest_of(Network(), (True, True), out=[rules.drop(rules.data, nth=3)]) == 1448
    assert longest_of(Network(), (True, True), path=Path()) == 1448


def test_hosts_that_are_joined_reach_each_other() -> None:
    network = Network()
    hosts = [network.host(name, f"10.0.0.{number}/24") for number, name in enumerate("abc", 1)]
    network.join(*hosts, delay=MILLISECOND)
    for a, b in ((hosts[0], hosts[1]), (hosts[0], hosts[2]), (hosts[2], hosts[1])):
        if not b.stack.listeners:
            b.stack.listen(80)
        client = a.stack.open((address_of(b), 80), network.clock.now)
        assert network.run(lambda client=client: client.state is State.ESTABLISHED, SECOND)  # type: ignore[misc]


def test_ipv6_works_alike() -> None:
    network = Network()
    a, b = pair(network, delay=MILLISECOND)
    listener = b.stack.listen(80)
    a.stack.open(("fd00::2", 80), 0)
    assert network.run(lambda: listener.ready > 0, SECOND)


def test_a_host_without_a_cable_sends_into_the_void() -> None:
    network = Network()
    lonely = network.host("lonely", "10.0.0.1/24")
    client = lonely.stack.open(("10.0.0.2", 80), 0)
    network.run(limit=10 * MINUTE)
    assert isinstance(client.error, TimeoutError)


def test_a_name_is_taken_once() -> None:
    network = Network()
    network.host("a")
    with pytest.raises(ValueError, match="there is a host 'a' already"):
        network.host("a")


def test_a_rebooted_host_knows_nothing_any_more() -> None:
    network = Network()
    a, b = pair(network, delay=MILLISECOND)
    client, _ = connected(network, a, b)
    b.reboot()
    client.send(b"still there?", network.clock.now)
    network.run(limit=SECOND)
    assert isinstance(client.error, ConnectionResetError)


def test_each_packet_has_its_fate() -> None:
    network = Network()
    out = [
        rules.drop(rules.syn, nth=1),
        rules.delay(rules.data, 30 * MILLISECOND, nth=1),
        rules.duplicate(rules.fin, 5 * MILLISECOND, nth=1),
    ]
    a, b = pair(network, delay=10 * MILLISECOND, out=out)
    assert transfer(network, a, b, bytes(2000)) == bytes(2000)
    fates = [(passage.fate, passage.arrived_at) for passage in network.record.passages if passage.src == "client"]
    assert fates[0] == ("lost", None)
    assert {fate for fate, _ in fates[1:]} == {"delivered", "delayed", "duplicate"}
    assert all(at is not None for fate, at in fates if fate != "lost")


def test_a_damaged_packet_counts_as_lost() -> None:
    def damage(packet: Packet, now: int, rng: Random) -> Verdict:
        data = bytearray(packet.tobytes())
        data[-1] ^= 1
        return Replace(Packet(bytes(data)))

    network = Network()
    a, _ = pair(network, out=[damage])
    a.stack.open(("10.0.0.2", 80), 0)
    network.run(limit=SECOND // 2)
    assert [(each.fate, each.cause) for each in network.record.passages] == [("lost", "corrupted")]


def test_the_record_shows_the_states_as_the_rfc_draws_them() -> None:
    network = Network()
    a, b = pair(network, delay=10 * MILLISECOND)
    connected(network, a, b)
    rows = [passage.row("client") for passage in network.record.passages]
    assert [(row["flags"], row["states"]) for row in rows] == [
        ("S", ["SYN-SENT", "SYN-RECEIVED"]),
        ("S.", ["ESTABLISHED", "SYN-RECEIVED"]),
        (".", ["ESTABLISHED", "ESTABLISHED"]),
    ]
    assert [row["t_ns"] for row in rows] == [0, 10 * MILLISECOND, 20 * MILLISECOND]
    assert [passage.reason for passage in network.record.passages] == ["SYN", "SYN-ACK", "ACK"]


def test_the_record_has_a_limit_and_counts_what_is_beyond() -> None:
    network = Network()
    network.record.limit = 2
    a, b = pair(network)
    connected(network, a, b)
    assert len(network.record.passages) == 2
    assert network.record.missed == 1


def test_an_injected_packet_arrives_and_is_recorded() -> None:
    network = Network()
    a, b = pair(network, delay=MILLISECOND)
    client, server = connected(network, a, b)
    forged = Segment(server.rcv_nxt, 0, RST, 0, source_port=client.local_port, destination_port=80)
    network.inject(tcp.build(forged, parse_address("10.0.0.1"), parse_address("10.0.0.2")), b)
    network.run(limit=SECOND)
    assert isinstance(server.error, ConnectionResetError)
    assert (network.record.passages[-1].src, network.record.passages[-1].dst_state) == ("attacker", "CLOSED")


def test_injection_has_a_limit() -> None:
    network = Network()
    host = network.host("a", "10.0.0.1/24")
    with pytest.raises(BufferError):
        for _ in range(2000):
            network.inject(Packet(b"nonsense"), host)


def test_another_observer_hears_as_well() -> None:
    class Counting(Observer):
        heard = 0

        def sent(self, *args: object) -> None:
            Counting.heard += 1

    network = Network()
    a = network.host("a", "10.0.0.1/24", observer=Counting())
    a.stack.open(("10.0.0.2", 80), 0)
    network.run(limit=SECOND // 2)
    assert Counting.heard == 1


STANDS_IN = pytest.mark.skipif(estab.COMPILED, reason="compiled code takes its own classes, and no stand-ins")


class Counted:
    """A host's pump, and how often it was turned."""

    blocked = False

    def __init__(self, host: SimHost) -> None:
        self.pump, self.turns = host.pump, 0

    def turn(self, now: int) -> None:
        self.turns += 1
        self.pump.turn(now)


@STANDS_IN
def test_a_packet_that_arrives_does_not_wake_who_sent_it() -> None:
    network = Network()
    a, b = pair(network, delay=MILLISECOND, rate=1_000_000)
    counted = a.pump, b.pump = Counted(a), Counted(b)
    a.stack.open(("10.0.0.2", 80), 0)
    network.run_until(3 * MILLISECOND // 2)
    assert b.stack.counters["InSegs"] == 1
    assert [each.turns for each in counted] == [1, 1]


@STANDS_IN
def test_hosts_that_never_come_to_rest_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network()
    host = network.host("a", "10.0.0.1/24")
    monkeypatch.setattr("estab.sim.network._TURNS_PER_INSTANT", 10)
    monkeypatch.setattr(type(host), "next_event", lambda self, now: now)
    with pytest.raises(RuntimeError, match="does not get past 0 ns"):
        network.run_until(1)
