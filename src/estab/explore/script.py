"""What the applications of a scenario do: calls in order, each when its condition holds."""

from __future__ import annotations

from typing import Final, NamedTuple

ANY_TIME: Final = ""
ESTABLISHED: Final = "established"
"""The handshake is over on this side."""
EOF: Final = "eof"
"""Everything the peer sent has been read, and its FIN."""


class Call(NamedTuple):
    """``name``: ``"open"``, ``"send"``, ``"shutdown"``, ``"close"`` or ``"abort"``."""

    name: str
    when: str = ANY_TIME
    size: int = 0
    """Bytes to send; what they are tells which connection wrote them."""

    def __str__(self) -> str:
        return f"{self.name} {self.size}" if self.size else self.name


Session = tuple[Call, ...]
"""The calls on one connection."""


class Script(NamedTuple):
    """A host that listens goes through its one session with every connection that it accepts; any other opens one
    connection per session, the next when the four-tuple is free again. All read whatever comes, at once."""

    sessions: tuple[Session, ...]
    listens: bool = False


class Position(NamedTuple):
    """How far an application is. ``call`` is the number of its next call in the session."""

    session: int = 0
    call: int = 0
