"""What the harness knows of a connection and no stack does: whose segments it believed, what was written and read."""

from __future__ import annotations

from typing import NamedTuple


class Ghost(NamedTuple):
    """One connection of a host, from its creation to the end of the run. Nothing that a stack does depends on it."""

    active: bool
    """It was opened by a call, not by a SYN."""
    peer: int | None = None
    """The number of the other host's connection whose SYN set IRS; ``FORGED`` or ``NOBODY`` where it was none's."""
    established: bool = False
    closed: bool = False
    """The application will write no more."""
    fin_acked: bool = False
    eof: bool = False
    written: bytes = b""
    delivered: bytes = b""
    late: bytes = b""
    """The part of ``written`` that was written after the peer's EOF."""
    end: str = ""
    """``"closed"``, ``"reset"``, ``"refused"``, ``"timeout"``, ``"aborted"``, ``"crashed"``; empty while it lives."""

    @property
    def user_ended(self) -> bool:
        """The application or the machine did not wait for a proper end."""
        return self.end in {"aborted", "crashed"}


Ghosts = tuple[Ghost, ...]
"""All connections that a host has had, in order."""
