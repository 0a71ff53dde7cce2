"""What a client remembers of fast open: the cookies that servers gave, and the paths on which it fails (RFC 7413
§4.1.3)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

from estab.tcp.config import Config


class Cookie(NamedTuple):
    """What one server gave to one of our addresses. ``at``: when (ns)."""

    value: bytes
    mss: int
    """The segment size that it announced then."""
    at: int


class CookieCache:
    """Addresses are packed. Both tables are bounded, and the oldest entry gives way."""

    __slots__ = ("config", "cookies", "failures")

    def __init__(self, config: Config) -> None:
        self.config: Config = config
        self.cookies: dict[bytes, Cookie] = {}
        """By our address and the server's."""
        self.failures: dict[bytes, int] = {}
        """By our address, the server's and its port, as a cookie is for all of them: until when not to try."""

    def find(self, local: bytes, remote: bytes, now: int) -> Cookie | None:
        """The cookie to show, if it is not too old."""
        cookie = self.cookies.get(local + remote)
        if cookie is None or now - cookie.at > self.config.fast_open_cookie_lifetime:
            return None
        return cookie

    def keep(self, local: bytes, remote: bytes, value: bytes, mss: int, now: int) -> None:
        """The server's latest cookie takes the place of an earlier one."""
        _put(self.cookies, local + remote, Cookie(value, mss, now), self.config.fast_open_cookies)

    def fails(self, local: bytes, remote: tuple[bytes, int], now: int) -> bool:
        """Fast open did not work there, not long ago."""
        return now < self.failures.get(_path(local, remote), now)

    def note_failure(self, local: bytes, remote: tuple[bytes, int], now: int) -> None:
        """§4.1.3.1: the next openings are ordinary ones."""
        _put(self.failures, _path(local, remote), now + self.config.fast_open_pause, self.config.fast_open_cookies)

    def snapshot(self, now: int) -> Hashable:
        """Relative in time, in the order of age."""
        cookies = tuple((key, each.value, each.mss, each.at - now) for key, each in self.cookies.items())
        return cookies, tuple((key, until - now) for key, until in self.failures.items())

    def restore(self, value: Any, now: int) -> None:
        cookies, failures = value
        self.cookies = {key: Cookie(cookie, mss, at + now) for key, cookie, mss, at in cookies}
        self.failures = {key: until + now for key, until in failures}


def _path(local: bytes, remote: tuple[bytes, int]) -> bytes:
    return local + remote[0] + remote[1].to_bytes(2, "big")


def _put(table: dict[bytes, Any], key: bytes, value: Any, limit: int) -> None:
    table.pop(key, None)
    while table and len(table) >= limit:
        del table[next(iter(table))]
    table[key] = value
