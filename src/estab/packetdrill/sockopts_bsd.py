"""Socket options that only FreeBSD has, and the values by which it tells those that others have too."""

from __future__ import annotations

import errno
from typing import Final

from estab.packetdrill.constants import SYMBOLS
from estab.packetdrill.files import SocketFile, integer, option_integer
from estab.packetdrill.values import Argument, Fields, pointed_at
from estab.sockets import Option, StreamSocket
from estab.tcp.config import SECOND

Place = tuple[int, int]


def _place(level: str, name: str) -> Place:
    return SYMBOLS[level], SYMBOLS[name]


_BITS: Final = {
    **{
        _place("SOL_SOCKET", f"SO_{name}"): bit
        for name, bit in (
            *(("DEBUG", 1), ("ACCEPTCONN", 2), ("REUSEADDR", 4), ("KEEPALIVE", 8), ("DONTROUTE", 0x10)),
            *(("BROADCAST", 0x20), ("USELOOPBACK", 0x40), ("OOBINLINE", 0x100), ("REUSEPORT", 0x200)),
            *(("TIMESTAMP", 0x400), ("NOSIGPIPE", 0x800)),
        )
    },
    _place("SOL_TCP", "TCP_NODELAY"): 4,
    _place("SOL_TCP", "TCP_NOOPT"): 8,
    _place("SOL_TCP", "TCP_NOPUSH"): 0x1000,
}
"""An option that is on is told by its bit."""
_LINGER_BIT: Final = 0x80
_NOOPT: Final = _place("SOL_TCP", "TCP_NOOPT")
_FASTOPEN: Final = _place("SOL_TCP", "TCP_FASTOPEN")
_NOPUSH: Final = _place("SOL_TCP", "TCP_NOPUSH")
_KEEPINIT: Final = _place("SOL_TCP", "TCP_KEEPINIT")
_MAXSEG: Final = _place("SOL_TCP", "TCP_MAXSEG")
_BUFFERS: Final = {_place("SOL_SOCKET", "SO_SNDBUF"): Option.SNDBUF, _place("SOL_SOCKET", "SO_RCVBUF"): Option.RCVBUF}
_FIGURES: Final = {
    _place("SOL_TCP", "TCP_KEEPIDLE"): "keepalive_idle",
    _place("SOL_TCP", "TCP_KEEPINTVL"): "keepalive_interval",
    _KEEPINIT: "open_timeout",
}
"""Seconds; 0 stands for what the host does."""
_FUNCTIONS: Final = _place("SOL_TCP", "TCP_FUNCTION_BLK")
TUNNELLED: Final = _place("SOL_TCP", "TCP_REMOTE_UDP_ENCAPS_PORT")
_MOST_FAST: Final = 64
"""Fast openings under way at most: half of what a listener may have waiting."""
_KEPT_NAMES: Final = {
    "SOL_IP": "DONTFRAG MINTTL",
    "SOL_SOCKET": "SNDLOWAT DEBUG DONTROUTE BROADCAST USELOOPBACK NOSIGPIPE REUSEPORT_LB SETFIB USER_COOKIE TIMESTAMP",
    "SOL_TCP": "DELACK LOG STATS MAXUNACKTIME REMOTE_UDP_ENCAPS_PORT CCALGOOPT USE_CMP_ACKS RACK_TLP_REDUCE",
}
_KEPT: Final = frozenset(
    _place(level, level.replace("SOL_SOCKET", "SO").replace("SOL_", "") + f"_{name}")
    for level, names in _KEPT_NAMES.items()
    for name in names.split()
)


def speaks(file: SocketFile) -> bool:
    """Is this a socket of FreeBSD?"""
    return file.socket.table.stack.config.bsd_calls


def shown(place: Place, value: Argument) -> Argument:
    """What is told of a value that others tell as 1."""
    if place in _BITS and isinstance(value, int):
        return _BITS[place] if value else 0
    if isinstance(value, Fields) and "onoff" in value:
        return Fields(value, onoff=_LINGER_BIT if value["onoff"] else 0)
    return value


def set_option(file: SocketFile, place: Place, value: Argument, now: int) -> bool:
    """True: done. Raises ``OSError``, ``UnsupportedError``."""
    if place == _FUNCTIONS:
        file.names[place] = _function(value)
    elif place in _KEPT:
        file.remembered[place] = option_integer(value)
    elif not speaks(file) or not isinstance(file.socket, StreamSocket):
        return False
    elif place == _NOPUSH:
        file.socket.setsockopt(Option.CORK, option_integer(value), now)
    elif place == _FASTOPEN:
        _open_fast(file.socket, value, now)
    elif place == _NOOPT:
        file.remembered[place] = option_integer(value)
        _omit_options(file.socket, bool(option_integer(value)))
    elif place in _FIGURES:
        _set_seconds(file.socket, place, option_integer(value), now)
    elif place == _MAXSEG:
        if not _least_segment(file) <= option_integer(value) <= _segment(file):
            raise OSError(errno.EINVAL, "invalid argument")
    elif place in _BUFFERS:
        if option_integer(value) < 1:
            raise OSError(errno.EINVAL, "invalid argument")
        file.socket.setsockopt(_BUFFERS[place], option_integer(value), now)
    else:
        return False
    return True


def get_option(file: SocketFile, place: Place) -> Argument | None:
    """None: not one of these."""
    if place == _FUNCTIONS:
        return Fields(function_set_name=file.names.get(place, b"freebsd"))
    if place in _KEPT or place == _NOOPT:
        return file.remembered.get(place, 0)
    socket = file.socket
    if not speaks(file) or not isinstance(socket, StreamSocket):
        return None
    if place == _NOPUSH:
        return int(socket.getsockopt(Option.CORK))
    if place in _FIGURES:
        return (getattr(socket.config, _FIGURES[place]) or 0) // SECOND
    if place == _MAXSEG:
        return _segment(file)
    if place in _BUFFERS:
        return _buffer(socket, place)
    return None


def _omit_options(socket: StreamSocket, omitted: bool) -> None:
    """None at all, or those that the host uses."""
    host = socket.table.stack.config
    kept = {name: not omitted and getattr(host, name) for name in ("sack", "timestamps", "window_scale", "mss_option")}
    socket.configure(**kept)


def _open_fast(socket: StreamSocket, value: Argument, now: int) -> None:
    """One option for both roles; the number may be in a structure, as ``enable``."""
    value = pointed_at(value)
    on = integer(value.get("enable", 0) if isinstance(value, Fields) else value, "an option's value")
    socket.setsockopt(Option.FASTOPEN, _MOST_FAST if on else 0, now)
    socket.setsockopt(Option.FASTOPEN_CONNECT, on, now)


def _set_seconds(socket: StreamSocket, place: Place, value: int, now: int) -> None:
    """The connection follows, where it exists already."""
    if value < 0:
        raise OSError(errno.EINVAL, "invalid argument")
    field = _FIGURES[place]
    time = value * SECOND or getattr(socket.table.stack.config, field)
    if field == "keepalive_idle":
        socket.setsockopt(Option.KEEPIDLE, time, now)
    elif field == "keepalive_interval":
        socket.setsockopt(Option.KEEPINTVL, time, now)
    else:
        socket.configure(open_timeout=time)


def _buffer(socket: StreamSocket, place: Place) -> int:
    config, connection = socket.config, socket.connection
    if _BUFFERS[place] is Option.SNDBUF:
        return connection.send_limit if connection is not None else config.send_buffer or config.send_buffer_start
    return connection.receive_limit if connection is not None else config.receive_buffer or config.receive_buffer_start


def _segment(file: SocketFile) -> int:
    """Without regard to options."""
    connection = file.stream.connection
    if connection is None or connection.opening:
        config = file.stream.config
        return config.default_mss_v4 if file.stream.family == 4 else config.default_mss_v6
    return min(connection.peer_mss, connection.advertised_mss())


def _least_segment(file: SocketFile) -> int:
    return max(file.stream.config.minimum_mss - 40, 1)


def _function(value: Argument) -> bytes:
    """The name of the implementation; there is one, whatever it is called."""
    value = pointed_at(value)
    name = value.get("function_set_name", b"") if isinstance(value, Fields) else value
    if not isinstance(name, bytes):
        raise OSError(errno.EINVAL, "invalid argument")
    return name
