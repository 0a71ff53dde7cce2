"""The bytes of the packets that a script injects."""

from __future__ import annotations

from typing import Final

from estab.packetdrill.flow import Flow
from estab.packetdrill.live import Header, build_icmp, build_tcp, network_header
from estab.packetdrill.syntax import Edges, IcmpPacket, IpInfo, Stamp, TcpOption, TcpPacket
from estab.packetdrill.values import UnsupportedError
from estab.wire.packet import PROTO_TCP, PROTO_UDP
from estab.wire.tcp import ECE

_CODEPOINTS: Final = {None: 0, "noecn": 0, "ect1": 1, "ect0": 2, "ce": 3}
_TTL: Final = 255
_QUOTED: Final = 8
"""Bytes of the transport header that an ICMP error quotes (RFC 792)."""

_UNREACHABLE_V4: Final = (
    *("net_unreachable", "host_unreachable", "protocol_unreachable", "port_unreachable", "frag_needed"),
    *("source_route_failed", "net_unreachable_unknown", "host_unreachable_unknown", "source_host_isolated"),
    *("net_prohibited", "host_prohibited", "net_unreachable_for_tos", "host_unreachable_for_tos", "comm_prohibited"),
    *("host_precedence_violation", "precedence_cutoff"),
)
_UNREACHABLE_V6: Final = (
    *("noroute_to_host", "administratively_prohibited", "not_neighbour", "address_unreachable", "port_unreachable"),
    *("failed_policy", "reject_route"),
)
_EXCEEDED: Final = ("exceeded_in_transit", "exceeded_in_reassembly")
_V4: Final[dict[str, tuple[int, tuple[str, ...]]]] = {
    "unreachable": (3, _UNREACHABLE_V4),
    "source_quench": (4, ()),
    "time_exceeded": (11, _EXCEEDED),
    "parameter_problem": (12, ()),
}
_V6: Final[dict[str, tuple[int, tuple[str, ...]]]] = {
    "unreachable": (1, _UNREACHABLE_V6),
    "packet_too_big": (2, ()),
    "time_exceeded": (3, _EXCEEDED),
    "parameter_problem": (4, ()),
}
_ALIASES: Final = {
    "net_unreachable": "noroute_to_host",
    "host_unreachable": "address_unreachable",
    "adm_prohibited": "administratively_prohibited",
    "admin_prohibited": "administratively_prohibited",
}


def header(src: bytes, dst: bytes, info: IpInfo) -> Header:
    tos = info.tos if info.tos is not None else (info.dscp or 0) << 2
    if info.ecn is not None:
        tos = tos & ~3 | _CODEPOINTS[info.ecn]
    return Header(src, dst, tos, _TTL if info.ttl is None else info.ttl, info.flow_label or 0)


def tcp_bytes(packet: TcpPacket, flow: Flow, scaled: bool) -> bytes:
    """Everything mapped, lengths and checksums filled in. Raises ``MappingError``."""
    ip_header = header(flow.remote[0], flow.local[0], packet.ip)
    ports = ports_of(packet, flow)
    flags = packet.flags | (0 if packet.ace is None else packet.ace * ECE)
    options = b"".join(_option(option, packet, flow, scaled) for option in packet.options or ())
    fields = (*ports, flow.inbound_seq(packet), flow.inbound_ack(packet), flags, packet.window or 0, packet.urgent or 0)
    return build_tcp(ip_header, fields, options, packet.length)


def ports_of(packet: TcpPacket, flow: Flow) -> tuple[int, int]:
    """Those of the flow, unless the script says others."""
    source, destination = packet.ports or (0, 0)
    return source or flow.remote[1], destination or flow.local[1]


def _option(option: TcpOption, packet: TcpPacket, flow: Flow, scaled: bool) -> bytes:
    value = option.value
    if option.kind <= 1:
        return bytes((option.kind,))
    if isinstance(value, Stamp):
        body = b"".join(each.to_bytes(4, "big") for each in flow.inbound_stamps(value, packet.flags, scaled))
    elif isinstance(value, Edges):
        body = b"".join(flow.inbound_block(edge).to_bytes(4, "big") for pair in value.blocks for edge in pair)
    elif isinstance(value, bytes):
        body = bytes(16) if option.name == "md5" else value
    else:
        body = value.to_bytes({"mss": 2, "wscale": 1}.get(option.name, 0), "big")
    return bytes((option.kind, len(body) + 2)) + body


def icmp_bytes(packet: IcmpPacket, flow: Flow, router: bytes) -> bytes:
    """An error about a packet of ours: its IP header and the first eight bytes behind. Raises ``UnsupportedError``."""
    v6 = len(flow.local[0]) == 16
    kind, code = _icmp_type(packet, v6)
    rest = packet.mtu if (kind, code) in ((3, 4), (2, 0)) else 0
    start = 0 if packet.seq is None else packet.seq.value if packet.seq.absolute else flow.ours(packet.seq.value, 0)
    protocol = PROTO_UDP if packet.protocol == "udp" else PROTO_TCP
    transport = flow.local[1].to_bytes(2, "big") + flow.remote[1].to_bytes(2, "big")
    if protocol == PROTO_TCP:
        transport += start.to_bytes(4, "big")
    size = packet.length + (20 if protocol == PROTO_TCP else 8)
    transport = transport.ljust(_QUOTED, b"\0")
    quoted = network_header(Header(flow.local[0], flow.remote[0], 0, 64), protocol, size) + transport
    return build_icmp(Header(router, flow.local[0], 0, _TTL), (kind, code, rest), quoted)


def _icmp_type(packet: IcmpPacket, v6: bool) -> tuple[int, int]:
    table = _V6 if v6 else _V4
    if packet.kind not in table:
        raise UnsupportedError(f"icmp {packet.kind}")
    number, codes = table[packet.kind]
    if packet.code is None:
        return number, 0
    name = _ALIASES.get(packet.code, packet.code) if v6 else packet.code
    if name not in codes:
        raise UnsupportedError(f"icmp {packet.kind} {packet.code}")
    return number, codes.index(name)
