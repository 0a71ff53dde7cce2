"""What every link must do. A new link passes ``check_link`` and is then good for every stack and every driver."""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Final

from estab.wire import ip, tcp, udp
from estab.wire.address import parse_address
from estab.wire.link import Link
from estab.wire.packet import PROTO_TCP, PROTO_UDP, Checksum, Packet, ParseError

SMALLEST_MTU: Final = 576
UDP_HEADERS: Final = ip.IPV6_HEADER + udp.UDP_HEADER
TCP_HEADERS: Final = ip.IPV6_HEADER + tcp.TCP_HEADER
PORTS: Final = (4660, 22136)
BATCH: Final = 64
BATCHES: Final = 64
"""A flood is this many batches that nobody receives."""
PATIENCE_MS: Final = 1000
"""How long a descriptor may take to become readable before nothing more is expected."""


class NonconformingError(AssertionError):
    """A link broke its contract; the text says which part of it."""


class Pipe:
    """Two linked ends, the addresses that pass between them, and the time."""

    def __init__(self, sender: Link, receiver: Link, source: bytes, destination: bytes) -> None:
        self.sender = sender
        self.receiver = receiver
        self.ends = source, destination
        self.now = 0

    def datagram(self, payload: bytes) -> Packet:
        """A UDP packet in three pieces, so that a link has to put them together."""
        packet = udp.build(*self.ends, *PORTS, payload)
        middle = len(payload) // 2
        packet.body = (payload[:middle], payload[middle:])
        return packet

    def send(self, *packets: Packet) -> None:
        """Send a few packets: a link at rest takes them all."""
        taken = self.sender.send(packets, self.now)
        _require(taken == len(packets), f"took {taken} of {len(packets)} packets while it was empty")

    def collect(self, enough: Callable[[list[Packet]], bool], room: int = 16) -> list[Packet]:
        """Receive until it is enough or nothing more is to come. The kernel's own chatter is left out."""
        arrived: list[Packet] = []
        while not enough(arrived):
            packets = self.receiver.receive(self.now, room)
            _require(len(packets) <= room, f"gave {len(packets)} packets where there was room for {room}")
            arrived += filter(_is_ours, packets)
            if not packets and not self._wait():
                break
        return arrived

    def _wait(self) -> bool:
        """Let time pass to the next deadline, or wait for the descriptor; whether there is hope."""
        deadlines = [link.next_deadline() for link in (self.sender, self.receiver)]
        due = min((deadline for deadline in deadlines if deadline is not None), default=None)
        if due is not None:
            self.now = max(self.now, due)
            # Whoever pumps a link that holds packets calls it at its deadline.
            self.sender.receive(self.now, 0)
            return True
        return _readable(self.receiver.fileno())


def check_link(
    make_pair: Callable[[], tuple[Link, Link]], *, source: str = "10.0.0.1", destination: str = "10.0.0.2"
) -> None:
    """Raise ``NonconformingError`` unless what is sent on the first link of a fresh pair is received on the second.

    source, destination: addresses that the pair lets pass. Hops in between may count down the TTL, nothing else."""
    ends = parse_address(source), parse_address(destination)
    for check in CHECKS:
        sender, receiver = make_pair()
        try:
            check(Pipe(sender, receiver, *ends))
        finally:
            sender.close()
            receiver.close()


def check_rest(pipe: Pipe) -> None:
    """A link at rest says so at once."""
    for link in (pipe.sender, pipe.receiver):
        _require(link.mtu >= SMALLEST_MTU, f"an MTU of {link.mtu} is too small")
        _require(not any(map(_is_ours, link.receive(0, 16))), "something was received before anything was sent")
        _require(link.send([], 0) == 0, "sending nothing took something")
        _require(link.next_deadline() is None, "a link that holds nothing names a deadline")


def check_order(pipe: Pipe) -> None:
    """Packets of all sizes arrive whole, in order, never more than there is room for; the sent ones stay unchanged."""
    largest = min(pipe.sender.mtu, pipe.receiver.mtu) - UDP_HEADERS
    payloads = [_pattern(size, size) for size in (1, 2, 3, 100, largest - 1, largest, 40)]
    packets = [pipe.datagram(payload) for payload in payloads]
    before = [packet.tobytes() for packet in packets]
    pipe.send(*packets)
    _require([packet.tobytes() for packet in packets] == before, "sending changed the packets")
    _require(pipe.receiver.receive(pipe.now, 0) == [], "received where there was no room")
    arrived = pipe.collect(lambda got: len(got) >= len(payloads), room=2)
    _require(list(map(_payload, arrived)) == payloads, "packets were lost, changed or reordered")


def check_wake(pipe: Pipe) -> None:
    """Whoever waits for the receiver learns that something has come."""
    calls: list[int] = []
    pipe.receiver.on_ready = lambda: calls.append(1)
    pipe.send(pipe.datagram(b"wake up"))
    held = pipe.sender.next_deadline() is not None or pipe.receiver.next_deadline() is not None
    awake = held or bool(calls) or _readable(pipe.receiver.fileno())
    _require(awake, "a packet came, but neither descriptor, on_ready nor next_deadline tells")


def check_kept(pipe: Pipe) -> None:
    """A received packet stays what it was for as long as somebody has it."""
    size = min(pipe.sender.mtu, pipe.receiver.mtu) - UDP_HEADERS
    payloads = [_pattern(size, seed) for seed in range(48)]
    kept: list[Packet] = []
    for start in range(0, len(payloads), 8):
        pipe.send(*map(pipe.datagram, payloads[start : start + 8]))
        kept += pipe.collect(lambda got: len(got) >= 8)
    _require(list(map(_payload, kept)) == payloads, "a packet changed while it was held, or was lost")


def check_offload(pipe: Pipe) -> None:
    """What the sender declares, it does; what the receiver does not declare, it never hands in."""
    offers, accepts = pipe.sender.offload, pipe.receiver.offload
    mss = min(pipe.sender.mtu, pipe.receiver.mtu) - TCP_HEADERS
    data = _pattern(20 * mss + 7 if offers.segment_out else mss, 3)
    segment = tcp.Segment(0xFFFFF000, 1, tcp.ACK | tcp.PSH, 1000, (data[:99], data[99:]))
    segment.source_port, segment.destination_port = PORTS
    segment.segment_size = mss if offers.segment_out else 0
    pipe.send(tcp.build(segment, *pipe.ends, partial=offers.checksum_out))
    arrived = pipe.collect(lambda got: sum(packet.size() for packet in got) > len(data))
    for packet in arrived:
        _require(accepts.checksum_in or packet.checksum == Checksum.RAW, "a checksum was left undone")
        _require(accepts.segment_in or not packet.segment_size, "a super-packet came in where none is declared")
        _require(bool(packet.segment_size) or packet.size() <= pipe.sender.mtu, "a packet is larger than the MTU")
    _require(b"".join(map(_payload, arrived)) == data, "the payload of a TCP segment was changed")


def check_flood(pipe: Pipe) -> None:
    """Packets that nobody receives are lost or refused, and the link lives on."""
    for number in range(BATCHES):
        packets = [pipe.datagram(_pattern(60, number)) for _ in range(BATCH)]
        taken = pipe.sender.send(packets, pipe.now)
        _require(0 <= taken <= BATCH, f"took {taken} of {BATCH} packets")
    pipe.collect(lambda got: len(got) >= BATCH * BATCHES, room=BATCH)
    pipe.send(pipe.datagram(b"still there"))
    arrived = pipe.collect(bool)
    _require(list(map(_payload, arrived)) == [b"still there"], "after a flood the link no longer works")


def check_closed(pipe: Pipe) -> None:
    """Closing twice is harmless; a closed link raises OSError and has no descriptor."""
    for link in (pipe.sender, pipe.receiver):
        link.close()
        link.close()
        try:
            link.receive(pipe.now, 1)
        except OSError:
            pass
        else:
            raise NonconformingError("receive on a closed link does not raise OSError")
        _require(link.fileno() == -1, "a closed link still names a descriptor")


CHECKS: Final = (check_rest, check_order, check_wake, check_kept, check_offload, check_flood, check_closed)


def _require(condition: bool, text: str) -> None:
    if not condition:
        raise NonconformingError(text)


def _pattern(size: int, seed: int) -> bytes:
    """Bytes that differ from place to place and from seed to seed."""
    return bytes([(seed * 31 + index * 7 + (index >> 8)) & 0xFF for index in range(size)])


def _readable(descriptor: int) -> bool:
    if descriptor < 0:
        return False
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(PATIENCE_MS))


def _is_ours(packet: Packet) -> bool:
    try:
        ip.parse(packet)
    except ParseError as error:
        raise NonconformingError(f"what arrived is no valid packet: {error.reason}") from error
    ports = bytes(packet.head[packet.transport : packet.transport + 4])
    return packet.protocol in (PROTO_TCP, PROTO_UDP) and ports == b"".join(port.to_bytes(2, "big") for port in PORTS)


def _payload(packet: Packet) -> bytes:
    """What a packet carries, read again from its bytes."""
    try:
        ip.parse(packet)
        if packet.protocol == PROTO_TCP:
            return b"".join(tcp.parse(packet).payload)
        return bytes(udp.parse(packet).payload)
    except ParseError as error:
        raise NonconformingError(f"a packet was changed on the way: {error.reason}") from error
