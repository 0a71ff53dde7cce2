"""The TUN link against the Linux kernel, always in a network namespace of its own."""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from estab.links import device, netlink
from estab.links.conformance import check_link
from estab.links.device import TunError
from estab.links.tun import MTU_REFRESH, TunLink
from estab.wire import ip, tcp, udp
from estab.wire.address import parse_address, parse_prefix
from estab.wire.link import FULL_OFFLOAD, NO_OFFLOAD
from estab.wire.packet import PROTO_TCP, PROTO_UDP, Checksum, Packet
from tests.netns import isolated_with_tun

KERNEL, OURS = "10.0.0.1", "10.0.0.2"
RTM_DELLINK = 17
UDP_SEGMENT = 103
FAMILIES = [(KERNEL, OURS), ("fd00::1", "fd00::2")]


def prefix_of(address: str) -> str:
    return f"{address}/24" if "." in address else f"{address}/64"


def wait(link: TunLink, wanted: Callable[[Packet], bool], now: int = 0, patience: int = 5000) -> Packet:
    """The first packet that is wanted; the kernel's own chatter is left out. patience: milliseconds."""
    poll = select.poll()
    poll.register(link.fileno(), select.POLLIN)
    while poll.poll(patience):
        for packet in link.receive(now, 1):
            ip.parse(packet)
            if wanted(packet):
                return packet
    raise AssertionError("the packet did not come")


def wait_for_carrier(link: TunLink, peer: socket.socket, ours: str = OURS) -> Packet:
    """The first datagram that gets through: the kernel drops all until it has noticed that somebody attached."""
    for _ in range(50):
        peer.sendto(b"hello", (ours, 7))
        with suppress(AssertionError):
            return wait(link, is_udp, patience=100)
    raise AssertionError("no packet came")


def is_udp(packet: Packet) -> bool:
    return packet.protocol == PROTO_UDP


def is_tcp(packet: Packet) -> bool:
    return packet.protocol == PROTO_TCP


def kernel_socket(address: str, kind: int) -> socket.socket:
    """A socket of the kernel's, bound on its side of the device."""
    made = socket.socket(socket.AF_INET if "." in address else socket.AF_INET6, kind)
    made.bind((address, 0))
    made.settimeout(5)
    return made


class Conversation:
    """A TCP connection of the kernel's with a peer made by hand: just enough to carry large segments."""

    def __init__(self, link: TunLink, kernel: str, ours: str) -> None:
        self.link = link
        self.ends = parse_address(ours), parse_address(kernel)
        self.mss = 1440
        self.seq = 1000
        with kernel_socket(kernel, socket.SOCK_STREAM) as listener:
            listener.listen()
            self.port = listener.getsockname()[1]
            syn = tcp.Segment(999, 0, tcp.SYN, 65535, options=tcp.NO_OPTIONS._replace(mss=self.mss, window_scale=8))
            self.send(syn)
            answer = tcp.parse(wait(link, is_tcp))
            assert answer.flags == tcp.SYN | tcp.ACK
            self.peer_seq = answer.seq + 1
            self.send(tcp.Segment(self.seq, self.peer_seq, tcp.ACK, 65535))
            self.kernel = listener.accept()[0]
            self.kernel.settimeout(5)

    def send(self, segment: tcp.Segment) -> None:
        segment.source_port, segment.destination_port = 40000, self.port
        offload = self.link.offload
        assert self.link.send([tcp.build(segment, *self.ends, partial=offload.checksum_out)], 0) == 1

    def collect(self, size: int) -> list[tuple[Packet, tcp.Segment]]:
        """What the kernel sends until ``size`` bytes have come; each is acknowledged."""
        arrived: list[tuple[Packet, tcp.Segment]] = []
        expected = self.peer_seq
        while expected < self.peer_seq + size:
            packet = wait(self.link, is_tcp)
            segment = tcp.parse(packet)
            if segment.length:
                assert segment.seq == expected & 0xFFFFFFFF
                expected += segment.length
                arrived.append((packet, segment))
                self.send(tcp.Segment(self.seq, expected, tcp.ACK, 65535))
        return arrived


@isolated_with_tun
@pytest.mark.parametrize("offload", [True, False])
def test_conforms(offload: bool) -> None:
    """Two devices with the kernel as the router between them."""

    def pair() -> tuple[TunLink, TunLink]:
        left = TunLink.create("left", ["10.1.0.1/24"], offload=offload)
        right = TunLink.create("right", ["10.2.0.1/24"], offload=offload)
        return left, right

    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    check_link(pair, source="10.1.0.2", destination="10.2.0.2")


@isolated_with_tun
@pytest.mark.parametrize(("kernel", "ours"), FAMILIES)
@pytest.mark.parametrize("offload", [True, False])
def test_a_datagram_each_way(kernel: str, ours: str, offload: bool) -> None:
    link = TunLink.create("", [prefix_of(kernel)], offload=offload)
    assert link.name == "tun0"
    assert link.offload == (FULL_OFFLOAD if offload else NO_OFFLOAD)
    with kernel_socket(kernel, socket.SOCK_DGRAM) as peer:
        peer.sendto(b"to us", (ours, 7))
        packet = wait(link, is_udp)
        assert packet.checksum == (Checksum.PARTIAL if offload else Checksum.RAW)
        datagram = udp.parse(packet)
        assert bytes(datagram.payload) == b"to us"
        answer = udp.build(packet.dst, packet.src, 7, datagram.source_port, b"to the kernel")
        assert link.send([answer], 0) == 1
        assert peer.recv(100) == b"to the kernel"
    link.close()


@isolated_with_tun
@pytest.mark.parametrize(("kernel", "ours"), FAMILIES)
def test_super_packets_both_ways(kernel: str, ours: str) -> None:
    link = TunLink.create("t0", [prefix_of(kernel)])
    talk = Conversation(link, kernel, ours)
    data = os.urandom(60_000)
    segment = tcp.Segment(1000, talk.peer_seq, tcp.ACK | tcp.PSH, 65535, (data[:1], data[1:30_000], data[30_000:]))
    segment.segment_size = talk.mss
    talk.send(segment)
    talk.seq += len(data)
    received = b""
    while len(received) < len(data):
        received += talk.kernel.recv(100_000)
    assert received == data
    talk.kernel.sendall(data)
    arrived = talk.collect(len(data))
    assert b"".join(bytes(view) for _, segment in arrived for view in segment.payload) == data
    largest, segment = max(arrived, key=lambda pair: pair[1].length)
    assert largest.checksum == Checksum.PARTIAL
    assert segment.length > largest.segment_size == talk.mss
    assert largest.segments == -(-segment.length // talk.mss)
    assert link.send_errors == 0


@isolated_with_tun
@pytest.mark.parametrize(("kernel", "ours"), FAMILIES)
def test_super_packets_of_datagrams_pass_both_ways(kernel: str, ours: str) -> None:
    link = TunLink.create("t0", [prefix_of(kernel)])
    data = os.urandom(10_300)
    pieces = [data[at : at + 1000] for at in range(0, len(data), 1000)]
    with kernel_socket(kernel, socket.SOCK_DGRAM) as peer:
        hello = wait_for_carrier(link, peer, ours)
        ends = hello.dst, hello.src, 7, udp.parse(hello).source_port
        assert link.send([udp.join([udp.build(*ends, piece, partial=True) for piece in pieces], 1000)], 0) == 1
        assert [peer.recv(2000) for _ in pieces] == pieces
        peer.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1000)
        peer.sendto(data, (ours, 7))
        packet = wait(link, is_udp)
    assert (packet.checksum, packet.segment_size, packet.segments) == (Checksum.PARTIAL, 1000, 11)
    assert bytes(udp.parse(packet).payload) == data
    assert link.send_errors == 0


def test_a_kernel_that_does_not_cut_datagrams_is_asked_for_less(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def ioctl(fd: int, request: int, argument: int | bytes) -> int:
        if request == device.TUNSETOFFLOAD:
            asked.append(argument)
            if argument & device.TUN_F_USO4:
                raise OSError(errno.EINVAL, "no such flag")
        return 0

    monkeypatch.setattr(device.fcntl, "ioctl", ioctl)
    assert device.set_offload(3, "t0", True) == FULL_OFFLOAD._replace(datagrams_in=False, datagrams_out=False)
    assert len(asked) == 2


@isolated_with_tun
def test_without_offload_packets_are_small_and_their_checksums_complete() -> None:
    link = TunLink.create("t0", [prefix_of(KERNEL)], offload=False)
    talk = Conversation(link, KERNEL, OURS)
    data = os.urandom(20_000)
    talk.kernel.sendall(data)
    arrived = talk.collect(len(data))
    assert b"".join(bytes(view) for _, segment in arrived for view in segment.payload) == data
    assert {packet.checksum for packet, _ in arrived} == {Checksum.RAW}
    assert max(packet.size() for packet, _ in arrived) <= link.mtu


@isolated_with_tun
def test_more_pieces_than_one_write_may_have() -> None:
    link = TunLink.create("t0", [prefix_of(KERNEL)])
    with kernel_socket(KERNEL, socket.SOCK_DGRAM) as peer:
        packet = udp.build(parse_address(OURS), parse_address(KERNEL), 7, peer.getsockname()[1], b"ab" * 600)
        packet.body = (b"a", b"b") * 600
        link.send([packet], 0)
        assert peer.recv(2000) == b"ab" * 600


@isolated_with_tun
def test_what_the_kernel_refuses_is_counted_and_the_rest_goes_on() -> None:
    link = TunLink.create("t0", [prefix_of(KERNEL)])
    with kernel_socket(KERNEL, socket.SOCK_DGRAM) as peer:
        good = udp.build(parse_address(OURS), parse_address(KERNEL), 7, peer.getsockname()[1], b"good")
        bad = [Packet(b"\xff" * 40), Packet(b""), Packet(b"\x45short", checksum=Checksum.PARTIAL)]
        assert link.send([*bad, good], 0) == 4
        assert link.send_errors == 3
        assert peer.recv(100) == b"good"


@isolated_with_tun
def test_a_changed_mtu_is_noticed() -> None:
    link = TunLink.create("t0", [prefix_of(KERNEL)], mtu=1400)
    assert link.mtu == 1400
    link.receive(0, 1)
    netlink.set_link(socket.if_nametoindex("t0"), mtu=1300)
    link.receive(MTU_REFRESH - 1, 1)
    assert link.mtu == 1400
    link.receive(MTU_REFRESH, 1)
    assert link.mtu == 1300
    netlink.set_link(socket.if_nametoindex("t0"), mtu=1290)
    assert link.refresh_mtu() == 1290


@isolated_with_tun
def test_an_address_takes_packets_from_the_moment_that_it_is_there() -> None:
    addresses = [f"10.1.{number}.1/24" for number in range(20)] + [f"fd00:{number:x}::1/128" for number in range(20)]
    with closing(TunLink.create("t0")):
        for prefix in map(parse_prefix, addresses):
            assert not netlink.is_local(prefix.address)
            netlink.add_address(socket.if_nametoindex("t0"), prefix)
            assert netlink.is_local(prefix.address)


@isolated_with_tun
def test_attach_leaves_a_device_as_it_is() -> None:
    first = TunLink.create("t0", [prefix_of(KERNEL)], mtu=1380, persist=True)
    with pytest.raises(TunError, match="another process has it") as busy:
        TunLink.attach("t0")
    assert busy.value.errno == errno.EBUSY
    first.close()
    link = TunLink.attach("t0")
    assert link.mtu == 1380
    with kernel_socket(KERNEL, socket.SOCK_DGRAM) as peer:
        assert bytes(udp.parse(wait_for_carrier(link, peer)).payload) == b"hello"
    link.close()
    # Taking it over configures it again.
    again = TunLink.create("t0", [prefix_of(KERNEL)], mtu=1500)
    assert again.mtu == 1500
    again.close()


@isolated_with_tun
def test_a_route_leads_a_prefix_here() -> None:
    link = TunLink.create("t0", [prefix_of(KERNEL), prefix_of("fd00::1")])
    link.add_route("192.0.2.77/24")
    link.add_route("2001:db8::/32")
    for kernel, target in ((KERNEL, "192.0.2.9"), ("fd00::1", "2001:db8::9")):
        with kernel_socket(kernel, socket.SOCK_DGRAM) as peer:
            peer.sendto(b"far", (target, 7))
            assert wait(link, is_udp).dst == parse_address(target)


@isolated_with_tun
def test_a_deleted_device_is_an_error_of_receive() -> None:
    link = TunLink.create("t0", [prefix_of(KERNEL)])
    body = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, socket.if_nametoindex("t0"), 0, 0)
    netlink._request(RTM_DELLINK, 0, body)
    with pytest.raises(OSError, match="bad state"):
        link.receive(0, 64)
    assert link.send([Packet(bytes(40))], 0) == 1
    assert link.send_errors == 1
    assert link.refresh_mtu() == 1500
    link.close()


@isolated_with_tun
def test_what_cannot_be_had_is_one_clear_line() -> None:
    with pytest.raises(TunError, match=r"^there is no interface nope: make one with: ip tuntap add dev nope"):
        TunLink.attach("nope")
    with pytest.raises(TunError, match=r"^cannot have the TUN device lo: .* \(an interface of that name exists"):
        TunLink.create("lo")
    with pytest.raises(TunError, match=r"^cannot bring up t0 with MTU 1: .*\(the kernel does not accept the value\)$"):
        TunLink.create("t0", mtu=1)
    for bad in ("a name", "x" * 16, "a/b"):
        with pytest.raises(ValueError, match="is no name for an interface"):
            TunLink.create(bad)
    with pytest.raises(ValueError, match="not an IPv4 or IPv6 address"):
        TunLink.create("t0", ["10.0.0.300/24"])
    assert socket.if_nameindex() == [(1, "lo")], "what failed leaves nothing behind"


@pytest.mark.parametrize(
    ("code", "remedy"),
    [(errno.ENOENT, "modprobe tun"), (errno.EACCES, "chmod 666 /dev/net/tun"), (errno.EPERM, "--device /dev/net/tun")],
)
def test_a_device_that_cannot_be_opened(monkeypatch: pytest.MonkeyPatch, code: int, remedy: str) -> None:
    def refuse(path: str, flags: int) -> int:
        raise OSError(code, os.strerror(code), path)

    monkeypatch.setattr(device.os, "open", refuse)
    with pytest.raises(TunError, match=r"^cannot open /dev/net/tun: ") as raised:
        TunLink.create("t0")
    assert remedy in str(raised.value)
    assert raised.value.errno == code
    assert "\n" not in str(raised.value)


@isolated_with_tun
def test_lone_small_packets_cost_no_failed_read() -> None:
    """After a few wrong guesses the link takes small packets one by one; a batch is found again soon."""
    link = TunLink.create("t0", [prefix_of(KERNEL)])
    reads: list[str] = []
    real = os.readv

    def counting(fd: int, buffers: tuple[bytearray, ...]) -> int:
        reads.append("read")
        return real(fd, buffers)

    poll = select.poll()
    poll.register(link.fileno(), select.POLLIN)
    while link.receive(0, 64):
        pass
    os.readv = counting
    with kernel_socket(KERNEL, socket.SOCK_DGRAM) as peer:
        peer.connect((OURS, 7))
        taken = 0
        for _ in range(64):
            peer.send(b"ping")
            assert poll.poll(5000)
            taken += len(link.receive(0, 64))
        assert taken >= 64
        assert len(reads) <= taken + 10
        for _ in range(60):
            peer.send(b"ping")
        calls = 0
        while poll.poll(0):
            link.receive(0, 64)
            calls += 1
        assert calls <= 18
    os.readv = real


def test_prefixes_are_cut_for_routes() -> None:
    assert netlink._network(parse_prefix("192.0.2.77/24")) == parse_address("192.0.2.0")
    assert netlink._network(parse_prefix("0.0.0.0/0")) == bytes(4)
