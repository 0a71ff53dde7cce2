"""A SYN from an earlier attempt arrives first."""

from __future__ import annotations

from typing import Final

from estab.faults import rules
from estab.lessons.lesson import Lesson, Scene
from estab.lessons.stage import Finding, Stage, constant, in_turn
from estab.tcp.config import MILLISECOND, MINUTE
from estab.tcp.states import State

_LOCAL_PORT: Final = 5000
_OLD: Final = 90
_NEW: Final = 100


def old_syn_first(stage: Stage) -> Finding:
    """RFC 9293 §3.5, Figure 8."""
    hold = [
        rules.delay(lambda segment: segment.seq == _OLD, 290 * MILLISECOND),
        rules.delay(lambda segment: segment.seq == _NEW, 60 * MILLISECOND, first=1),
    ]
    stage.build(out=hold, client_isn=in_turn(_OLD, _NEW), server_isn=constant(300))
    stage.relative = False
    listener = stage.listen()
    first = stage.open(local_port=_LOCAL_PORT)
    stage.wait(20 * MILLISECOND)
    first.abort(stage.now)
    stage.wait(265 * MILLISECOND)
    client = stage.open(local_port=_LOCAL_PORT)
    server = stage.accept(listener, MINUTE)
    if server is None:
        return stage.judge(False, "the second attempt succeeds")
    client.send(b"hello", stage.now)
    stage.run(lambda: server.readable > 0, MINUTE)
    stage.fact("the client counts from", client.iss)
    stage.fact("the server believes", server.irs)
    stage.fact("bytes sent and delivered", f"5 and {server.readable}")
    both = client.state is server.state is State.ESTABLISHED
    return stage.judge(
        both and server.irs == client.iss == _NEW and server.readable == 5 and "LISTEN" in stage.states(stage.server),
        "The client sees an ACK for 91, knows that it never sent 90 this time, and answers RST; the server returns to "
        "LISTEN, and the fresh SYN opens the connection.",
        broken=both and server.irs != client.iss and server.readable == 0,
        but="Both sides are ESTABLISHED and disagree: the client counts from 100, the server expects 91, and no byte "
        "is ever delivered.",
    )


LESSON: Final = Lesson(
    "old-duplicate-syn",
    "a delayed SYN with an old initial sequence number arrives first, and is found out",
    "The client tries to connect, gives up, and tries again from the same port; the network has held back the first "
    "SYN, which now arrives before the second. The server cannot know that it is old, and answers it.\n\n"
    "The client can: in SYN-SENT an ACK that does not acknowledge the SYN just sent is from another time. It answers "
    "with RST, and the sequence number of that RST is the unexpected acknowledgement, so that the server believes it. "
    "(Figure 8 of RFC 9293.)",
    "The old SYN is answered, recognised by the client and reset; then the fresh one opens the connection.",
    (Scene("An old SYN overtakes", old_syn_first, ("any-ack-in-syn-sent",)),),
)
