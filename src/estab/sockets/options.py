"""The options of stream sockets: what values they take, and what they do to a connection.

What a future connection is to begin with is a ``Config``, so a socket keeps its options as one; a listener's
connections inherit them in the same way.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, NamedTuple

from estab.sockets.errors import failure
from estab.tcp.config import Config
from estab.tcp.congestion import CONTROLS
from estab.tcp.connection import Connection

SMALLEST_BUFFER: Final = 2048
SMALLEST_MSS: Final = 88
LARGEST_MSS: Final = 32_767
LARGEST_BUFFER: Final = 1 << 30
"""What the largest window scale can announce (RFC 7323 §2.3)."""


class Option(Enum):
    """By their names in the sockets interface. Times are in ns, sizes in bytes as given (nothing is doubled)."""

    NODELAY = "TCP_NODELAY"
    """bool: small segments do not wait for acknowledgements."""
    CORK = "TCP_CORK"
    """bool: only full segments go out until it is taken off."""
    MAXSEG = "TCP_MAXSEG"
    """int: payload of a full segment; set before connecting it limits what both sides send."""
    SYNCNT = "TCP_SYNCNT"
    """int: retransmissions of a SYN before ``connect`` gives up."""
    LINGER2 = "TCP_LINGER2"
    """int, ns that a closed connection waits for the peer's FIN; None: for ever."""
    QUICKACK = "TCP_QUICKACK"
    """bool: acknowledge at once; not for ever, as the talk goes on."""
    NOTSENT_LOWAT = "TCP_NOTSENT_LOWAT"
    """int: ``send`` takes nothing while so many bytes wait to be sent; None: the buffer is the only limit."""
    CONGESTION = "TCP_CONGESTION"
    """str, one of ``estab.tcp.congestion.CONTROLS``."""
    KEEPIDLE = "TCP_KEEPIDLE"
    """int, ns of silence before the first keep-alive probe."""
    KEEPINTVL = "TCP_KEEPINTVL"
    """int, ns between probes."""
    KEEPCNT = "TCP_KEEPCNT"
    """int: unanswered probes after which the connection is given up."""
    USER_TIMEOUT = "TCP_USER_TIMEOUT"
    """int, ns that sent data may stay unacknowledged; None: for ever."""
    FASTOPEN = "TCP_FASTOPEN"
    """int, for listeners: fast openings under way at most; 0: none. A request may then be delivered twice."""
    FASTOPEN_CONNECT = "TCP_FASTOPEN_CONNECT"
    """bool: ``connect`` asks for a cookie; where there is one it returns at once, and the first ``send`` opens."""
    DEFER_ACCEPT = "TCP_DEFER_ACCEPT"
    """int, for listeners: so many timeouts of the SYN-ACK a connection may take to send its first data before
    ``accept`` gets it without; 0: it need send nothing."""
    WINDOW_CLAMP = "TCP_WINDOW_CLAMP"
    """int: the window offered is never larger; None, and 0: no other limit than the buffer."""
    INFO = "TCP_INFO"
    """``TcpInfo``, read only."""
    KEEPALIVE = "SO_KEEPALIVE"
    """bool."""
    LINGER = "SO_LINGER"
    """None: ``close`` goes on in the background. 0: ``close`` resets. Otherwise ns, for those who can wait."""
    RCVBUF = "SO_RCVBUF"
    """int. Until it is set, the buffer follows what is read. A connection's window scale is fixed in its SYN: set it
    before."""
    SNDBUF = "SO_SNDBUF"
    """int. Until it is set, the buffer follows the congestion window."""
    RCVLOWAT = "SO_RCVLOWAT"
    """int: bytes without which ``poll`` does not tell ``IN``."""
    TTL = "IP_TTL"
    """int, 1 to 255: time to live or hop limit of what is sent."""
    OOBINLINE = "SO_OOBINLINE"
    """bool: the urgent byte stays in the stream."""
    REUSEADDR = "SO_REUSEADDR"
    """bool: bind to a port although old connections of it are in TIME-WAIT."""
    TOS = "IP_TOS"
    """int, 0 to 255: the upper six bits are the DSCP of what is sent, in both families; the others are ECN's."""
    V6ONLY = "IPV6_V6ONLY"
    """bool: an IPv6 socket bound to any address leaves IPv4 alone."""
    ERROR = "SO_ERROR"
    """int, read only: the errno that waits to be told, 0 for none. Reading it clears it."""


class Figure(NamedTuple):
    """An option that is a figure of ``Config``."""

    field: str
    check: Callable[[Any], Any]
    """What the field becomes; raises ``OSError(EINVAL)``."""
    apply: Callable[[Connection, Config, int], None]
    """Change a connection that exists already, ``now``."""


def flag(value: Any) -> bool:
    """A truth value."""
    if not isinstance(value, int):
        raise failure(errno.EINVAL)
    return bool(value)


def no_flag(value: Any) -> bool:
    """A truth value for a field that says the opposite."""
    return not flag(value)


def duration(value: Any) -> int:
    """Nanoseconds, more than none."""
    if not isinstance(value, int) or value <= 0:
        raise failure(errno.EINVAL)
    return value


def duration_or_none(value: Any) -> int | None:
    """Nanoseconds; None, and 0 as in Linux, for no limit."""
    return None if value is None or value == 0 else duration(value)


def linger(value: Any) -> int | None:
    """Nanoseconds, 0 included; None for off."""
    return value if value == 0 and isinstance(value, int) else duration_or_none(value)


def count(value: Any) -> int:
    """1 to 127, as in Linux."""
    if not isinstance(value, int) or not 1 <= value <= 127:
        raise failure(errno.EINVAL)
    return value


def size(value: Any) -> int:
    """Bytes, brought within the limits without a word, as the kernel does."""
    if not isinstance(value, int) or value < 0:
        raise failure(errno.EINVAL)
    return min(max(value, SMALLEST_BUFFER), LARGEST_BUFFER)


def queue(value: Any) -> int:
    """None or more."""
    if not isinstance(value, int) or value < 0:
        raise failure(errno.EINVAL)
    return value


def traffic_class(value: Any) -> int:
    """The DSCP in the octet that holds it and ECN."""
    if not isinstance(value, int) or not 0 <= value <= 255:
        raise failure(errno.EINVAL)
    return value >> 2


def segment_size(value: Any) -> int | None:
    """Bytes; None, and 0 as in Linux, for no limit."""
    if value is None or value == 0:
        return None
    if not isinstance(value, int) or not SMALLEST_MSS <= value <= LARGEST_MSS:
        raise failure(errno.EINVAL)
    return value


def hops(value: Any) -> int:
    """1 to 255."""
    if not isinstance(value, int) or not 1 <= value <= 255:
        raise failure(errno.EINVAL)
    return value


def some_or_none(value: Any) -> int | None:
    """Bytes; None, and 0 as in Linux, for no limit."""
    if value is not None and (not isinstance(value, int) or value < 0):
        raise failure(errno.EINVAL)
    return value or None


def control(value: Any) -> str:
    """The name of a congestion control."""
    if value not in CONTROLS:
        raise failure(errno.ENOENT)
    return str(value)


def _nodelay(c: Connection, config: Config, now: int) -> None:
    c.set_nodelay(not config.nagle, now)


def _keepalive(c: Connection, config: Config, now: int) -> None:
    c.keepalive_idle = config.keepalive_idle
    c.keepalive_interval = config.keepalive_interval
    c.keepalive_limit = config.keepalive_probes
    c.set_keepalive(config.keepalive, now)


def _user_timeout(c: Connection, config: Config, now: int) -> None:
    c.set_user_timeout(config.user_timeout, now)


def _traffic_class(c: Connection, config: Config, now: int) -> None:
    c.dscp = config.dscp


def _for_later(c: Connection, config: Config, now: int) -> None:
    """Nothing to change: it concerns the connections of a listener that are still to come."""


def _send_buffer(c: Connection, config: Config, now: int) -> None:
    if config.send_buffer is not None:
        c.set_send_buffer(config.send_buffer)


def _own(c: Connection, config: Config, now: int) -> None:
    """The connection reads it where it needs it."""
    c.config = c.config.but(
        syn_retries=config.syn_retries,
        fin_wait_2_timeout=config.fin_wait_2_timeout,
        ttl=config.ttl,
        window_clamp=config.window_clamp,
    )


def _segment_size(c: Connection, config: Config, now: int) -> None:
    """The SYNs have said what they said."""


def _notsent(c: Connection, config: Config, now: int) -> None:
    c.notsent_limit = config.notsent_limit


def _control(c: Connection, config: Config, now: int) -> None:
    c.set_congestion(config.congestion)


def _receive_buffer(c: Connection, config: Config, now: int) -> None:
    if config.receive_buffer is not None:
        c.set_receive_buffer(config.receive_buffer)


FIGURES: Final = {
    Option.NODELAY: Figure("nagle", no_flag, _nodelay),
    Option.KEEPALIVE: Figure("keepalive", flag, _keepalive),
    Option.KEEPIDLE: Figure("keepalive_idle", duration, _keepalive),
    Option.KEEPINTVL: Figure("keepalive_interval", duration, _keepalive),
    Option.KEEPCNT: Figure("keepalive_probes", count, _keepalive),
    Option.USER_TIMEOUT: Figure("user_timeout", duration_or_none, _user_timeout),
    Option.FASTOPEN: Figure("fast_open_queue", queue, _for_later),
    Option.DEFER_ACCEPT: Figure("defer_accept", queue, _for_later),
    Option.WINDOW_CLAMP: Figure("window_clamp", some_or_none, _own),
    Option.MAXSEG: Figure("mss_limit", segment_size, _segment_size),
    Option.SYNCNT: Figure("syn_retries", count, _own),
    Option.LINGER2: Figure("fin_wait_2_timeout", duration_or_none, _own),
    Option.NOTSENT_LOWAT: Figure("notsent_limit", some_or_none, _notsent),
    Option.CONGESTION: Figure("congestion", control, _control),
    Option.TTL: Figure("ttl", hops, _own),
    Option.TOS: Figure("dscp", traffic_class, _traffic_class),
    Option.SNDBUF: Figure("send_buffer", size, _send_buffer),
    Option.RCVBUF: Figure("receive_buffer", size, _receive_buffer),
}
