"""Streams of random numbers that depend on the seed and a name, and on nothing else."""

from __future__ import annotations

from hashlib import blake2s
from random import Random


def stream(seed: int, name: str) -> Random:
    """The generator of that name. What else exists, and in which order it was made, does not matter to it."""
    return Random(int.from_bytes(blake2s(f"{seed}/{name}".encode()).digest(), "big"))
