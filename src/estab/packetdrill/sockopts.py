"""getsockopt and setsockopt: Linux's numbers and units, on the options of our sockets."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from estab.packetdrill import sockopts_bsd as bsd
from estab.packetdrill.constants import SYMBOLS
from estab.packetdrill.files import SocketFile, integer, option_integer
from estab.packetdrill.values import Argument, Fields, UnsupportedError, pointed_at
from estab.sockets import Option
from estab.tcp.config import MILLISECOND, SECOND
from estab.tcp.timers import NEVER

Place = tuple[int, int]
"""Level and option."""


class Translation(NamedTuple):
    """How a number of the interface and a value of ours stand for each other."""

    option: Option
    inward: Callable[[int], Any] = int
    outward: Callable[[Any], int] = int


def _seconds(option: Option) -> Translation:
    return Translation(option, lambda value: value * SECOND, lambda value: int(value) // SECOND)


def _milliseconds(option: Option) -> Translation:
    return Translation(option, lambda value: value * MILLISECOND, lambda value: (value or 0) // MILLISECOND)


def _doubled(option: Option) -> Translation:
    """The kernel gives twice what was asked for, as half of it is for its own needs."""
    return Translation(option, int, lambda value: 2 * int(value))


def _timeouts(seconds: int) -> int:
    """After so many timeouts of a SYN-ACK that many seconds have passed: 1, 3, 7 …"""
    return max(seconds, 0).bit_length()


def _seconds_of(timeouts: int) -> int:
    return (1 << timeouts) - 1


def _table(level: str, rows: dict[str, Translation]) -> dict[Place, Translation]:
    return {(SYMBOLS[level], SYMBOLS[name]): translation for name, translation in rows.items()}


_TRANSLATIONS: Final = {
    **_table(
        "SOL_SOCKET",
        {
            "SO_REUSEADDR": Translation(Option.REUSEADDR),
            "SO_KEEPALIVE": Translation(Option.KEEPALIVE),
            "SO_OOBINLINE": Translation(Option.OOBINLINE),
            "SO_SNDBUF": _doubled(Option.SNDBUF),
            "SO_RCVBUF": _doubled(Option.RCVBUF),
            "SO_RCVLOWAT": Translation(Option.RCVLOWAT),
            "SO_ERROR": Translation(Option.ERROR),
        },
    ),
    **_table(
        "SOL_TCP",
        {
            "TCP_NODELAY": Translation(Option.NODELAY),
            "TCP_CORK": Translation(Option.CORK),
            "TCP_MAXSEG": Translation(Option.MAXSEG),
            "TCP_KEEPIDLE": _seconds(Option.KEEPIDLE),
            "TCP_KEEPINTVL": _seconds(Option.KEEPINTVL),
            "TCP_KEEPCNT": Translation(Option.KEEPCNT),
            "TCP_USER_TIMEOUT": _milliseconds(Option.USER_TIMEOUT),
            "TCP_SYNCNT": Translation(Option.SYNCNT),
            "TCP_LINGER2": _seconds(Option.LINGER2),
            "TCP_DEFER_ACCEPT": Translation(Option.DEFER_ACCEPT, _timeouts, _seconds_of),
            "TCP_WINDOW_CLAMP": Translation(Option.WINDOW_CLAMP, int, lambda value: value or 0),
            "TCP_QUICKACK": Translation(Option.QUICKACK),
            "TCP_FASTOPEN": Translation(Option.FASTOPEN),
            "TCP_FASTOPEN_CONNECT": Translation(Option.FASTOPEN_CONNECT),
            "TCP_NOTSENT_LOWAT": Translation(Option.NOTSENT_LOWAT, int, lambda value: value or 0xFFFFFFFF),
        },
    ),
    **_table("SOL_IP", {"IP_TOS": Translation(Option.TOS), "IP_TTL": Translation(Option.TTL)}),
    **_table(
        "SOL_IPV6",
        {
            "IPV6_TCLASS": Translation(Option.TOS),
            "IPV6_UNICAST_HOPS": Translation(Option.TTL),
            "IPV6_V6ONLY": Translation(Option.V6ONLY),
        },
    ),
}

_LINGER: Final = (SYMBOLS["SOL_SOCKET"], SYMBOLS["SO_LINGER"])
_ZEROCOPY: Final = (SYMBOLS["SOL_SOCKET"], SYMBOLS["SO_ZEROCOPY"])
_TIMESTAMPING: Final = (SYMBOLS["SOL_SOCKET"], SYMBOLS["SO_TIMESTAMPING"])
_CONGESTION: Final = (SYMBOLS["SOL_TCP"], SYMBOLS["TCP_CONGESTION"])
_NAMES: Final = {"reno": "newreno"}
"""Congestion controls that go by another name there."""
_TIMEOUTS: Final = {
    (SYMBOLS["SOL_SOCKET"], SYMBOLS["SO_RCVTIMEO"]): "receive_timeout",
    (SYMBOLS["SOL_SOCKET"], SYMBOLS["SO_SNDTIMEO"]): "send_timeout",
}
INQ: Final = (SYMBOLS["SOL_TCP"], SYMBOLS["TCP_INQ"])
_KEPT: Final = frozenset(
    (SYMBOLS[level], SYMBOLS[name])
    for level, name in (
        ("SOL_SOCKET", "SO_REUSEPORT"),
        ("SOL_SOCKET", "SO_PRIORITY"),
        ("SOL_SOCKET", "SO_MARK"),
        ("SOL_IP", "IP_RECVERR"),
        ("SOL_IPV6", "IPV6_RECVERR"),
        ("SOL_IP", "IP_FREEBIND"),
        ("SOL_IP", "IP_MTU_DISCOVER"),
        ("SOL_IPV6", "IPV6_MTU_DISCOVER"),
        ("SOL_IPV6", "IPV6_FLOWINFO_SEND"),
        ("SOL_IPV6", "IPV6_AUTOFLOWLABEL"),
        ("SOL_TCP", "TCP_INQ"),
        ("SOL_TCP", "TCP_THIN_LINEAR_TIMEOUTS"),
        ("SOL_TCP", "TCP_THIN_DUPACK"),
        ("SOL_SOCKET", "SO_BUSY_POLL"),
        ("SOL_SOCKET", "SO_MAX_PACING_RATE"),
    )
)
"""Without any effect on what a connection does."""


def set_option(file: SocketFile, place: Place, value: Argument, now: int) -> None:
    """Raises ``OSError``, ``UnsupportedError``."""
    if bsd.set_option(file, place, value, now):
        return
    if place == _LINGER:
        file.socket.setsockopt(Option.LINGER, _linger(value), now)
    elif place == _CONGESTION:
        name = value.decode("latin-1").rstrip("\0") if isinstance(value, bytes) else ""
        file.socket.setsockopt(Option.CONGESTION, _NAMES.get(name, name), now)
    elif place in _TIMEOUTS:
        setattr(file, _TIMEOUTS[place], _time(value) or NEVER)
    elif place == _ZEROCOPY:
        file.errors.zerocopy = bool(option_integer(value))
    elif place == _TIMESTAMPING:
        file.errors.set_flags(option_integer(value), file.stream.connection)
    elif place in _KEPT:
        file.remembered[place] = option_integer(value)
    elif place in _TRANSLATIONS:
        translation = _TRANSLATIONS[place]
        file.socket.setsockopt(translation.option, translation.inward(option_integer(value)), now)
    else:
        raise UnsupportedError(f"the option {place[1]} of level {place[0]}")


def get_option(file: SocketFile, place: Place) -> Argument:
    """The value as the interface gives it. Raises ``OSError``, ``UnsupportedError``."""
    seen = _get_option(file, place)
    return bsd.shown(place, seen) if bsd.speaks(file) else seen


def _get_option(file: SocketFile, place: Place) -> Argument:
    own = bsd.get_option(file, place)
    if own is not None:
        return own
    if place in _KEPT:
        return file.remembered.get(place, 0)
    if place == _LINGER:
        time = file.socket.getsockopt(Option.LINGER)
        return Fields(onoff=int(time is not None), linger=(time or 0) // SECOND)
    if place == _CONGESTION:
        name = file.socket.getsockopt(Option.CONGESTION)
        return next((theirs for theirs, ours in _NAMES.items() if ours == name), str(name)).encode()
    if place in _ANSWERS:
        return _ANSWERS[place](file)
    if place not in _TRANSLATIONS:
        raise UnsupportedError(f"the option {place[1]} of level {place[0]}")
    translation = _TRANSLATIONS[place]
    return translation.outward(file.socket.getsockopt(translation.option))


def _path_mtu(file: SocketFile) -> int:
    connection = file.stream.connection
    if connection is None:
        raise OSError(errno.ENOTCONN, "the socket is not connected")
    return connection.path.mtu


_ANSWERS: Final[dict[Place, Callable[[SocketFile], int]]] = {
    _ZEROCOPY: lambda file: int(file.errors.zerocopy),
    _TIMESTAMPING: lambda file: file.errors.flags,
    (SYMBOLS["SOL_SOCKET"], SYMBOLS["SO_TYPE"]): lambda file: file.kind,
    (SYMBOLS["SOL_SOCKET"], SYMBOLS["SO_DOMAIN"]): lambda file: file.family,
    (SYMBOLS["SOL_SOCKET"], SYMBOLS["SO_PROTOCOL"]): lambda file: SYMBOLS[
        "IPPROTO_TCP" if file.kind == 1 else "IPPROTO_UDP"
    ],
    (SYMBOLS["SOL_SOCKET"], SYMBOLS["SO_ACCEPTCONN"]): lambda file: int(file.socket.listening),
    (SYMBOLS["SOL_IP"], SYMBOLS["IP_MTU"]): _path_mtu,
    (SYMBOLS["SOL_IPV6"], SYMBOLS["IPV6_MTU"]): _path_mtu,
}


def _time(value: Argument) -> int:
    """A ``timeval`` in ns."""
    value = pointed_at(value)
    if not isinstance(value, Fields):
        raise OSError(errno.EINVAL, "invalid argument")
    seconds, micros = (integer(each, "a time") for each in value.values())
    return seconds * SECOND + micros * 1000


def _linger(value: Argument) -> int | None:
    value = pointed_at(value)
    if not isinstance(value, Fields):
        raise OSError(errno.EINVAL, "invalid argument")
    on, time = (integer(each, "linger") for each in value.values())
    return time * SECOND if on else None
