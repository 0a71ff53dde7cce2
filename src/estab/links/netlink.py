"""The few rtnetlink requests that bring up an interface: link, address, route (rtnetlink(7))."""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import Final

from estab.wire.address import Prefix

NETLINK_ROUTE: Final = 0
NLMSG_ERROR: Final = 2
NLM_F_REQUEST: Final = 0x1
NLM_F_ACK: Final = 0x4
NLM_F_REPLACE: Final = 0x100
NLM_F_CREATE: Final = 0x400

RTM_NEWLINK: Final = 16
RTM_NEWADDR: Final = 20
RTM_NEWROUTE: Final = 24
RTM_GETROUTE: Final = 26
RTMGRP_IPV6_ROUTE: Final = 0x400

IFF_UP: Final = 1
IFLA_MTU: Final = 4
IFLA_TXQLEN: Final = 13
IFA_ADDRESS: Final = 1
IFA_LOCAL: Final = 2
IFA_F_NODAD: Final = 0x02
RTA_DST: Final = 1
RTA_OIF: Final = 4
RT_TABLE_MAIN: Final = 254
RTPROT_BOOT: Final = 3
RT_SCOPE_UNIVERSE: Final = 0
RT_SCOPE_LINK: Final = 253
RTN_UNICAST: Final = 1
RTN_LOCAL: Final = 2

ADDRESS_PATIENCE: Final = 2.0
"""Seconds: how long the kernel may take to accept packets for a new IPv6 address."""

_HEADER: Final = struct.Struct("=IHHII")
_U32: Final = struct.Struct("=I")


def set_link(index: int, *, mtu: int | None = None, queue: int | None = None) -> None:
    """Bring an interface up, and set its MTU (bytes) and the length of its queue (packets) if they are given."""
    body = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, IFF_UP, IFF_UP)
    if mtu is not None:
        body += _attribute(IFLA_MTU, _U32.pack(mtu))
    if queue is not None:
        body += _attribute(IFLA_TXQLEN, _U32.pack(queue))
    _request(RTM_NEWLINK, 0, body)


def add_address(index: int, prefix: Prefix) -> None:
    """Give the kernel an address; the route to the prefix comes with it. Packets to it are accepted on return.

    IPv6 goes without duplicate address detection. Raises ``OSError``."""
    body = struct.pack("=BBBBi", _family(prefix), prefix.length, IFA_F_NODAD, RT_SCOPE_UNIVERSE, index)
    body += _attribute(IFA_LOCAL, prefix.address) + _attribute(IFA_ADDRESS, prefix.address)
    if len(prefix.address) == 4:
        _request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, body)
        return
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE) as news:
        news.bind((0, RTMGRP_IPV6_ROUTE))
        news.settimeout(ADDRESS_PATIENCE)
        _request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, body)
        # The kernel acknowledges at once and makes the address local in a worker; until then it drops packets to it.
        while not is_local(prefix.address):
            try:
                news.recv(65536)
            except TimeoutError:
                raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from None


def is_local(address: bytes) -> bool:
    """Whether the kernel takes packets to an address for itself. Raises ``OSError``."""
    family, bits = (socket.AF_INET, 32) if len(address) == 4 else (socket.AF_INET6, 128)
    body = struct.pack("=BBBBBBBBI", family, bits, 0, 0, 0, 0, 0, 0, 0) + _attribute(RTA_DST, address)
    try:
        reply = _request(RTM_GETROUTE, 0, body)
    except OSError as error:
        if error.errno in {errno.ENETUNREACH, errno.EHOSTUNREACH}:
            return False
        raise
    return reply[_HEADER.size + 7] == RTN_LOCAL


def add_route(index: int, prefix: Prefix) -> None:
    """Send a whole prefix (network address and length) into an interface."""
    body = struct.pack(
        "=BBBBBBBBI", _family(prefix), prefix.length, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, RT_SCOPE_LINK, RTN_UNICAST, 0
    )
    body += _attribute(RTA_DST, _network(prefix)) + _attribute(RTA_OIF, _U32.pack(index))
    _request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, body)


def _family(prefix: Prefix) -> int:
    return socket.AF_INET if len(prefix.address) == 4 else socket.AF_INET6


def _network(prefix: Prefix) -> bytes:
    """The address with the host's bits cleared: the kernel refuses a route whose destination has any."""
    size = len(prefix.address)
    host_bits = 8 * size - prefix.length
    return (int.from_bytes(prefix.address, "big") >> host_bits << host_bits).to_bytes(size, "big")


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _request(kind: int, flags: int, body: bytes) -> bytes:
    """One request and its answer, or acknowledgement. Raises ``OSError`` with what the kernel answered."""
    flags |= NLM_F_REQUEST | NLM_F_ACK
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE) as netlink:
        netlink.sendto(_HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body, (0, 0))
        # The kernel has answered before sendto returns, so this does not wait.
        reply = netlink.recv(65536)
    _, answer, _, _, _ = _HEADER.unpack_from(reply)
    (code,) = struct.unpack_from("=i", reply, _HEADER.size)
    if answer == NLMSG_ERROR and code:
        raise OSError(-code, os.strerror(-code))
    return reply
