"""What a stack owes without any connection: resets, echo replies, ICMP errors. Bounded in number and in rate."""

from __future__ import annotations

from collections import deque
from typing import Final

from estab.tcp.config import SECOND
from estab.wire.packet import Packet

_TOKEN: Final = SECOND
"""One ICMP error, in units that a nanosecond earns ``rate`` of: nothing is lost by rounding."""


class Replies:
    """Packets that wait for the link; beyond ``limit`` the newest is dropped."""

    __slots__ = ("limit", "packets", "rate", "tokens", "tokens_at")

    def __init__(self, limit: int, icmp_rate: int) -> None:
        self.limit: int = limit
        self.packets: deque[Packet] = deque()
        self.rate: int = icmp_rate
        """ICMP errors per second: RFC 1812 §4.3.2.8, RFC 4443 §2.4 (f)."""
        self.tokens: int = icmp_rate * _TOKEN
        self.tokens_at: int = 0

    def add(self, packet: Packet) -> bool:
        """False: dropped."""
        if len(self.packets) >= self.limit:
            return False
        self.packets.append(packet)
        return True

    def may_send_error(self, now: int) -> bool:
        """Take one token of the bucket that limits ICMP errors."""
        elapsed = max(now - self.tokens_at, 0)
        self.tokens = min(self.tokens + elapsed * self.rate, self.rate * _TOKEN)
        self.tokens_at = now
        if self.tokens < _TOKEN:
            return False
        self.tokens -= _TOKEN
        return True
