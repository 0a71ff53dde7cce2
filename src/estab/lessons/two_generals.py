"""No number of messages makes both sides certain; retransmission only moves the threshold."""

from __future__ import annotations

from typing import Final

from estab.faults import rules
from estab.lessons.lesson import Lesson, Scene
from estab.lessons.stage import Finding, Stage, error_name
from estab.tcp.config import MODERN, SECOND, Config
from estab.tcp.states import State

_MOST: Final = 4


def _patience(retransmissions: int) -> Config:
    """A stack that sends each segment again so many times, once a second."""
    return MODERN.but(
        tail_probe=False,
        syn_retries=retransmissions,
        syn_ack_retries=retransmissions,
        data_retries=retransmissions,
        rto_minimum=SECOND,
        rto_maximum=SECOND,
    )


def _open(stage: Stage, retransmissions: int, lost: int) -> bool:
    """Whether an opening survives so many lost SYNs."""
    faults = [rules.drop(rules.syn, first=lost)] if lost else []
    stage.build(config=_patience(retransmissions), out=faults)
    listener = stage.listen()
    client = stage.open()
    stage.run(lambda: client.state in (State.ESTABLISHED, State.CLOSED))
    stage.run(lambda: listener.ready > 0, SECOND)
    return client.state is State.ESTABLISHED and listener.ready == 1


def _close(stage: Stage, retransmissions: int, lost: int) -> tuple[bool, str, str]:
    """Whether a close survives so many lost FINs; how both sides end."""
    faults = [rules.drop(rules.fin, first=lost)] if lost else []
    stage.build(config=_patience(retransmissions), out=faults)
    client, server = stage.connected()
    client.close(stage.now)
    stage.run(lambda: server.eof or client.state is State.CLOSED)
    survived = server.eof
    if survived:
        server.close(stage.now)
        stage.run(lambda: server.state is State.CLOSED)
    return survived and server.error is None, error_name(client), server.state.value


def opens(stage: Stage) -> Finding:
    good = _open(stage, 2, 2)
    return stage.judge(good, "Two retransmissions are allowed, two SYNs are lost: the third opens the connection.")


def does_not_open(stage: Stage) -> Finding:
    good = not _open(stage, 2, 3)
    return stage.judge(good, "One loss more than there are retransmissions, and the open fails with TimeoutError.")


def does_not_close(stage: Stage) -> Finding:
    survived, client, server = _close(stage, 2, 3)
    stage.fact("the client ends with", client)
    stage.fact("the server is left in", server)
    good = not survived and client == "TimeoutError" and server == "ESTABLISHED"
    return stage.judge(
        good, "The client gives up; the server heard nothing of it and believes in the connection still."
    )


def threshold(stage: Stage) -> Finding:
    sharp = True
    for allowed in range(1, _MOST + 1):
        row = []
        for lost in range(_MOST + 2):
            opened, closed = _open(stage.trial(), allowed, lost), _close(stage.trial(), allowed, lost)[0]
            row.append({(True, True): "ok", (False, False): "fails"}.get((opened, closed), "differs"))
        sharp = sharp and row == ["ok"] * (allowed + 1) + ["fails"] * (_MOST + 1 - allowed)
        losses = "  ".join(f"{lost} lost: {text}" for lost, text in enumerate(row))
        stage.fact(f"R = {allowed}", losses)
    last = _last_message(stage)
    return stage.judge(
        sharp and last,
        "Open and close survive R losses and fail at R + 1, for every R; and whoever sends the last message does not "
        "know whether it arrived.",
    )


def _last_message(stage: Stage) -> bool:
    """The ACK that ends the handshake is lost: at that moment the two sides believe different things."""
    stage.build(out=[rules.drop(rules.ack_only, first=1)])
    stage.listen()
    client = stage.open()
    stage.wait(SECOND // 2)
    server = next(iter(stage.server.stack.connections.values()))
    stage.fact("the last message is lost", f"client {client.state.value}, server {server.state.value}")
    differ = client.state is State.ESTABLISHED and server.state is State.SYN_RECEIVED
    client.send(b"data is a proof as well", stage.now)
    stage.run(lambda: server.readable > 0)
    return differ and server.state is State.ESTABLISHED


LESSON: Final = Lesson(
    "two-generals",
    "with R retransmissions, open and close survive R lost packets and fail at R + 1",
    "Two generals who can only send messengers through enemy land can never both be certain that they attack "
    "together: if some plan of n messages made them certain, its last message, which may be lost, could be left out, "
    "and so could the one before. What the network can lose, no protocol can make common knowledge.\n\n"
    "TCP does not try. Each side has its own proof, that what it sent was acknowledged, and sends again until it has "
    "it or gives up. More patience moves the threshold and removes nothing: for every R there is an R + 1.",
    "Open and close survive as many losses as there are retransmissions and fail at one more; the last message can "
    "never be known to have arrived.",
    (
        Scene("R = 2, two SYNs lost", opens),
        Scene("R = 2, three SYNs lost", does_not_open),
        Scene("R = 2, three FINs lost: one side has given up, the other does not know", does_not_close),
        Scene("The last message of the handshake is lost; and the threshold for R = 1 to 4", threshold),
    ),
)
