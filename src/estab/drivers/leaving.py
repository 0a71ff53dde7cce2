"""Waiting for the connections that are still being closed when a host is."""

from __future__ import annotations

import asyncio

from estab.stack.stack import Stack, Watched
from estab.tcp.connection import Connection
from estab.tcp.states import State

_OVER = (State.CLOSED, State.TIME_WAIT)


class Leaving:
    """Counts down the connections of a stack that are not over."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._left: set[Connection] = set()
        self._over: asyncio.Event = asyncio.Event()

    def watch(self) -> None:
        """From now on no connection is added."""
        self._left = {c for c in self._stack.connections.values() if c.state not in _OVER}
        if not self._left:
            self.end()

    def look(self, watched: Watched) -> None:
        """An event of the stack."""
        if isinstance(watched, Connection) and watched.state in _OVER and watched in self._left:
            self._left.discard(watched)
            if not self._left:
                self.end()

    def end(self) -> None:
        self._over.set()

    async def wait(self) -> None:
        await self._over.wait()
