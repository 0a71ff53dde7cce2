"""Packets and pumps for the tests of this room."""

from __future__ import annotations

from collections import Counter
from random import Random

from estab.faults.link import FaultyLink
from estab.faults.verdict import Fault, Verdict
from estab.links.memory import memory_pair
from estab.wire import tcp, udp
from estab.wire.link import NO_OFFLOAD
from estab.wire.packet import Packet

V4 = (b"\x0a\0\0\1", b"\x0a\0\0\2")
V6 = (b"\xfd" + bytes(14) + b"\1", b"\xfd" + bytes(14) + b"\2")
SECOND = 1_000_000_000


def datagram(payload: bytes, ends: tuple[bytes, bytes] = V4) -> Packet:
    return udp.build(*ends, 1000, 2000, payload)


def segment(flags: int, payload: bytes = b"", seq: int = 1, ends: tuple[bytes, bytes] = V4) -> Packet:
    made = tcp.Segment(seq, 1, flags, 1000, (payload,) if payload else ())
    made.source_port, made.destination_port = 1000, 80
    return tcp.build(made, *ends)


def verdicts(fault: Fault, count: int, seed: int = 1) -> list[Verdict]:
    """What a fault decides about ``count`` equal packets, one per microsecond."""
    rng, packet = Random(seed), datagram(bytes(100))
    return [fault(packet, 1000 * number, rng) for number in range(count)]


def kinds(found: list[Verdict]) -> Counter[type]:
    return Counter(map(type, found))


class Bench:
    """A faulty link, the plain end behind it, and everything the observer heard."""

    def __init__(self, *out: Fault, into: tuple[Fault, ...] = (), seed: int = 1, limit: int = 10_000) -> None:
        inner, self.far = memory_pair(offload=NO_OFFLOAD, limit=limit)
        self.heard: list[tuple[int, str, str]] = []
        self.link = FaultyLink(inner, out, into, rng=Random(seed), observer=self._hear, limit=limit)

    def _hear(self, now: int, direction: str, packet: Packet, fate: str) -> None:
        self.heard.append((now, direction, fate))

    @property
    def fates(self) -> list[str]:
        return [fate for _, _, fate in self.heard]

    def send(self, *payloads: bytes, now: int = 0) -> None:
        packets = [datagram(payload) for payload in payloads]
        assert self.link.send(packets, now) == len(packets)

    def arrivals(self, now: int = 0) -> list[tuple[int, bytes]]:
        """Payloads at the far end with their times, going from deadline to deadline."""
        found = [(now, payload(packet)) for packet in self.far.receive(now, 10_000)]
        while (due := self.link.next_deadline()) is not None:
            self.link.receive(due, 10_000)
            found += [(due, payload(packet)) for packet in self.far.receive(due, 10_000)]
        return found


def payload(packet: Packet) -> bytes:
    """Behind an IPv4 and a UDP header."""
    return packet.tobytes()[28:]
