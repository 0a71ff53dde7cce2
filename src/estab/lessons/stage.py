"""Where a scene is played: a client, a server, a cable with its faults, and the questions that scenes ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Final, NamedTuple

from estab.faults.verdict import Fault
from estab.mutations import Mutant, Mutation
from estab.sim import Network, Passage, SimHost
from estab.stack.listener import Listener
from estab.tcp.config import MILLISECOND, MINUTE, MODERN, Config
from estab.tcp.connection import Connection
from estab.tcp.rules import RULES
from estab.tcp.states import State
from estab.wire import tcp
from estab.wire.address import parse_address
from estab.wire.options import NO_OPTIONS, Options
from estab.wire.tcp import Segment

CLIENT: Final = "10.0.0.1"
SERVER: Final = "10.0.0.2"
PORT: Final = 80
_SEED: Final = 9293

Isn = Callable[[bytes, int], int]


class Outcome(Enum):
    """How a scene, and a lesson, went."""

    AS_EXPECTED = "as expected"
    BROKEN = "broken"
    """A defence was removed, and what it prevents happened."""
    UNEXPECTED = "unexpected"


class Finding(NamedTuple):
    """What a scene saw, in one sentence."""

    outcome: Outcome
    what: str


class Stage:
    """One scene. ``build`` it once; the stacks have the defence removed that ``without`` names."""

    left: str = "client"
    right: str = "server"

    def __init__(self, without: Mutation | None = None, start: int = 0) -> None:
        self.without: Mutation | None = without
        self.start: int = start
        self.facts: list[tuple[str, str]] = []
        self.relative: bool = True
        """Sequence numbers are shown from each side's SYN on; a scene about them shows them as they are."""
        self._mutants: list[tuple[Mutant, SimHost]] = []
        self._drawn: list[Passage] | None = None

    def build(
        self,
        *,
        config: Config = MODERN,
        server_config: Config | None = None,
        client_isn: Isn | None = None,
        server_isn: Isn | None = None,
        delay: int = 10 * MILLISECOND,
        out: Sequence[Fault] = (),
        into: Sequence[Fault] = (),
        **line: Any,
    ) -> None:
        """Two hosts and their cable; ``out``: faults from client to server, ``into``: back."""
        self.network = Network(_SEED, start=self.start)
        self.client = self._host("client", f"{CLIENT}/24", config, client_isn)
        self.server = self._host("server", f"{SERVER}/24", server_config or config, server_isn)
        self.network.connect(self.client, self.server, delay=delay, out=out, into=into, **line)

    def trial(self) -> Stage:
        """Another stage with the same defence removed, for what is measured and not drawn."""
        return Stage(self.without, self.start)

    def _host(self, name: str, address: str, config: Config, isn: Isn | None) -> SimHost:
        if self.without is None:
            return self.network.host(name, address, config=config, isn=isn)
        mutant = self.without.apply(RULES, config)
        host = self.network.host(name, address, config=mutant.config, rules=mutant.rules, isn=isn)
        self._mutants.append((mutant, host))
        return host

    # ------------------------------------------------------------------ what happens on it

    @property
    def now(self) -> int:
        return self.network.clock.now

    @property
    def elapsed(self) -> int:
        """Nanoseconds since the scene began."""
        return self.now - self.start

    def run(self, until: Callable[[], bool], limit: int = 10 * MINUTE) -> bool:
        """See ``Network.run``."""
        return self.network.run(until, limit)

    def wait(self, duration: int) -> None:
        """Let that many ns pass."""
        self.network.run_until(self.now + duration)

    def listen(self, port: int = PORT, **how: Any) -> Listener:
        return self.server.stack.listen(port, **how)

    def open(self, *, port: int = PORT, local_port: int = 0, **how: Any) -> Connection:
        """The client's active open. Raises what ``Stack.open`` raises."""
        return self.client.stack.open((SERVER, port), self.now, local=(CLIENT, local_port), **how)

    def accept(self, listener: Listener, limit: int = 10 * MINUTE) -> Connection | None:
        """The server's next connection, or None when none comes in time."""
        self.run(lambda: listener.ready > 0, limit)
        return self.server.stack.accept(listener)

    def connected(self, *, local_port: int = 0) -> tuple[Connection, Connection]:
        """A connection between the two: its end at the client and at the server.

        Raises ``RuntimeError`` when there is none after ten minutes."""
        listener = self.server.stack.find_listener((parse_address(SERVER), PORT)) or self.listen()
        client = self.open(local_port=local_port)
        server = self.accept(listener)
        if server is None or client.state is not State.ESTABLISHED:
            raise RuntimeError("the scene needs a connection, and it did not come about")
        return client, server

    def inject(self, segment: Segment, to: SimHost, *, src: str = "attacker") -> None:
        """Let a segment arrive that claims to come from the other host."""
        ends = (CLIENT, SERVER) if to is self.server else (SERVER, CLIENT)
        self.network.inject(tcp.build(segment, *map(parse_address, ends)), to, src=src)

    def stop_drawing(self) -> None:
        """What comes from here on is not part of the picture."""
        if self._drawn is None:
            self._drawn = list(self.network.record.passages)

    def finish(self) -> None:
        """Let what is on its way arrive, so that the picture can tell its fate."""
        self.stop_drawing()
        self.run(lambda: all(passage.settled for passage in self.passages), MINUTE)

    # ------------------------------------------------------------------ what it shows

    @property
    def end(self) -> int:
        return self.now

    @property
    def passages(self) -> list[Passage]:
        """What the picture shows."""
        return self.network.record.passages if self._drawn is None else self._drawn

    @property
    def segments(self) -> list[Passage]:
        return [passage for passage in self.passages if not passage.info]

    def states(self, host: SimHost) -> list[str]:
        """The states in which a host was seen, in order."""
        seen = [
            (when, each.src_state if each.src == host.name else each.dst_state)
            for each in self.network.record.passages
            for when, name in ((each.sent_at, each.src), (each.arrived_at, each.dst))
            if name == host.name and when is not None
        ]
        return list(dict.fromkeys(state for _, state in sorted(seen, key=lambda item: item[0])))

    def fact(self, name: str, value: object) -> None:
        """A line of the table under the picture."""
        self.facts.append((name, str(value)))

    def judge(self, good: bool, says: str, *, broken: bool = False, but: str = "") -> Finding:
        """``good``: as expected, which ``says`` tells; ``broken``: what the removed defence prevents, as ``but`` tells.

        With a defence removed only ``broken`` counts, and only if the mutation proves that it took effect."""
        if self.without is None:
            return Finding(Outcome.AS_EXPECTED if good else Outcome.UNEXPECTED, says if good else f"Not so: {says}")
        effective = any(m.took_effect(host.stack.rules, host.stack.config) for m, host in self._mutants)
        if broken and effective:
            return Finding(Outcome.BROKEN, but)
        reason = "nothing broke" if effective else "the change had no effect"
        return Finding(Outcome.UNEXPECTED, f"Without {self.without.name} {reason}.")


def constant(value: int) -> Isn:
    """An initial sequence number that is easy to read."""
    return lambda key, now: value


def in_turn(*values: int) -> Isn:
    """One initial sequence number after the other."""
    rest = iter(values)
    return lambda key, now: next(rest)


def segment(  # noqa: PLR0917  (ports, flags and numbers in the order of the header)
    source_port: int,
    destination_port: int,
    flags: int,
    seq: int,
    ack: int = 0,
    payload: bytes = b"",
    options: Options = NO_OPTIONS,
) -> Segment:
    """A segment made by hand."""
    return Segment(
        seq,
        ack,
        flags,
        65_535,
        (payload,) if payload else (),
        options,
        source_port=source_port,
        destination_port=destination_port,
    )


def milliseconds(duration: int) -> str:
    return f"{duration / MILLISECOND:,.3f} ms"


def error_name(connection: Connection) -> str:
    """What a connection died of, as Python names it."""
    return "no error" if connection.error is None else type(connection.error).__name__


__all__ = [
    "CLIENT",
    "PORT",
    "SERVER",
    "Finding",
    "Outcome",
    "Stage",
    "constant",
    "error_name",
    "in_turn",
    "milliseconds",
    "segment",
]
