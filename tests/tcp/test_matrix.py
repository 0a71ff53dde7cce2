"""Every state against every kind of segment: RFC 9293 §3.10.7.4, with RFC 5961 and 1337.

One row of ``MATRIX`` is a state; a cell says what is answered and where the connection goes. CLOSED, LISTEN,
SYN-SENT have files of their own; there sequence numbers mean nothing yet.
"""

import pytest

from tests.conversation import ACK, FIN, RST, SYN
from tests.tcp import states
from tests.tcp.states import Place, reach

IN = 100
"""Inside the window, not at its beginning."""
OUT = 100_000
"""Beyond the window of 65,535."""

KINDS = (
    "SYN",
    "SYN+ACK",
    "ACK",
    "data",
    "FIN",
    "FIN, ours acked",
    "repeated FIN",
    "RST exact",
    "RST inside",
    "RST left",
    "RST right",
    "bad ACK",
    "data left",
    "data right",
    "no ACK",
)

STAY = ""
MATRIX: dict[Place, dict[str, tuple[str, str]]] = {
    states.SYN_RECEIVED: {
        "SYN": ("", "CLOSED"),
        "SYN+ACK": ("", "CLOSED"),
        "ACK": ("", "ESTABLISHED"),
        "data": ("later", "ESTABLISHED"),
        "FIN": ("ACK", "CLOSE-WAIT"),
        "FIN, ours acked": ("ACK", "CLOSE-WAIT"),
        "RST exact": ("", "CLOSED"),
        "bad ACK": ("RST", STAY),
    },
    states.SIMULTANEOUS: {
        "ACK": ("", "ESTABLISHED"),
        "data": ("later", "ESTABLISHED"),
        "FIN": ("ACK", "CLOSE-WAIT"),
        "FIN, ours acked": ("ACK", "CLOSE-WAIT"),
        "RST exact": ("", "CLOSED"),
        "bad ACK": ("RST", STAY),
    },
    states.ESTABLISHED: {
        "data": ("later", STAY),
        "FIN": ("ACK", "CLOSE-WAIT"),
        "FIN, ours acked": ("ACK", "CLOSE-WAIT"),
        "RST exact": ("", "CLOSED"),
    },
    states.FIN_WAIT_1: {
        "ACK": ("", "FIN-WAIT-2"),
        "data": ("later", STAY),
        "FIN": ("ACK", "CLOSING"),
        "FIN, ours acked": ("ACK", "TIME-WAIT"),
        "RST exact": ("", "CLOSED"),
    },
    states.FIN_WAIT_2: {
        "data": ("later", STAY),
        "FIN": ("ACK", "TIME-WAIT"),
        "FIN, ours acked": ("ACK", "TIME-WAIT"),
        "RST exact": ("", "CLOSED"),
    },
    states.CLOSE_WAIT: {
        "RST exact": ("", "CLOSED"),
    },
    states.CLOSING: {
        "ACK": ("", "TIME-WAIT"),
        "FIN, ours acked": ("", "TIME-WAIT"),
        "RST exact": ("", "CLOSED"),
    },
    states.LAST_ACK: {
        "ACK": ("", "CLOSED"),
        "FIN, ours acked": ("", "CLOSED"),
        "RST exact": ("", "CLOSED"),
    },
    states.TIME_WAIT: {
        # The whole story of a SYN here is in test_time_wait.py.
        "SYN": ("SYN-ACK", "SYN-RECEIVED"),
        # RFC 1337 §3 fix (a): every RST is ignored, so none is challenged either.
        "RST inside": ("", STAY),
    },
}
MATRIX[states.OPENED] = MATRIX[states.ESTABLISHED]

EVERYWHERE = {
    "SYN": ("ACK", STAY),
    "SYN+ACK": ("ACK", STAY),
    "ACK": ("", STAY),
    "data": ("", STAY),
    "FIN": ("", STAY),
    "FIN, ours acked": ("", STAY),
    "repeated FIN": ("ACK", STAY),
    "RST exact": ("", STAY),
    "RST inside": ("ACK", STAY),
    "RST left": ("", STAY),
    "RST right": ("", STAY),
    "bad ACK": ("ACK", STAY),
    "data left": ("ACK", STAY),
    "data right": ("ACK", STAY),
    "no ACK": ("", STAY),
}
"""Where a row is silent: what has no effect beyond an answer."""


def after_fin(place: Place) -> bool:
    return place.state in ("CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT")


def segment(kind: str, place: Place, n: states.Numbers) -> dict:
    """What the peer sends; an ordinary one acknowledges nothing new, but in SYN-RECEIVED our SYN."""
    ack = n.nxt if place.state == "SYN-RECEIVED" else n.una
    text = b"0123456789"
    return {
        "SYN": {"flags": SYN, "seq": n.rcv + IN},
        "SYN+ACK": {"flags": SYN | ACK, "seq": n.rcv + IN, "ack": n.nxt},
        "ACK": {"flags": ACK, "seq": n.rcv, "ack": n.nxt},
        "data": {"flags": ACK, "seq": n.rcv, "ack": ack, "data": text},
        "FIN": {"flags": FIN | ACK, "seq": n.rcv, "ack": ack},
        "FIN, ours acked": {"flags": FIN | ACK, "seq": n.rcv, "ack": n.nxt},
        "repeated FIN": {"flags": FIN | ACK, "seq": n.rcv - 1, "ack": ack},
        "RST exact": {"flags": RST, "seq": n.rcv},
        "RST inside": {"flags": RST, "seq": n.rcv + IN},
        "RST left": {"flags": RST, "seq": n.rcv - 1},
        "RST right": {"flags": RST, "seq": n.rcv + OUT},
        "bad ACK": {"flags": ACK, "seq": n.rcv, "ack": n.nxt + 1},
        "data left": {"flags": ACK, "seq": n.rcv - 50, "ack": ack, "data": text},
        "data right": {"flags": ACK, "seq": n.rcv + OUT, "ack": ack, "data": text},
        "no ACK": {"flags": 0, "seq": n.rcv, "data": text},
    }[kind]


# Before a FIN has come there is none to be repeated.
CELLS = [(place, kind) for place in MATRIX for kind in KINDS if kind != "repeated FIN" or after_fin(place)]


@pytest.mark.parametrize(("place", "kind"), CELLS, ids=lambda each: str(each).replace(" ", "-"))
def test_cell(talk, place, kind):
    t = talk(v6=kind in ("data", "FIN"))
    n = reach(t, place)
    sent = segment(kind, place, n)
    t.inject(**sent)
    answer, state = MATRIX[place].get(kind, EVERYWHERE[kind])
    if answer == "ACK":
        space = 1 if state in ("CLOSE-WAIT", "CLOSING", "TIME-WAIT") and place.state != "CLOSING" else 0
        t.expect(ACK, seq=n.nxt, ack=n.rcv + space, len=0)
    elif answer == "RST":
        t.expect(RST, seq=n.nxt + 1)
    elif answer == "SYN-ACK":
        t.expect(SYN | ACK, ack=n.rcv + IN + 1)
    elif answer == "later":
        t.expect_nothing()
        t.after(t.config.delayed_ack)
        t.expect(ACK, seq=n.nxt, ack=n.rcv + 10)
    t.expect_nothing()
    assert t.state == (state or place.state)
    if "data" in sent and answer != "later" and t.key in t.stack.connections:
        assert t.stack.connections[t.key].receive_queue.size == 0
