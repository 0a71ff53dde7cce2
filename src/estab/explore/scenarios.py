"""What the two applications want of each other, and what an exploration of it must have seen."""

from __future__ import annotations

from typing import Final, NamedTuple

from estab.explore.script import ANY_TIME, EOF, ESTABLISHED, Call, Script
from estab.explore.setting import BASES

_OPEN: Final = Call("open")
_SEND: Final = Call("send", ESTABLISHED, 1)
_CLOSE: Final = Call("close", ESTABLISHED)
_ANSWER: Final = Call("close", EOF)


def _client(*calls: Call, times: int = 1) -> Script:
    return Script(((_OPEN, *calls),) * times)


def _server(*calls: Call) -> Script:
    return Script((calls,), listens=True)


class Scenario(NamedTuple):
    """``witnesses``: what a complete run with a loss and a duplicate must have seen; ``always``: any complete run."""

    name: str
    shows: str
    scripts: tuple[Script, Script]
    always: tuple[str, ...] = ("both established",)
    witnesses: tuple[str, ...] = ("retransmission", "challenge ACK", "reset", "TIME-WAIT answers again")
    bases: tuple[int, int] = BASES
    crashes: tuple[int, ...] = ()
    """Which hosts may crash during their first connection, if the budget allows it."""
    quiet: bool = True
    """Who crashed is silent for one MSL before it says anything (RFC 9293 §3.4.3)."""
    forges: tuple[str, ...] = ()
    """What the adversary may make up, if the budget allows it: names of ``FORGERIES``."""
    changes: tuple[tuple[str, object], ...] = ()
    """Figures that differ."""

    @property
    def needs(self) -> dict[str, int]:
        """What the budget must allow for the scenario to be one."""
        return {"crash": 1 if self.crashes else 0, "forge": 1 if self.forges else 0}


_FIRST: Final = "both established"
_DATA: Final = (_client(_SEND, _CLOSE), _server(_ANSWER))
_TWICE: Final = (_client(_CLOSE, times=2), _server(_ANSWER))
_TWICE_DATA: Final = (_client(_SEND, _CLOSE, times=2), _server(_ANSWER))
_FORGED: Final = (_FIRST, "forged segment", "challenge ACK")

_ALL: Final = (
    Scenario("open+close", "a handshake, and a close from the client's side", (_client(_CLOSE), _server(_ANSWER))),
    Scenario("data", "the client sends a byte before it closes", _DATA),
    Scenario(
        "server-close",
        "the server closes first, and the client says nothing before that",
        (_client(_ANSWER), _server(_CLOSE)),
    ),
    Scenario(
        "half-close",
        "the client closes its direction; the server writes after EOF",
        (_client(Call("shutdown", ESTABLISHED), _ANSWER), _server(Call("send", EOF, 1), _ANSWER)),
        always=(_FIRST, "half-closed data"),
    ),
    Scenario(
        "simultaneous-open",
        "both sides open, nobody listens; then both close",
        (_client(_CLOSE), _client(_CLOSE)),
        always=(_FIRST, "simultaneous open", "reset"),
    ),
    Scenario(
        "simultaneous-close",
        "both sides close as soon as they may",
        (_client(_CLOSE), _server(_CLOSE)),
        always=(_FIRST, "CLOSING"),
    ),
    Scenario(
        "early-close",
        "the client closes whenever it likes, perhaps before anything is established",
        (_client(Call("close", ANY_TIME)), _server(_ANSWER)),
        always=(_FIRST, "CLOSE before ESTABLISHED", "reset"),
    ),
    Scenario(
        "early-close-both",
        "both sides open, and close whenever they like",
        (_client(Call("close", ANY_TIME)), _client(Call("close", ANY_TIME))),
        always=(_FIRST, "CLOSE before ESTABLISHED", "simultaneous open", "reset"),
    ),
    Scenario(
        "abort",
        "the client aborts, the server closes",
        (_client(Call("abort", ESTABLISHED)), _server(_CLOSE)),
        always=(_FIRST, "abort", "reset"),
        witnesses=("retransmission", "challenge ACK"),
    ),
    Scenario(
        "incarnations",
        "two connections, one after the other, on the same four-tuple",
        _TWICE,
        always=(_FIRST, "second incarnation"),
    ),
    Scenario(
        "incarnations+data",
        "the same, and each carries a byte",
        _TWICE_DATA,
        always=(_FIRST, "second incarnation"),
    ),
    Scenario(
        "crash",
        "the client may lose its memory during the first connection, and opens another",
        _TWICE,
        always=(_FIRST, "second incarnation", "crash", "challenge ACK", "reset"),
        crashes=(0,),
    ),
    Scenario(
        "crash+data",
        "the same, and each connection carries a byte",
        _TWICE_DATA,
        always=(_FIRST, "second incarnation", "crash", "challenge ACK", "reset"),
        crashes=(0,),
    ),
    Scenario(
        "server-crash",
        "the server may lose its memory, and listens again",
        (_client(_SEND, _CLOSE), _server(_ANSWER)),
        always=(_FIRST, "crash", "reset"),
        crashes=(1,),
    ),
    Scenario("forged-reset", "the adversary makes up resets", _DATA, always=_FORGED, forges=("reset", "old reset")),
    Scenario("forged-syn", "the adversary makes up a SYN", _DATA, always=_FORGED, forges=("SYN",)),
    Scenario("forged-ack", "the adversary acknowledges what was not sent", _DATA, always=_FORGED, forges=("ACK",)),
    Scenario("forged-data", "the adversary makes up text", _DATA, always=_FORGED, forges=("data",)),
    Scenario(
        "wrap",
        "a byte, with sequence numbers that pass 2^31 and 2^32 on the way",
        _DATA,
        bases=(2**32 - 1, 2**31 - 1),
    ),
    Scenario(
        "delayed-ack",
        "a byte, and acknowledgements may wait for half an RTO",
        _DATA,
        changes=(("delayed_ack", 500_000_000),),
    ),
    Scenario(
        "sack",
        "two bytes one by one, with SACK, RACK and tail probes",
        (_client(_SEND, _SEND, _CLOSE), _server(_ANSWER)),
        changes=(("sack", True), ("tail_probe", True)),
    ),
)

SCENARIOS: Final = {scenario.name: scenario for scenario in _ALL}
"""Every scenario, by name."""
