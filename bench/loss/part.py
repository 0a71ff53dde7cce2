"""What both sides of a measurement agree on."""

from __future__ import annotations

from typing import Final

ADDRESSES: Final = ("10.77.0.1", "10.77.0.2")
"""The sender's, the receiver's."""
PORT: Final = 5000
BLOCK: Final = bytes(1 << 18)
