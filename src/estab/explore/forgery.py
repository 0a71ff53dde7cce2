"""Segments that the adversary makes up: each is one that a defence exists for, aimed at the connection as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from estab.explore.flying import FORGED, Flying
from estab.explore.host import Live
from estab.tcp.connection import Connection
from estab.tcp.states import SYNCHRONIZED
from estab.wire.sequence import MASK32
from estab.wire.tcp import ACK, RST, SYN

_WINDOW: Final = 1000
_OFF: Final = 3
"""How far beyond RCV.NXT: in the window, and not exact."""


def reset_in_window(live: Live, c: Connection) -> Flying:
    """RFC 5961 §3: a RST that the sender of which had to guess only the window."""
    return _flying(live, c, c.rcv_nxt + _OFF, None, RST)


def old_reset(live: Live, c: Connection) -> Flying:
    """A RST from before the window."""
    return _flying(live, c, c.rcv_nxt - 1, None, RST)


def syn_in_window(live: Live, c: Connection) -> Flying:
    """RFC 5961 §4."""
    return _flying(live, c, c.rcv_nxt + _OFF, None, SYN)


def ack_of_unsent(live: Live, c: Connection) -> Flying:
    """An ACK for something that was never sent."""
    return _flying(live, c, c.rcv_nxt, c.snd_nxt + _OFF, ACK)


def blind_data(live: Live, c: Connection) -> Flying:
    """RFC 5961 §5: text in the right place, with an ACK that lies further back than any window."""
    return _flying(live, c, c.rcv_nxt, c.snd_una - c.max_snd_wnd - _OFF, ACK, b"!")


def _flying(live: Live, c: Connection, seq: int, ack: int | None, flags: int, data: bytes = b"") -> Flying:  # noqa: PLR0917
    here, there = live.site.bases[live.site.index], live.site.bases[1 - live.site.index]
    place = None if ack is None else ack - here & MASK32
    return Flying(live.site.index, seq - there & MASK32, place, flags, _WINDOW, data, source=FORGED)


Forgery = Callable[[Live, Connection], Flying]

FORGERIES: Final[dict[str, Forgery]] = {
    "reset": reset_in_window,
    "old reset": old_reset,
    "SYN": syn_in_window,
    "ACK": ack_of_unsent,
    "data": blind_data,
}


def forge(live: Live, names: tuple[str, ...]) -> Iterator[Flying]:
    """What could be sent to this host now; nothing where there is no synchronized connection."""
    for c in live.stack.connections.values():
        if c.state in SYNCHRONIZED:
            yield from (FORGERIES[name](live, c) for name in names)
