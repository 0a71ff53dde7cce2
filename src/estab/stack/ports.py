"""Ephemeral ports that nobody outside can predict: RFC 6056 §3.3.4, with random increments (§3.3.5)."""

from __future__ import annotations

import errno
from collections.abc import Callable, Hashable
from typing import Any, Final

from estab.tcp.isn import keyed_hash

_TABLE: Final = 1 << 16
"""Counters; a small table would tell one destination about another (CVE-2022-32296)."""
_STRIDE: Final = 8


class Ports:
    """Double-hash port selection: the first is an offset per destination, the second chooses a counter."""

    __slots__ = ("counters", "first", "last", "secret")

    def __init__(self, first: int, last: int, secret: bytes) -> None:
        self.first = first
        self.last = last
        self.secret = secret
        self.counters: dict[int, int] = {}

    def snapshot(self) -> Hashable:
        return tuple(sorted(self.counters.items()))

    def restore(self, value: Any) -> None:
        self.counters = dict(value)

    def pick(self, destination: bytes, free: Callable[[int], bool]) -> int:
        """A port for which ``free`` is true. Raises ``OSError(EADDRNOTAVAIL)`` when all are taken."""
        span = self.last - self.first + 1
        offset, place = keyed_hash(self.secret, b"port", destination)
        index = place % _TABLE
        count = self.counters.get(index, 0)
        step = 1 + keyed_hash(self.secret, b"step", destination + count.to_bytes(8, "big"))[0] % _STRIDE
        for attempt in range(span):
            port = self.first + (offset + count + step + attempt) % span
            if free(port):
                self.counters[index] = count + step + attempt
                return port
        raise OSError(errno.EADDRNOTAVAIL, "all ephemeral ports to this destination are in use")
