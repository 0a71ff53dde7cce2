"""Initial sequence numbers, timestamp offsets and ports as keyed hashes: RFC 6528, RFC 7323 §7.1, RFC 6056 §3.3.3."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2s
from struct import Struct
from typing import Final

_TICK: Final = 4_000
"""RFC 9293 §3.4.1: M ticks every 4 µs (ns)."""
_NUMBERS: Final = Struct("!II")


@lru_cache(256)
def keyed_hash(secret: bytes, purpose: bytes, message: bytes) -> tuple[int, int]:
    """Two numbers of 32 bits that nobody without ``secret`` can predict, nor either from the other.

    BLAKE2s of a secret and a message is a pseudorandom function, of whose output one part tells nothing about another:
    two parts serve where two functions are asked for. The secret stands before the message, not in a block of its own,
    so that both are hashed at one go; unlike with SHA-2, nobody can go on from a result (RFC 7693 §3.3: the last block
    is marked). What was hashed lately is remembered, as it is asked for more than once."""
    keyed = _keyed(secret, purpose).copy()
    keyed.update(message)
    first, second = _NUMBERS.unpack(keyed.digest())
    return first, second


@lru_cache(64)
def _keyed(secret: bytes, purpose: bytes) -> blake2s:
    """To be copied: making one from its parameters takes longer than the hash."""
    return blake2s(secret, digest_size=_NUMBERS.size, person=purpose)


def initial_sequence_number(secret: bytes, key: bytes, now: int) -> int:
    """ISN = M + F(four-tuple, secret): RFC 6528 §3, 32 bits."""
    return (now // _TICK + keyed_hash(secret, b"isn", key)[0]) & 0xFFFFFFFF


def timestamp_offset(secret: bytes, key: bytes) -> int:
    """What is added to the timestamp clock of a connection, so that it does not tell our uptime (32 bits)."""
    return keyed_hash(secret, b"isn", key)[1]
