"""Reassembly of IP fragments: RFC 791 §3.2, RFC 8200 §4.5, RFC 5722, RFC 3168 §5.3.

Everything is bounded: work per fragment by the number of fragments in one datagram, memory by datagrams and bytes.
When there is no room the oldest datagram goes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Hashable
from struct import Struct
from typing import Any, Final, TypeAlias

from estab.wire import ip
from estab.wire.packet import ECN_CE, ECN_NOT_ECT, Packet, ParseError

SECOND: Final = 1_000_000_000
MAX_IP_LENGTH: Final = 0xFFFF
FRAGMENT_OVERHEAD: Final = 128
"""What a kept fragment is charged above its own bytes."""

_SHORT: Final = Struct("!H")
_Key: TypeAlias = tuple[bytes, bytes, int, int]


class _Datagram:
    """The fragments of one datagram so far, sorted and without overlap."""

    __slots__ = ("born", "charge", "dead", "ecn_seen", "fragments", "header", "received", "total")

    def __init__(self, born: int) -> None:
        self.born: int = born
        self.charge: int = 0
        self.dead: bool = False
        """Overlapped once: what still comes is discarded until the timeout (RFC 5722 §4)."""
        self.ecn_seen: int = 0
        """A bit for each ECN codepoint that a fragment had."""
        self.fragments: list[tuple[int, bytes]] = []
        self.header: bytes = b""
        """The headers of the first fragment, as the whole will have them but for lengths and checksum."""
        self.received: int = 0
        self.total: int = -1
        """Payload bytes of the whole, -1 until the last fragment has come."""

    def insert(self, offset: int, data: bytes, more: bool) -> bool:
        """Keep a fragment. False for an exact duplicate; raises ``ParseError`` when it contradicts another."""
        end = offset + len(data)
        fragments = self.fragments
        index = bisect_left(fragments, (offset, b""))
        if index < len(fragments):
            if fragments[index] == (offset, data) and (more or end == self.total):
                return False
            if fragments[index][0] < end:
                raise ParseError("ip-fragment-overlap")
        if index and fragments[index - 1][0] + len(fragments[index - 1][1]) > offset:
            raise ParseError("ip-fragment-overlap")
        if self.total >= 0 and (not more or end >= self.total):
            raise ParseError("ip-fragment-overlap")
        if not more:
            if index < len(fragments):
                raise ParseError("ip-fragment-overlap")
            self.total = end
        fragments.insert(index, (offset, data))
        self.received += len(data)
        return True


class Reassembler:
    """Fragments in, datagrams out. Times are nanoseconds.

    Call ``expire`` when ``next_deadline`` has come; ask for the deadline again after every call."""

    __slots__ = ("_bytes", "_max_bytes", "_max_datagrams", "_max_fragments", "_queues", "_timeouts", "evicted")

    def __init__(
        self,
        max_datagrams: int = 64,
        max_fragments: int = 128,
        max_bytes: int = 1 << 20,
        timeout_v4: int = 30 * SECOND,
        timeout_v6: int = 60 * SECOND,
    ) -> None:
        self._max_datagrams = max_datagrams
        self._max_fragments = max_fragments
        self._max_bytes = max_bytes
        self._timeouts = (timeout_v4, timeout_v6)
        self._queues: tuple[OrderedDict[_Key, _Datagram], OrderedDict[_Key, _Datagram]] = (OrderedDict(), OrderedDict())
        self._bytes = 0
        self.evicted: int = 0
        """A statistic: datagrams that had to go for lack of room."""

    def add(self, packet: Packet, now: int) -> Packet | None:
        """Take a packet whose ``fragment`` is set; its bytes are copied.

        The datagram that it completes comes back, parsed. Raises ``ParseError`` for a fragment that is malformed, and
        for one that contradicts the others or exceeds a limit: then the whole datagram is gone."""
        fragment = packet.fragment
        if fragment is None:
            return packet
        data = b"".join((packet.head[packet.transport :], *packet.body))
        end = fragment.offset + len(data)
        if not data or end > MAX_IP_LENGTH or (fragment.more and len(data) & 7):
            raise ParseError("ip-fragment-length")
        v6 = len(packet.src) == 16
        queue = self._queues[v6]
        key = (packet.src, packet.dst, 0 if v6 else packet.protocol, fragment.identification)
        charge = packet.length + FRAGMENT_OVERHEAD
        datagram = queue.get(key)
        if datagram is not None and datagram.dead:
            return None
        self._make_room(charge, datagram is None)
        datagram = queue.get(key)
        if datagram is None:
            datagram = queue[key] = _Datagram(now)
        try:
            if len(datagram.fragments) >= self._max_fragments:
                raise ParseError("ip-fragment-count")
            if not datagram.insert(fragment.offset, data, fragment.more):
                return None
            datagram.ecn_seen |= 1 << packet.ecn
            if not fragment.offset:
                datagram.header = _header(packet, v6)
            datagram.charge += charge
            self._bytes += charge
            if datagram.received != datagram.total:
                return None
            whole = _join(datagram, v6)
        except ParseError:
            self._kill(datagram)
            raise
        del queue[key]
        self._bytes -= datagram.charge
        whole.scope_id = packet.scope_id
        return whole

    def _kill(self, datagram: _Datagram) -> None:
        self._bytes -= datagram.charge
        datagram.charge = 0
        datagram.dead = True
        datagram.fragments = []
        datagram.header = b""

    def _make_room(self, charge: int, another: bool) -> None:
        v4, v6 = self._queues
        while v4 or v6:
            count = len(v4) + len(v6) + another
            if count <= self._max_datagrams and self._bytes + charge <= self._max_bytes:
                return
            oldest = v4 if not v6 or (v4 and _first(v4).born <= _first(v6).born) else v6
            _, datagram = oldest.popitem(last=False)
            self._bytes -= datagram.charge
            self.evicted += 1

    def next_deadline(self) -> int | None:
        """When the first datagram is to be given up, or ``None``."""
        deadlines = [
            _first(queue).born + timeout for queue, timeout in zip(self._queues, self._timeouts, strict=True) if queue
        ]
        return min(deadlines, default=None)

    def expire(self, now: int) -> int:
        """Give up what is due; returns how many incomplete datagrams were lost by that."""
        lost = 0
        for queue, timeout in zip(self._queues, self._timeouts, strict=True):
            while queue and _first(queue).born + timeout <= now:
                _, datagram = queue.popitem(last=False)
                self._bytes -= datagram.charge
                lost += not datagram.dead
        return lost

    def snapshot(self, now: int) -> Hashable:
        """Everything that a decision reads, times relative to ``now``."""
        return tuple(
            tuple(
                (key, d.born - now, d.charge, d.dead, d.ecn_seen, tuple(d.fragments), d.header, d.total)
                for key, d in queue.items()
            )
            for queue in self._queues
        )

    def restore(self, value: Any, now: int) -> None:
        """The inverse of ``snapshot``, on an object with the same limits."""
        self._bytes = 0
        for queue, entries in zip(self._queues, value, strict=True):
            queue.clear()
            for key, age, charge, dead, ecn_seen, fragments, header, total in entries:
                datagram = queue[key] = _Datagram(now + age)
                datagram.charge = charge
                datagram.dead = dead
                datagram.ecn_seen = ecn_seen
                datagram.fragments = list(fragments)
                datagram.header = header
                datagram.received = sum(len(data) for _, data in fragments)
                datagram.total = total
                self._bytes += charge


def _first(queue: OrderedDict[_Key, _Datagram]) -> _Datagram:
    return next(iter(queue.values()))


def _header(packet: Packet, v6: bool) -> bytes:
    """What comes before the payload of the whole: IPv6 without the fragment header."""
    if not v6:
        return bytes(packet.head[: packet.transport])
    head = bytearray(packet.head[: packet.transport - ip.FRAGMENT_HEADER])
    _, _, field, _ = ip.walk_extensions(packet.head, packet.head[6])
    head[field] = packet.protocol
    return bytes(head)


def _join(datagram: _Datagram, v6: bool) -> Packet:
    """The whole datagram, parsed. Raises ``ParseError``."""
    head = bytearray(datagram.header)
    if len(head) + datagram.total - (ip.IPV6_HEADER if v6 else 0) > MAX_IP_LENGTH:
        raise ParseError("ip-fragment-length")
    if datagram.ecn_seen >> ECN_CE & 1:
        if datagram.ecn_seen >> ECN_NOT_ECT & 1:
            raise ParseError("ip-fragment-ecn")
        head[1] |= ECN_CE << 4 if v6 else ECN_CE
    if v6:
        _SHORT.pack_into(head, 4, len(head) - ip.IPV6_HEADER + datagram.total)
    else:
        _SHORT.pack_into(head, 2, len(head) + datagram.total)
        head[6:8] = head[10:12] = b"\0\0"
        _SHORT.pack_into(head, 10, 0xFFFF - (int.from_bytes(head, "big") % 65535 or 0xFFFF))
    whole = Packet(b"".join((head, *(data for _, data in datagram.fragments))))
    ip.parse(whole)
    if whole.fragment is not None:
        raise ParseError("ip-fragment-nested")
    return whole
