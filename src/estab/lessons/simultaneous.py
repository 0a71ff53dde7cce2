"""Both sides do the same at the same time."""

from __future__ import annotations

from typing import Final

from estab.lessons.lesson import Lesson, Scene
from estab.lessons.stage import CLIENT, SERVER, Finding, Stage, constant
from estab.tcp.config import SECOND
from estab.tcp.states import State
from estab.wire.tcp import SYN

_LEFT: Final = 4000
_RIGHT: Final = 5000


def opening(stage: Stage) -> Finding:
    stage.build(client_isn=constant(100), server_isn=constant(300))
    left = stage.client.stack.open((SERVER, _RIGHT), stage.now, local=(CLIENT, _LEFT))
    right = stage.server.stack.open((CLIENT, _LEFT), stage.now, local=(SERVER, _RIGHT))
    stage.run(lambda: left.state is right.state is State.ESTABLISHED)
    stage.wait(SECOND)
    for host in (stage.client, stage.server):
        stage.fact(host.name, " > ".join(stage.states(host)))
        stage.fact(f"connections of the {host.name}", len(host.stack.connections))
    syns = [each for each in stage.segments if each.flags & SYN]
    crossed = "SYN-RECEIVED" in stage.states(stage.client) and "SYN-RECEIVED" in stage.states(stage.server)
    good = (
        left.state is right.state is State.ESTABLISHED
        and (left.irs, right.irs) == (right.iss, left.iss)
        and len(stage.client.stack.connections) == len(stage.server.stack.connections) == 1
        and crossed
    )
    stage.fact("segments with SYN", len(syns))
    return stage.judge(
        good, "Two SYNs cross, each answers the other's with SYN+ACK, and there is one connection, not two."
    )


def closing(stage: Stage) -> Finding:
    stage.build()
    client, server = stage.connected()
    stage.wait(SECOND)
    client.close(stage.now)
    server.close(stage.now)
    stage.wait(SECOND)
    for host in (stage.client, stage.server):
        stage.fact(host.name, " > ".join(stage.states(host)))
    both = [stage.states(host)[-3:] for host in (stage.client, stage.server)]
    good = both == [["FIN-WAIT-1", "CLOSING", "TIME-WAIT"]] * 2 and client.error is server.error is None
    return stage.judge(good, "Two FINs cross: FIN-WAIT-1, CLOSING, TIME-WAIT on both sides, and no error on either.")


LESSON: Final = Lesson(
    "simultaneous",
    "simultaneous open, and simultaneous close through CLOSING",
    "Nothing in TCP needs a client and a server. When both sides open towards each other at once, each receives a SYN "
    "where it waits for a SYN+ACK, answers it, and both arrive at one connection: that is how some peers behind "
    "firewalls find each other.\n\n"
    "When both close at once, each receives a FIN before the acknowledgement of its own. CLOSING is the state in which "
    "the peer's FIN has come and only that acknowledgement is missing. Both then pass TIME-WAIT, because both sent a "
    "last ACK.",
    "Two SYNs that cross make one connection; two FINs that cross lead both sides through CLOSING to TIME-WAIT.",
    (Scene("Simultaneous open", opening), Scene("Simultaneous close", closing)),
)
