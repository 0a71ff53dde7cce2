"""The errors of the socket calls, with the kernel's numbers and words."""

from __future__ import annotations

import errno
from typing import Final

_WORDS: Final = {
    errno.EADDRINUSE: "address already in use",
    errno.EADDRNOTAVAIL: "cannot assign requested address",
    errno.EAFNOSUPPORT: "address family not supported",
    errno.EAGAIN: "resource temporarily unavailable",
    errno.EALREADY: "operation already in progress",
    errno.EBADF: "the socket is closed",
    errno.ECONNABORTED: "connection aborted",
    errno.EDESTADDRREQ: "destination address required",
    errno.EINPROGRESS: "operation now in progress",
    errno.EINVAL: "invalid argument",
    errno.EISCONN: "the socket is already connected",
    errno.ENOENT: "no such name",
    errno.ENOPROTOOPT: "option not available",
    errno.ENOTCONN: "the socket is not connected",
    errno.EOPNOTSUPP: "operation not supported on this socket",
    errno.EPIPE: "broken pipe",
}


def failure(code: int, words: str | None = None) -> OSError:
    """The subclass of ``OSError`` that belongs to ``code``: ``BlockingIOError`` for EAGAIN, and so on."""
    return OSError(code, words or _WORDS[code])
