"""Network namespaces of our own: made, entered and left by one process (namespaces(7), setns(2), unshare(2))."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from estab.links.device import ROOT_HINT

CLONE_NEWNET: Final = 0x40000000
OURS: Final = "/proc/thread-self/ns/net"

# ctypes, because the os module has these two calls only from Python 3.12 on.
_libc: Final = ctypes.CDLL(None, use_errno=True)


def new_namespace() -> int:
    """A descriptor of a new, empty network namespace, which lives as long as somebody holds it open.

    Others reach it by ``/proc/PID/fd/NUMBER``. Raises ``OSError``; ``PermissionError`` says what would allow it."""
    home = current_namespace()
    try:
        if _libc.unshare(CLONE_NEWNET) < 0:
            raise _refusal("cannot make a network namespace")
        try:
            return current_namespace()
        finally:
            enter(home)
    finally:
        os.close(home)


def current_namespace() -> int:
    """A descriptor of the namespace that this thread is in."""
    return os.open(OURS, os.O_RDONLY | os.O_CLOEXEC)


def enter(namespace: int) -> None:
    """Move this thread into a namespace; what it has open stays where it is. Raises ``OSError``."""
    if _libc.setns(namespace, CLONE_NEWNET) < 0:
        raise _refusal("cannot enter the network namespace")


@contextmanager
def inside(namespace: int) -> Iterator[None]:
    """Be in a namespace for a while. Raises ``OSError``."""
    home = current_namespace()
    try:
        enter(namespace)
        try:
            yield
        finally:
            enter(home)
    finally:
        os.close(home)


def _refusal(what: str) -> OSError:
    code = ctypes.get_errno()
    hint = f" ({ROOT_HINT})" if isinstance(OSError(code, ""), PermissionError) else ""
    return OSError(code, f"{what}: {os.strerror(code)}{hint}")
