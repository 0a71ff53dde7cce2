"""Copying what came in: once, on its way to the application."""

from __future__ import annotations

from collections.abc import Callable

from estab.wire.packet import Buffer


def joined_pure(chunks: list[Buffer]) -> bytes:
    """The bytes of all ``chunks``, in a new object."""
    return b"".join(chunks)


try:
    from estab.wire import _native
except ImportError:  # no compiler was there when estab was installed
    joined: Callable[[list[Buffer]], bytes] = joined_pure
else:
    joined = _native.joined
