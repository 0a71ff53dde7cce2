"""UDP, echo and fragments: RFC 768, RFC 792, RFC 4443, RFC 791 §3.2, RFC 8200 §4.5."""

import errno
import random

import pytest

from estab.stack import snapshot
from estab.stack.stack import Stack
from estab.tcp.config import MODERN, SECOND, Config
from estab.wire import icmp, ip, tcp, udp
from estab.wire.address import parse_address
from estab.wire.link import FULL_OFFLOAD
from estab.wire.packet import Packet
from estab.wire.segmentation import split
from estab.wire.tcp import SYN, Segment

OURS = {4: parse_address("10.0.0.1"), 6: parse_address("fd00::1")}
PEER = {4: parse_address("10.0.0.2"), 6: parse_address("fd00::2")}
FAMILIES = pytest.mark.parametrize("family", [4, 6])


def host(config=MODERN, mtu=1500) -> Stack:
    return Stack(config, addresses=["10.0.0.1/24", "fd00::1/64"], rng=random.Random(1), mtu=mtu)


def sent(stack: Stack) -> list[Packet]:
    packets = [Packet(packet.tobytes()) for packet in stack.transmit(0)]
    for packet in packets:
        ip.parse(packet)
    return packets


def arrive(stack: Stack, packet: Packet, now: int = 0) -> None:
    stack.receive([Packet(packet.tobytes())], now)


def datagram(family: int, port: int, data: bytes, source_port: int = 9) -> Packet:
    return udp.build(PEER[family], OURS[family], source_port, port, data)


@FAMILIES
def test_send(family) -> None:
    stack = host()
    port = stack.udp(5000)
    port.send_to(b"hello", (PEER[family], 7), 0)
    (packet,) = sent(stack)
    seen = udp.parse(packet)
    assert (packet.src, packet.dst) == (OURS[family], PEER[family])
    assert (seen.source_port, seen.destination_port, bytes(seen.payload)) == (5000, 7, b"hello")


@FAMILIES
def test_receive(family) -> None:
    stack = host()
    port = stack.udp(5000)
    arrive(stack, datagram(family, 5000, b"one"))
    arrive(stack, datagram(family, 5000, b"two"))
    assert stack.take_events() == [port]
    assert port.readable == 2
    data, (address, source) = port.receive_from()
    assert (data, parse_address(address), source) == (b"one", PEER[family], 9)
    assert port.receive_from()[0] == b"two"
    assert port.receive_from() is None


def test_an_empty_datagram_is_a_datagram() -> None:
    stack = host()
    port = stack.udp(5000)
    arrive(stack, datagram(4, 5000, b""))
    assert port.receive_from()[0] == b""


def test_the_queue_is_limited() -> None:
    stack = host(MODERN.but(udp_queue=3))
    port = stack.udp(5000)
    for _ in range(5):
        arrive(stack, datagram(4, 5000, b"x"))
    assert port.readable == 3
    assert stack.counters["UdpRcvbufErrors"] == 2


@FAMILIES
def test_nobody_there(family) -> None:
    stack = host()
    arrive(stack, datagram(family, 5000, b"x"))
    (packet,) = sent(stack)
    message = icmp.parse(packet)
    assert message.kind is icmp.IcmpKind.UNREACHABLE
    assert message.code == (icmp.V4_PORT_UNREACHABLE if family == 4 else icmp.V6_PORT_UNREACHABLE)
    assert message.quote.destination_port == 5000


def test_errors_are_limited_in_rate() -> None:
    stack = host(MODERN.but(icmp_rate=5))
    for _ in range(50):
        arrive(stack, datagram(4, 5000, b"x"))
    assert len(sent(stack)) == 5
    arrive(stack, datagram(4, 5000, b"x"), SECOND // 5)
    assert len(sent(stack)) == 1


@FAMILIES
def test_a_large_datagram_is_cut_and_put_together(family) -> None:
    stack, other = host(), host()
    data = bytes(range(256)) * 20
    stack.udp(5000).send_to(data, (PEER[family], 7), 0)
    pieces = stack.transmit(0)
    assert len(pieces) > 3
    assert all(piece.size() <= 1500 for piece in pieces)
    other.addresses = type(other.addresses)(["10.0.0.2/24", "fd00::2/64"])
    port = other.udp(7)
    for piece in reversed(pieces):
        arrive(other, piece)
    assert port.receive_from()[0] == data


@pytest.mark.parametrize(("family", "longest"), [(4, 65_507), (6, 65_527)])
def test_too_large(family, longest) -> None:
    stack = host()
    port = stack.udp(5000)
    port.send_to(bytes(longest), (PEER[family], 7), 0)
    assert len(stack.transmit(0)) > 40
    with pytest.raises(OSError) as raised:
        port.send_to(bytes(longest + 1), (PEER[family], 7), 0)
    assert raised.value.errno == errno.EMSGSIZE
    assert stack.transmit(0) == []


def test_nothing_waits_without_end() -> None:
    stack = host(MODERN.but(replies_owed=4))
    port = stack.udp(5000)
    for _ in range(4):
        port.send_to(b"x", (PEER[4], 7), 0)
    with pytest.raises(OSError) as raised:
        port.send_to(b"x", (PEER[4], 7), 0)
    assert raised.value.errno == errno.ENOBUFS


@pytest.mark.parametrize("port", [0, -1, 65_536])
def test_no_such_port(port) -> None:
    with pytest.raises(ValueError, match="port"):
        host().udp(5000).send_to(b"x", (PEER[4], port), 0)


def test_bound_twice() -> None:
    stack = host()
    first = stack.udp(5000)
    with pytest.raises(OSError) as raised:
        stack.udp(5000)
    assert raised.value.errno == errno.EADDRINUSE
    stack.udp(5000, address="10.0.0.1")
    first.close()
    first.close()
    stack.udp(5000)


def test_the_closer_binding_receives() -> None:
    stack = host()
    anywhere, here = stack.udp(5000), stack.udp(5000, address="10.0.0.1")
    arrive(stack, datagram(4, 5000, b"four"))
    arrive(stack, datagram(6, 5000, b"six"))
    assert here.receive_from()[0] == b"four"
    assert anywhere.receive_from()[0] == b"six"


def test_closed() -> None:
    stack = host()
    port = stack.udp(5000)
    arrive(stack, datagram(4, 5000, b"x"))
    port.close()
    assert port.readable == 0
    with pytest.raises(OSError) as raised:
        port.send_to(b"x", (PEER[4], 7), 0)
    assert raised.value.errno == errno.EBADF
    arrive(stack, datagram(4, 5000, b"x"))
    assert len(sent(stack)) == 1


@FAMILIES
def test_echo(family) -> None:
    stack = host()
    request = bytearray(bytes(8) + b"payload of an echo")
    request[0] = 8 if family == 4 else 128
    request[4:8] = b"\x12\x34\x00\x07"
    arrive(stack, echo_packet(family, bytes(request)))
    (packet,) = sent(stack)
    answer = packet.tobytes()[packet.transport :]
    assert answer[0] == (0 if family == 4 else 129)
    assert answer[4:] == bytes(request[4:])
    assert (packet.src, packet.dst) == (OURS[family], PEER[family])
    assert icmp.parse(packet).kind is not icmp.IcmpKind.ECHO_REQUEST


def echo_packet(family: int, request: bytes) -> Packet:
    """Made by an independent library: we answer requests and never send one."""
    from scapy.layers.inet import ICMP, IP  # noqa: PLC0415
    from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6  # noqa: PLC0415

    if family == 4:
        return Packet(bytes(IP(src="10.0.0.2", dst="10.0.0.1") / ICMP(type=8, id=0x1234, seq=7) / request[8:]))
    return Packet(bytes(IPv6(src="fd00::2", dst="fd00::1") / ICMPv6EchoRequest(id=0x1234, seq=7, data=request[8:])))


@FAMILIES
def test_tcp_in_fragments(family) -> None:
    stack = host()
    stack.listen(80)
    segment = Segment(0, 0, SYN, 65_535, (bytes(4000),))
    segment.source_port, segment.destination_port = 9, 80
    pieces = ip.fragment_packet(tcp.build(segment, PEER[family], OURS[family]), 1500, 77)
    for piece in pieces[1:] + pieces[:1]:
        arrive(stack, piece)
    assert len(stack.connections) == 1
    assert stack.counters["IpReasmReqds"] == len(pieces)


def test_fragments_that_have_to_make_room_are_counted() -> None:
    stack = host(Config(fragment_datagrams=2))
    for name in range(5):
        arrive(stack, ip.fragment_packet(datagram(4, 5000, bytes(4000)), 1500, name)[0])
    assert stack.counters["IpReasmEvicted"] == 3


def test_fragments_that_never_become_whole() -> None:
    stack = host()
    stack.udp(5000)
    pieces = ip.fragment_packet(datagram(4, 5000, bytes(4000)), 1500, 77)
    arrive(stack, pieces[0])
    deadline = stack.next_deadline()
    assert 0 < deadline <= 60 * SECOND
    stack.advance(deadline)
    assert stack.counters["IpReasmTimeout"] == 1
    assert stack.next_deadline() is None


def offloading() -> Stack:
    return Stack(MODERN, addresses=["10.0.0.1/24", "fd00::1/64"], rng=random.Random(1), offload=FULL_OFFLOAD)


def sizes_on_the_wire(packets: list[Packet]) -> list[list[int]]:
    return [[piece.length - piece.transport - udp.UDP_HEADER for piece in split(packet)] for packet in packets]


@FAMILIES
def test_a_link_that_cuts_datagrams_gets_them_joined(family) -> None:
    stack = offloading()
    port = stack.udp(5000)
    for size in (100, 100, 60, 100, 100, 200):
        port.send_to(bytes(size), (PEER[family], 7), 0)
    packets = stack.transmit(0)
    assert sizes_on_the_wire(packets) == [[100, 100, 60], [100, 100], [200]]
    assert [packet.segment_size for packet in packets] == [100, 100, 0]


@pytest.mark.parametrize("change", ["address", "port", "source", "empty", "fragments", "reply"])
def test_only_datagrams_that_continue_each_other_are_joined(change) -> None:
    stack = offloading()
    port, other = stack.udp(5000), stack.udp(5001)
    port.send_to(b"one", (PEER[4], 7), 0)
    if change == "reply":
        arrive(stack, echo_packet(4, b"\x08" + bytes(7)))
    else:
        address = parse_address("10.0.0.3") if change == "address" else PEER[4]
        data = {"empty": b"", "fragments": bytes(2000)}.get(change, b"two")
        (other if change == "source" else port).send_to(data, (address, 8 if change == "port" else 7), 0)
    port.send_to(b"one", (PEER[4], 7), 0)
    packets = stack.transmit(0)
    assert len(packets) == (4 if change == "fragments" else 3)
    assert all(packet.segments == 1 for packet in packets)


def test_a_joined_packet_stays_within_what_ip_allows() -> None:
    stack = offloading()
    port = stack.udp(5000)
    for _ in range(100):
        port.send_to(bytes(1400), (PEER[4], 7), 0)
    packets = stack.transmit(0)
    assert sum(map(len, sizes_on_the_wire(packets))) == 100
    assert max(packet.length for packet in packets) <= 65_535
    assert len(packets) == 3


def test_datagrams_that_wait_are_joined_also_after_a_restart_from_a_snapshot() -> None:
    stack, again = offloading(), offloading()
    port = stack.udp(5000)
    for data in (b"one", b"two"):
        port.send_to(data, (PEER[4], 7), 0)
    snapshot.restore(again, stack.snapshot(0), 0, snapshot.origins(stack))
    (packet,) = again.transmit(0)
    assert [bytes(udp.parse(piece).payload) for piece in split(packet)] == [b"one", b"two"]


@FAMILIES
def test_datagrams_that_come_joined_are_apart_for_the_reader(family) -> None:
    stack = host(MODERN.but(udp_queue=2))
    port = stack.udp(5000)
    packets = [udp.build(PEER[family], OURS[family], 9, 5000, data, partial=True) for data in (b"ab", b"cd", b"e")]
    joined = udp.join(packets, 2)
    stack.receive([Packet(joined.tobytes(), (), joined.checksum, 2, 3)], 0)
    assert [port.receive_from()[0] for _ in range(2)] == [b"ab", b"cd"]
    assert port.receive_from() is None
    assert stack.counters["UdpRcvbufErrors"] == 1
