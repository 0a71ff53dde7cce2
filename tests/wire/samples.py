"""Addresses and packets that several tests share."""

from __future__ import annotations

from estab.wire import icmp, ip, tcp, udp
from estab.wire.options import Options
from estab.wire.packet import Packet

V4 = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
V6 = bytes.fromhex("fd000000000000000000000000000001"), bytes.fromhex("fd000000000000000000000000000002")
FAMILIES = (V4, V6)

EVERY_OPTION = (
    Options(),
    Options(timestamps=(1, 0xFFFFFFFF)),
    Options(mss=1460, window_scale=7, sack_permitted=True, timestamps=(1, 0)),
    Options(mss=1220, window_scale=14, sack_permitted=True),
    Options(timestamps=(5, 6), sack=((1, 2), (3, 4), (0xFFFFFFFF, 5))),
    Options(sack=((1, 2), (3, 4), (5, 6), (7, 8))),
    Options(user_timeout=90),
    Options(mss=1460, fast_open=b""),
    Options(mss=1460, fast_open=bytes(range(8))),
    Options(md5=bytes(range(16))),
    Options(ao=bytes(range(14))),
    Options(mss=536, unknown=((77, b"xyz"), (253, b"\x12\x34"))),
)


def read(data: bytes) -> Packet:
    """The packet of these bytes after ``ip.parse``."""
    packet = Packet(data)
    ip.parse(packet)
    return packet


def segment(payload: bytes = b"", options: Options = Options(), flags: int = tcp.ACK) -> tcp.Segment:  # noqa: B008
    """A segment with a different number in every field."""
    return tcp.Segment(0x11223344, 0x55667788, flags, 0x99AA, (payload,) if payload else (), options, 0, 4660, 80)


def valid_packets() -> list[bytes]:
    """One packet of every sort that this room reads."""
    packets = []
    for src, dst in FAMILIES:
        packets += [tcp.build(segment(b"hello", options), src, dst) for options in EVERY_OPTION]
        packets.append(udp.build(src, dst, 53, 5353, b"query"))
        ping = icmp.Icmp(icmp.IcmpKind.ECHO_REQUEST, 0, 7, 1, payload=b"ping data")
        packets.append(icmp.build_echo(ping, src, dst))
        for kind in (icmp.IcmpKind.UNREACHABLE, icmp.IcmpKind.TOO_BIG, icmp.IcmpKind.TIME_EXCEEDED):
            packets.append(icmp.build_error(kind, 1, 1400, packets[0], dst, src))
        packets += ip.fragment_packet(udp.build(src, dst, 1, 2, bytes(3000)), 1500, 9)
    return [packet.tobytes() for packet in packets]
