"""What ICMP errors mean to a connection: RFC 9293 §3.9.2.2, and RFC 5927 on not believing them too easily."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from estab.tcp.settle import settle
from estab.tcp.states import SYN_RECEIVED, SYN_SENT, Fact
from estab.wire.icmp import Icmp, IcmpKind
from estab.wire.sequence import unwrap

if TYPE_CHECKING:
    from estab.tcp.connection import Connection

_PORT_UNREACHABLE: Final = {4: (2, 3), 6: (1, 4)}
"""Codes that say that the host or a filter before it refuses, by IP version: hard errors of RFC 1122 §4.2.3.9."""
_PROHIBITED: Final = {4: (9, 10, 13), 6: (1,)}
_NETWORK_UNREACHABLE: Final = {4: (0, 6, 11), 6: (0,)}


def icmp_arrives(c: Connection, message: Icmp, now: int) -> None:
    """An ICMP error that quotes a packet of this connection."""
    if not _quotes_what_is_in_flight(c, message):
        c.count("OutOfWindowIcmps")
        return
    if message.kind is IcmpKind.TOO_BIG:
        _too_big(c, message.mtu, now)
    elif message.kind is IcmpKind.UNREACHABLE:
        _unreachable(c, message.code, now)
    elif message.kind is IcmpKind.TIME_EXCEEDED:
        error = OSError(errno.EHOSTUNREACH, "time to live exceeded on the way")
        _take_error(c, error, c.config.open_fails_on_prohibited, now)
    settle(c, now)
    c.host.on_busy(c)


def _quotes_what_is_in_flight(c: Connection, message: Icmp) -> bool:
    """RFC 5927 §4.1: an attacker who does not see the connection does not know these numbers."""
    if message.quote is None or message.quote.seq is None:
        return False
    return c.snd_una <= unwrap(message.quote.seq, c.snd_una) < c.snd_nxt


def path_mtu_changed(c: Connection) -> None:
    """Segments of the old size are lost for sure: send them again, and blame no congestion (RFC 1191 §6.4)."""
    old = c.mss
    c.resize()
    if c.mss < old and c.flight > c.mss and c.state not in (SYN_SENT, SYN_RECEIVED):
        c.board.mark_lost(c.snd_una, c.snd_nxt)
        c.recovery.forced = True


def _too_big(c: Connection, mtu: int, now: int) -> None:
    if c.path.on_icmp(mtu):
        c.count("PathMtuReduced")
        path_mtu_changed(c)
        if c.host.observer is not None:
            c.host.observer.congestion(now, c, "mtu")


def _unreachable(c: Connection, code: int, now: int) -> None:
    """Soft errors are kept for later (MUST-56); a hard one ends an opening and nothing else (RFC 5927 §5.2)."""
    version = 6 if len(c.local_address) == 16 else 4
    prohibited = c.config.open_fails_on_prohibited and code in _PROHIBITED[version]
    if code in _PORT_UNREACHABLE[version] or prohibited:
        _take_error(c, ConnectionRefusedError(errno.ECONNREFUSED, "connection refused (ICMP)"), True, now)
    elif code in _NETWORK_UNREACHABLE[version] and not c.config.bsd_calls:
        _take_error(c, OSError(errno.ENETUNREACH, "network is unreachable"), c.config.open_fails_on_unreachable, now)
    else:
        _take_error(c, OSError(errno.EHOSTUNREACH, "no route to host"), c.config.open_fails_on_unreachable, now)


def _take_error(c: Connection, error: OSError, hard: bool, now: int) -> None:
    if hard and c.state is SYN_SENT:
        c.die(error, Fact.TIMEOUT, now)
    else:
        _note(c, error)


def _note(c: Connection, error: OSError) -> None:
    """A soft error: the application may look at it (RFC 9293 MUST-47, SHLD-25), the connection goes on."""
    c.soft_error = error
    c.host.on_event(c)
