"""Which of several stacks behind one device a packet is for: the same answer in every process that knows the secret."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2s
from typing import Final

from estab.wire import icmp, ip
from estab.wire.packet import PROTO_ICMP, PROTO_ICMPV6, PROTO_TCP, PROTO_UDP, Packet, ParseError

Owner = Callable[[Packet], int | None]
"""The number of the stack; None: any of them will do."""

_PERSON: Final = b"steering"


def by_four_tuple(secret: bytes, count: int) -> Owner:
    """TCP and UDP by addresses and ports, an ICMP error by those that it quotes, a fragment by its addresses.

    secret: up to 32 bytes; who does not know it cannot aim at one of the ``count`` stacks."""

    def owner(packet: Packet) -> int | None:
        try:
            ip.parse(packet)
            key = _key(packet)
        except ParseError:
            return None
        if key is None:
            return None
        return int.from_bytes(blake2s(key, digest_size=4, key=secret, person=_PERSON).digest(), "big") % count

    return owner


def _key(packet: Packet) -> bytes | None:
    if packet.fragment is not None:
        return packet.src + packet.dst
    start = packet.transport
    if packet.protocol in (PROTO_TCP, PROTO_UDP):
        return packet.src + packet.dst + bytes(packet.head[start : start + 4])
    if packet.protocol in (PROTO_ICMP, PROTO_ICMPV6):
        quote = icmp.parse(packet).quote
        if quote is not None:
            ports = quote.destination_port.to_bytes(2, "big") + quote.source_port.to_bytes(2, "big")
            return quote.dst + quote.src + ports
    return None
