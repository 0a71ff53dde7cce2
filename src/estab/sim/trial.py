"""One connection over a bad network, from a seed: bytes both ways, a close, and nothing left. For sweeps of seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from estab.sim.network import Network
from estab.sim.record import Passage
from estab.sim.streams import stream
from estab.tcp.config import MODERN, SECOND, Config
from estab.tcp.connection import Connection
from estab.tcp.rules import RULES, Rules
from estab.tcp.states import State

CLIENT: Final = "client"
SERVER: Final = "server"
_ADDRESSES: Final = ("10.0.0.1/24", "10.0.0.2/24")
_PORT: Final = 80
_PATIENCE: Final = 3600 * SECOND
"""Of virtual time, for the transfer and the close together."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What the network does is drawn from the seed; probabilities, and ns for the delay of each direction."""

    seed: int
    size: int = 100_000
    """Bytes each way."""
    loss: float = 0.05
    duplicate: float = 0.02
    reorder: float = 0.05
    delay: int = 20_000_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """``wrong``: what should not be, a sentence each; empty when all is well."""

    seed: int
    wrong: tuple[str, ...]
    lasted: int
    """Virtual time in ns, until the last TIME-WAIT was over."""
    retransmitted: int


class _User:
    """An application at one end: writes, closes its direction, and reads until EOF."""

    def __init__(self, connection: Connection, data: bytes) -> None:
        self.connection = connection
        self.unsent = memoryview(data)
        self.received = bytearray()

    def act(self, now: int) -> None:
        c = self.connection
        if c.error is not None or c.state in (State.SYN_SENT, State.SYN_RECEIVED):
            return
        while c.readable:
            self.received += c.receive(1 << 20, now)
        while len(self.unsent) and c.room:
            self.unsent = self.unsent[c.send(self.unsent, now) :]
        if not len(self.unsent):
            c.shutdown(now)
        if c.eof and not len(self.unsent):
            c.close(now)


def attempt(trial: Trial, config: Config = MODERN, rules: Rules = RULES) -> tuple[Verdict, list[Passage]]:
    """Run it, with these on both hosts. The passages are what was on the wire."""
    network = Network(trial.seed)
    client, server = (
        network.host(name, address, config=config, rules=rules)
        for name, address in zip((CLIENT, SERVER), _ADDRESSES, strict=True)
    )
    network.connect(
        client, server, delay=trial.delay, loss=trial.loss, duplicate=trial.duplicate, reorder=trial.reorder
    )
    rng = stream(trial.seed, "data")
    there, back = rng.randbytes(trial.size), rng.randbytes(trial.size)
    listener = server.stack.listen(_PORT)
    near = _User(client.stack.open((_ADDRESSES[1].partition("/")[0], _PORT), 0), there)
    users = [near]

    def act() -> bool:
        accepted = server.stack.accept(listener)
        if accepted is not None:
            users.append(_User(accepted, back))
        for user in users:
            user.act(network.clock.now)
        return False

    ended = network.run(act, _PATIENCE) or network.next_event() is None
    wrong = [] if ended else ["an hour of virtual time was not enough"]
    wrong += _errors(users)
    if bytes(near.received) != back or len(users) != 2 or bytes(users[1].received) != there:
        wrong.append("what was received is not what was sent")
    for host in (client, server):
        if host.stack.connections or len(host.stack.time_wait):
            wrong.append(f"the {host.name} still holds something")
    retransmitted = sum(host.stack.counters["RetransSegs"] for host in (client, server))
    return Verdict(trial.seed, tuple(wrong), network.clock.now, retransmitted), network.record.passages


def _errors(users: list[_User]) -> list[str]:
    names = (CLIENT, SERVER)
    return [
        f"the {name} ends with {type(user.connection.error).__name__}"
        for name, user in zip(names, users, strict=False)
        if user.connection.error is not None
    ]


__all__ = ["Trial", "Verdict", "attempt"]
