"""Passive opens: who may connect to where, and what happens when more do than there is room for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from estab.tcp.config import Config
from estab.tcp.connection import Connection
from estab.wire.address import Prefix
from estab.wire.options import Options


class Decision(Enum):
    """What to do with one SYN."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    """Answer with a reset."""
    DROP = "drop"
    """As if nobody were there."""


class Syn(NamedTuple):
    """What is known when a SYN arrives. Addresses are packed."""

    local: tuple[bytes, int]
    remote: tuple[bytes, int]
    options: Options


class Listener:
    """A port on an address, a prefix, or everything.

    Overflow is defined: with ``backlog`` connections waiting for ``accept``, new SYNs are dropped and the last ACK of
    a handshake is ignored (the peer sends it again); with ``config.backlog_half_open`` handshakes going on, the oldest
    gives way (RFC 4987 §3.3).
    """

    __slots__ = (
        "backlog",
        "closed",
        "config",
        "decide",
        "evented",
        "family",
        "fast_opening",
        "fast_resets",
        "half_open",
        "owner",
        "place",
        "port",
        "queue",
    )

    def __init__(  # noqa: PLR0917
        self,
        port: int,
        place: Prefix | None,
        family: int | None,
        backlog: int,
        decide: Callable[[Syn], Decision] | None,
        config: Config,
    ) -> None:
        self.port: int = port
        self.place: Prefix | None = place
        """The addresses it listens on; None: all of the host's."""
        self.family: int | None = family
        self.backlog: int = max(backlog, 1)
        self.decide: Callable[[Syn], Decision] | None = decide
        self.config: Config = config
        self.queue: deque[Connection] = deque()
        self.half_open: dict[bytes, Connection] = {}
        self.fast_opening: set[bytes] = set()
        """Keys of the connections that were opened fast and whose handshake goes on, accepted or not."""
        self.fast_resets: deque[int] = deque()
        """Until when (ns) those that were reset meanwhile still count."""
        self.closed: bool = False
        self.evented: bool = False
        self.owner: Any = None

    @property
    def ready(self) -> int:
        """Connections that ``accept`` would give."""
        return len(self.queue)

    @property
    def full(self) -> bool:
        return len(self.queue) >= self.backlog

    @property
    def address(self) -> bytes | None:
        """The address it listens on, None where that is more than one."""
        if self.place is None or self.place.length < 8 * len(self.place.address):
            return None
        return self.place.address

    def matches(self, address: bytes) -> bool:
        if self.family is not None and len(address) != (4 if self.family == 4 else 16):
            return False
        return self.place is None or self.place.contains(address)

    @property
    def specificity(self) -> int:
        """The listener with the longest prefix gets the SYN; one for a single family goes before one for both."""
        return (0 if self.place is None else 2 + self.place.length) + (self.family is not None)

    def overlaps(self, other: Listener) -> bool:
        """They would compete for the very same addresses."""
        return self.place == other.place and (self.family == other.family or self.place is not None)
