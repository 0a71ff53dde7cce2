"""TCP Fast Open (RFC 7413): data in the SYN, for those who can show a cookie.

The cookie proves only that its owner once answered from that address. A SYN that the network repeats delivers its data
once more (§6.1): fast open is for requests that may be carried out twice, and off unless the application asks.
"""

from __future__ import annotations

from hashlib import blake2s
from typing import ClassVar, Final

from estab.tcp.snapshot import Slots, Snapshot

COOKIE_BYTES: Final = 8
"""RFC 7413 §4.1.1 allows 4 to 16."""
OPTION_SPACE: Final = 40
"""What the options of a SYN may take from its segment."""


class FastOpen(Snapshot):
    """What one opening has to remember about it; gone when the handshake is over."""

    __slots__ = ("accepted", "answer", "carried", "cookie", "limit")
    PLAIN: ClassVar[Slots] = ("accepted", "answer", "carried", "cookie", "limit")

    def __init__(self, cookie: bytes | None, *, limit: int = 0, accepted: bool = False) -> None:
        self.cookie: bytes | None = cookie
        """What our first SYN or SYN-ACK shows; ``b""`` asks for one."""
        self.limit: int = limit
        """Most bytes of data in our SYN."""
        self.accepted: bool = accepted
        """The peer has shown a good cookie: the application may read and write before the handshake is over."""
        self.carried: int = 0
        """Bytes that our SYN did carry."""
        self.answer: bytes | None = None
        """The option of the peer's SYN-ACK."""


def make_cookie(secret: bytes, client: bytes, server: bytes, epoch: int) -> bytes:
    """RFC 7413 §4.1.2: nobody without ``secret`` can make one, for any address (packed) or any epoch."""
    message = client + server + epoch.to_bytes(8, "big", signed=True)
    return blake2s(message, digest_size=COOKIE_BYTES, key=secret, person=b"fastopen").digest()


def is_cookie(secret: bytes, client: bytes, server: bytes, epoch: int, cookie: bytes) -> bool:
    """Of this epoch or of the one before: a cookie outlives the key under which it was made by one more."""
    return any(cookie == make_cookie(secret, client, server, each) for each in (epoch, epoch - 1))
