"""The last acknowledgement is lost."""

from __future__ import annotations

from typing import Final

from estab.faults import rules
from estab.lessons.lesson import Lesson, Scene
from estab.lessons.stage import Finding, Stage, constant, error_name
from estab.tcp.config import MODERN, SECOND
from estab.tcp.states import State
from estab.wire.tcp import FIN

_ISN: Final = 100


def last_ack_lost(stage: Stage) -> Finding:
    last = _ISN + 2
    stage.build(
        client_isn=constant(_ISN), out=[rules.drop(lambda each: rules.ack_only(each) and each.seq == last, nth=1)]
    )
    client, server = stage.connected()
    client.close(stage.now)
    stage.run(lambda: server.eof)
    server.close(stage.now)
    stage.run(lambda: server.state is State.CLOSED)
    ended = error_name(server)
    stage.wait(SECOND)
    waited = _time_wait_ends(stage)
    fins = [each.arrived_at or 0 for each in stage.segments if each.flags & FIN and each.src == "server"]
    stage.fact("the server ends with", ended)
    stage.fact("FINs from the server", len(fins))
    if stage.without is None:
        stage.fact("TIME-WAIT ends", f"{(waited - fins[-1]) / SECOND:g} s after the last FIN arrived")
    return stage.judge(
        ended == "no error" and len(fins) == 2 and waited - fins[-1] == MODERN.time_wait,
        "The FIN comes again, TIME-WAIT answers it again and starts its 2 MSL anew; the server ends without error.",
        broken=ended == "ConnectionResetError",
        but="Nobody was left to answer the repeated FIN but RST: the server, all of whose data had arrived, ends with "
        "ConnectionResetError.",
    )


def _time_wait_ends(stage: Stage) -> int:
    """When the client's entry is gone."""
    stack = stage.client.stack
    stage.stop_drawing()
    stage.run(lambda: not len(stack.time_wait))
    return stage.now


LESSON: Final = Lesson(
    "lost-last-ack",
    "the last ACK is lost, the FIN comes again, and TIME-WAIT answers it and waits anew",
    "Somebody sends the last segment, and it is never acknowledged: its sender cannot know that it arrived. So the "
    "side that sends it stays for a while, to answer should the question come again. That is the first purpose of "
    "TIME-WAIT, and it serves the other side: the one that waits has nothing to gain from it.\n\n"
    "Each repeated FIN starts the 2 MSL anew; nothing else does.",
    "When the last ACK is lost, TIME-WAIT answers the repeated FIN, waits 2 MSL from then on, and both sides end well.",
    (Scene("The last ACK is lost", last_ack_lost, ("no-time-wait",)),),
)
