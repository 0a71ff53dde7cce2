"""Each segment of the handshake is lost in turn."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from estab.faults import rules
from estab.lessons.lesson import Lesson, Scene
from estab.lessons.stage import Finding, Stage, error_name
from estab.tcp.config import MINUTE, SECOND
from estab.tcp.states import State
from estab.wire.tcp import ACK, SYN

_HANG: Final = 2 * MINUTE


def syn_lost(stage: Stage) -> Finding:
    stage.build(out=[rules.drop(rules.syn, nth=1)])
    stage.listen()
    client = stage.open()
    stage.run(lambda: client.state is State.ESTABLISHED, _HANG)
    stage.wait(SECOND)
    sent = [each for each in stage.segments if each.flags & (SYN | ACK) == SYN]
    stage.fact("SYNs sent", len(sent))
    stage.fact("state of the client", f"{client.state.value} after {stage.elapsed // SECOND} s")
    return stage.judge(
        client.state is State.ESTABLISHED and len(sent) == 2 and sent[1].sent_at - sent[0].sent_at == SECOND,
        "After 1 s without an answer (the initial RTO) the SYN goes out again, and the connection opens.",
        broken=client.state is State.SYN_SENT and len(sent) == 1,
        but="One lost packet, and the open hangs: the only SYN is gone, and two minutes later the client still waits.",
    )


def syn_ack_lost(stage: Stage) -> Finding:
    stage.build(into=[rules.drop(rules.syn_ack, nth=1)])
    client, server = stage.connected()
    stage.wait(SECOND)
    count = sum(1 for each in stage.segments if each.flags & SYN)
    stage.fact("segments with SYN", count)
    good = client.state is server.state is State.ESTABLISHED and count > 2
    return stage.judge(good, "The client cannot tell this from a lost SYN: it sends it again, and is answered again.")


def ack_lost(stage: Stage) -> Finding:
    stage.build(out=[rules.drop(rules.ack_only, nth=1)])
    listener = stage.listen()
    client = stage.open()
    stage.wait(SECOND // 2)
    between = client.state.value, [c.state.value for c in stage.server.stack.connections.values()]
    stage.fact("after the loss", f"client {between[0]}, server {between[1][0]}")
    server = stage.accept(listener)
    stage.wait(SECOND)
    good = between == ("ESTABLISHED", ["SYN-RECEIVED"]) and server is not None and server.state is State.ESTABLISHED
    return stage.judge(
        good, "The client is connected already, the server not yet: it repeats its SYN+ACK, and the ACK comes again."
    )


def all_lost(stage: Stage) -> Finding:
    stage.build(out=[rules.drop(rules.syn)])
    client = stage.open()
    stage.run(lambda: client.state is State.CLOSED, 10 * MINUTE)
    times = [each.sent_at for each in stage.segments]
    gaps = [(later - earlier) // SECOND for earlier, later in pairwise(times)]
    stage.fact("seconds between SYNs", ", ".join(map(str, gaps)))
    stage.fact("gives up after", f"{stage.elapsed // SECOND} s, with {error_name(client)}")
    good = gaps == [1, 2, 4, 8, 16, 32, 60] and error_name(client) == "TimeoutError" and stage.elapsed >= 3 * MINUTE
    return stage.judge(good, "Each wait is twice the one before, up to 60 s; after 7 retransmissions it is ETIMEDOUT.")


LESSON: Final = Lesson(
    "lost-syn",
    "the loss of each segment of the handshake; exponential backoff; when it gives up, and with which error",
    "Whoever sent a SYN sends it again until it is acknowledged. Without a measurement the first wait is 1 s (RFC "
    "6298), and each further one twice as long, because a network that loses packets may be one that has too many.\n\n"
    "The last ACK of the handshake is not retransmitted: an ACK takes no sequence number and is never acknowledged. "
    "It comes again because the SYN+ACK does, or with the first data, whichever is first.",
    "Whichever segment of the handshake is lost, it comes again; when none arrives, the open fails with ETIMEDOUT "
    "after three minutes.",
    (
        Scene("The SYN is lost", syn_lost, ("no-syn-retransmission",)),
        Scene("The SYN+ACK is lost", syn_ack_lost),
        Scene("The ACK is lost", ack_lost),
        Scene("Every SYN is lost", all_lost),
    ),
)
