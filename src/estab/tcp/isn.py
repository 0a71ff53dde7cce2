"""Initial sequence numbers, timestamp offsets and ports as keyed hashes: RFC 6528, RFC 7323 §7.1, RFC 6056 §3.3.3."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2s
from struct import Struct
from typing import Final

_TICK: Final = 4_000
"""RFC 9293 §3.4.1: M ticks every 4 µs (ns)."""
_NUMBER: Final = Struct("!I")


def keyed_hash(secret: bytes, purpose: bytes, message: bytes) -> int:
    """32 bits that nobody without ``secret`` can predict."""
    keyed = _keyed(secret, purpose).copy()
    keyed.update(message)
    number: int = _NUMBER.unpack(keyed.digest())[0]
    return number


@lru_cache(64)
def _keyed(secret: bytes, purpose: bytes) -> blake2s:
    """To be copied: making one from its parameters takes longer than the hash."""
    return blake2s(digest_size=4, key=secret, person=purpose)


def initial_sequence_number(secret: bytes, key: bytes, now: int) -> int:
    """ISN = M + F(four-tuple, secret): RFC 6528 §3, 32 bits."""
    return (now // _TICK + keyed_hash(secret, b"isn", key)) & 0xFFFFFFFF


def timestamp_offset(secret: bytes, key: bytes) -> int:
    """What is added to the timestamp clock of a connection, so that it does not tell our uptime (32 bits)."""
    return keyed_hash(secret, b"tsoffset", key)
