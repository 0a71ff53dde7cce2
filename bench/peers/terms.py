"""What the measuring client and every stack's program have agreed on."""

from __future__ import annotations

from typing import Final

SINK: Final = 5001
"""The port that reads and forgets."""
SOURCE: Final = 5002
"""Sends the pattern until the connection ends."""
ECHO: Final = 5003
SERVE: Final = 5004
"""Echoes what comes first, then closes."""
CHECK: Final = 5005
"""Reads to the end, compares with the pattern and answers ``y`` or ``n``."""
PORTS: Final = (SINK, SOURCE, ECHO, SERVE, CHECK)

PERIOD: Final = 251
"""Byte i of the pattern is i mod 251: a prime, so that no segment or buffer size is a multiple."""
BLOCK: Final = bytes(range(PERIOD)) * 1024
"""257,024 bytes: any number of these in a row is the pattern."""
CONNECTIONS: Final = 100
"""Of the cases that have many."""

KERNEL: Final = "10.9.0.1"
STACK: Final = "10.9.0.2"


class Follower:
    """Tells whether bytes go on with the pattern."""

    def __init__(self) -> None:
        self._at = 0
        self.faithful: bool = True

    def read(self, data: bytes) -> None:
        start = self._at % PERIOD
        # Comparing bytes with bytes is one memcmp; a memoryview would be compared item by item.
        expected = BLOCK * (len(data) // len(BLOCK) + 2) if len(data) > len(BLOCK) - PERIOD else BLOCK
        if expected[start : start + len(data)] != data:
            self.faithful = False
        self._at += len(data)
