"""Datagrams that continue each other, as one packet for a link that cuts it: a call of the link then carries many."""

from __future__ import annotations

from collections import deque
from typing import Final

from estab.wire import udp
from estab.wire.packet import PROTO_UDP, Checksum, Packet

_MOST: Final = 64
"""Datagrams in one packet."""
_LONGEST: Final = 65_535
_PARTIAL: Final = int(Checksum.PARTIAL)


def take(queue: deque[Packet]) -> Packet:
    """The next packet of the queue; with what follows it, if those are datagrams of one size between the same ports."""
    first = queue.popleft()
    size = first.length - first.transport - udp.UDP_HEADER
    if first.checksum != _PARTIAL or first.protocol != PROTO_UDP or size <= 0:
        return first
    joined = [first]
    room = _LONGEST - first.length
    while queue and len(joined) < _MOST and _continues(first, queue[0], min(size, room)):
        joined.append(queue.popleft())
        length = joined[-1].length - first.transport - udp.UDP_HEADER
        room -= length
        if length < size:
            break
    return udp.join(joined, size) if len(joined) > 1 else first


def _continues(first: Packet, second: Packet, most: int) -> bool:
    start, ports = first.transport, first.transport + 4
    return (
        second.checksum == _PARTIAL
        and second.protocol == PROTO_UDP
        and second.dst == first.dst
        and second.src == first.src
        and second.transport == start
        and second.head[start:ports] == first.head[start:ports]
        and 0 < second.length - start - udp.UDP_HEADER <= most
    )
