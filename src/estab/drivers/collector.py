"""Python's garbage collector, and many connections."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

_YOUNG: Final = 1


@contextmanager
def without_pauses() -> Iterator[None]:
    """While this lasts, what survives the collector's youngest two generations is not looked at again.

    A full collection walks every object there is: with 100,000 connections it stops the process for a good part of a
    second. A connection needs none, because it is no cycle and goes with the last reference to it. The price is that
    garbage that is a cycle and has survived for a while stays until this ends. For the whole process."""
    gc.callbacks.append(_freeze)
    try:
        yield
    finally:
        gc.callbacks.remove(_freeze)
        gc.unfreeze()


def _freeze(phase: str, info: dict[str, Any]) -> None:
    if phase == "stop" and info["generation"] == _YOUNG:
        gc.freeze()
