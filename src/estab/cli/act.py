"""What an act of the demonstration did: the shape that ``--json`` prints."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from typing import Any

from estab.tcp.connection import Connection
from estab.tcp.observer import Observer, Reason
from estab.tcp.states import Fact, State
from estab.wire.tcp import Segment

_AGAIN = frozenset({Reason.RETRANSMISSION, Reason.TIMEOUT})


@dataclass(slots=True)
class Transfer:
    """The file, once from one side to the other."""

    direction: str
    bytes: int
    sha256_sent: str
    sha256_received: str
    retransmissions: int
    """Segments that the sender sent again."""

    @property
    def ok(self) -> bool:
        return self.sha256_sent == self.sha256_received


@dataclass(slots=True)
class Act:
    """One act. ``states``: those that our client and our server went through, in order."""

    act: int
    ran: bool = False
    why_not: str | None = None
    transfers: list[Transfer] = field(default_factory=list)
    states: dict[str, list[str]] = field(default_factory=lambda: {"client": [], "server": []})
    time_wait_ended: bool = False

    @property
    def ok(self) -> bool:
        """Every file arrived as it was sent, and TIME-WAIT came to its end."""
        return bool(self.transfers) and all(each.ok for each in self.transfers) and self.time_wait_ended

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Act:
        """The inverse of ``as_json``."""
        transfers = [Transfer(**each) for each in value["transfers"]]
        return cls(**{**value, "transfers": transfers})


class Story(Observer):
    """Keeps the states of each connection by its local port, and counts what was sent again."""

    def __init__(self) -> None:
        self.states: dict[int, list[str]] = {}
        self.retransmissions: int = 0
        self.time_wait_over_at: int | None = None
        """ns."""

    @property
    def time_wait_ended(self) -> bool:
        return self.time_wait_over_at is not None

    def state(self, now: int, connection: Connection, old: State, new: State, fact: Fact) -> None:
        self.states.setdefault(connection.local_port, [old.value]).append(new.value)

    def time_wait_over(self, now: int, local: tuple[bytes, int], remote: tuple[bytes, int]) -> None:
        self.states.setdefault(local[1], []).append(State.CLOSED.value)
        self.time_wait_over_at = now

    def sent(self, now: int, connection: Connection | None, segment: Segment, reason: Reason) -> None:
        self.retransmissions += reason in _AGAIN


async def digest(body: AsyncIterator[bytes]) -> tuple[int, str]:
    """How many bytes came, and their SHA-256."""
    found, size = hashlib.sha256(), 0
    async for piece in body:
        found.update(piece)
        size += len(piece)
    return size, found.hexdigest()
