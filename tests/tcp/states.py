"""How to bring a conversation into each of the eleven states, and where its numbers stand then."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.conversation import ACK, FIN, SYN, Conversation


class Place(NamedTuple):
    """A state, and how the connection was opened where it matters."""

    state: str
    active: bool = False

    def __str__(self) -> str:
        return f"{self.state}{'-active' if self.active else ''}"


class Numbers(NamedTuple):
    """Relative sequence numbers: RCV.NXT, SND.UNA and SND.NXT of the stack."""

    rcv: int
    una: int
    nxt: int


CLOSED = Place("CLOSED")
LISTEN = Place("LISTEN")
SYN_SENT = Place("SYN-SENT", active=True)
SYN_RECEIVED = Place("SYN-RECEIVED")
SIMULTANEOUS = Place("SYN-RECEIVED", active=True)
ESTABLISHED = Place("ESTABLISHED")
OPENED = Place("ESTABLISHED", active=True)
FIN_WAIT_1 = Place("FIN-WAIT-1")
FIN_WAIT_2 = Place("FIN-WAIT-2")
CLOSE_WAIT = Place("CLOSE-WAIT")
CLOSING = Place("CLOSING")
LAST_ACK = Place("LAST-ACK")
TIME_WAIT = Place("TIME-WAIT")

PLACES = (
    CLOSED,
    LISTEN,
    SYN_SENT,
    SYN_RECEIVED,
    SIMULTANEOUS,
    ESTABLISHED,
    OPENED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    CLOSE_WAIT,
    CLOSING,
    LAST_ACK,
    TIME_WAIT,
)
SYNCHRONIZED = PLACES[5:]
LIVE = PLACES[5:-1]
"""Synchronized, and still with a connection: TIME-WAIT is an entry."""

_NUMBERS = {
    "CLOSED": Numbers(0, 0, 0),
    "LISTEN": Numbers(0, 0, 0),
    "SYN-SENT": Numbers(0, 0, 1),
    "SYN-RECEIVED": Numbers(1, 0, 1),
    "ESTABLISHED": Numbers(1, 1, 1),
    "FIN-WAIT-1": Numbers(1, 1, 2),
    "FIN-WAIT-2": Numbers(1, 2, 2),
    "CLOSE-WAIT": Numbers(2, 1, 1),
    "CLOSING": Numbers(2, 1, 2),
    "LAST-ACK": Numbers(2, 1, 2),
    "TIME-WAIT": Numbers(2, 2, 2),
}


def reach(t: Conversation, place: Place, **syn: Any) -> Numbers:
    """Bring a fresh conversation to ``place`` with nothing left to expect. ``syn``: options of the peer's SYN."""
    _open(t, place, {"mss": 1460, **syn}) if place.state in _OPENINGS else _synchronize(t, place, syn)
    t.drain()
    assert t.state == ("CLOSED" if place is LISTEN else place.state)
    return _NUMBERS[place.state]


_OPENINGS = ("CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED")


def _open(t: Conversation, place: Place, syn: dict[str, Any]) -> None:
    if place.active:
        t.open()
        t.expect(SYN, seq=0)
        if place.state == "SYN-RECEIVED":
            t.inject(SYN, seq=0, **syn)
            t.expect(SYN | ACK, seq=0, ack=1)
    elif place.state != "CLOSED":
        t.listen()
        if place.state == "SYN-RECEIVED":
            t.inject(SYN, seq=0, **syn)


def _synchronize(t: Conversation, place: Place, syn: dict[str, Any]) -> None:
    t.established(active=place.active, **syn)
    ts = {"ts": True} if "ts" in syn else {}
    if place.state in ("CLOSE-WAIT", "LAST-ACK"):
        t.inject(FIN | ACK, seq=1, ack=1, **ts)
    if place.state not in ("ESTABLISHED", "CLOSE-WAIT"):
        t.call("shutdown")
        t.drain()
    if place.state in ("FIN-WAIT-2", "TIME-WAIT"):
        t.inject(ACK, seq=1, ack=2, **ts)
    if place.state == "TIME-WAIT":
        t.inject(FIN | ACK, seq=1, ack=2, **ts)
    if place.state == "CLOSING":
        t.inject(FIN | ACK, seq=1, ack=1, **ts)
