"""One host of the explorer: a real ``Stack``, its application, and what the harness knows about both.

``Live`` runs on; a ``Site`` makes it from a value and a value from it, so that each event has to be tried only once.
"""

from __future__ import annotations

import random
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from estab.explore.flying import NOBODY, Flying, build, take
from estab.explore.ghosts import Ghost, Ghosts
from estab.explore.script import EOF, ESTABLISHED, Call, Position, Script
from estab.explore.setting import SPACING
from estab.stack import snapshot
from estab.stack.stack import Stack
from estab.tcp.config import SECOND, Config
from estab.tcp.connection import Connection, make_key
from estab.tcp.observer import Observer, Reason
from estab.tcp.rules import Rules
from estab.tcp.states import SYNCHRONIZED, Fact, State
from estab.tcp.time_wait import TimeWait
from estab.tcp.timers import NEVER
from estab.wire.address import parse_address
from estab.wire.packet import Packet
from estab.wire.sequence import MASK32
from estab.wire.tcp import Segment

NAMES: Final = ("A", "B")
ADDRESSES: Final = ("10.0.0.1", "10.0.0.2")
PACKED: Final = (parse_address(ADDRESSES[0]), parse_address(ADDRESSES[1]))
PORTS: Final = (4000, 80)
_START: Final = 10 * SECOND
_CERTAIN: Final = frozenset({State.ESTABLISHED, State.FIN_WAIT_2, State.CLOSE_WAIT, State.TIME_WAIT})
"""States that are reached only when the peer has acknowledged our SYN."""

Event = tuple[Any, ...]
"""``("call",)``, ``("arrive", Flying)``, ``("fire", ns)``, ``("wait", ns)`` or ``("crash",)``."""


class Endpoint(NamedTuple):
    """The whole state of a host as a value."""

    stack: Hashable
    origins: tuple[tuple[bytes, int, int | None], ...]
    """What ``snapshot.origins`` says, less the bases; in SYN-SENT there is no IRS yet."""
    position: Position
    quiet: int | None
    """How long (ns) a host that has crashed must still be silent."""
    ghosts: Ghosts


class Numbers(NamedTuple):
    """Of one connection, what is compared before and after an event. Absolute numbers."""

    state: State
    snd_una: int
    snd_nxt: int
    rcv_nxt: int


class Account:
    """What happened in one event, for those who judge it."""

    __slots__ = ("after", "before", "event", "ghosts", "moves", "sent", "waits_after", "waits_before", "was")

    def __init__(self, event: Event) -> None:
        self.event: Event = event
        self.before: dict[int, Numbers] = {}
        self.after: dict[int, Numbers] = {}
        self.waits_before: TimeWait | None = None
        self.waits_after: TimeWait | None = None
        self.was: Ghosts = ()
        self.ghosts: Ghosts = ()
        self.moves: list[tuple[int, State, Fact, State]] = []
        """Changes of state, with the connection's number."""
        self.sent: list[tuple[Flying, Reason]] = []

    @property
    def flying(self) -> Flying | None:
        return self.event[1] if self.event[0] == "arrive" else None


@dataclass(frozen=True)
class Site:
    """What does not change about a host."""

    index: int
    script: Script
    config: Config
    rules: Rules
    bases: tuple[int, int]
    quiet: int
    """How long (ns) it is silent after a crash: one MSL, RFC 9293 §3.4.3."""
    forget: bool = True
    """Leave out of the state what no decision reads under these figures."""

    def key(self) -> bytes:
        here, there = self.index, 1 - self.index
        return make_key((PACKED[here], PORTS[here]), (PACKED[there], PORTS[there]))

    def begin(self) -> Live:
        """The host before anything has happened."""
        return Live(self)

    def revive(self, value: Endpoint) -> Live:
        """A host in the state ``value``."""
        live = Live(self)
        base, other = self.bases[self.index], self.bases[1 - self.index]
        origins = {
            key: (ours + base & MASK32, 0 if theirs is None else theirs + other & MASK32)
            for key, ours, theirs in value.origins
        }
        snapshot.restore(live.stack, value.stack, live.now, origins)
        live.position, live.ghosts = value.position, list(value.ghosts)
        live.quiet_until = None if value.quiet is None else live.now + value.quiet
        live.adopt()
        return live


class Live(Observer):
    """A host that runs. Each event is followed by everything that it makes the application and the stack do."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.now = _START
        self.position = Position()
        self.quiet_until: int | None = None
        self.ghosts: list[Ghost] = []
        self.account = Account(("begin",))
        self.packets: list[Packet] = []
        """What the last event made it send, as on the wire."""
        self._numbered: list[tuple[Connection, int]] = []
        self._said: list[tuple[int, Reason]] = []
        self.stack = self._boot()
        self._forget()

    def _boot(self) -> Stack:
        """A stack that remembers nothing."""
        site = self.site
        base = site.bases[site.index].to_bytes(4, "big")
        stack = Stack(
            site.config,
            addresses=[f"{ADDRESSES[site.index]}/24"],
            rng=random.Random(site.index),
            rules=site.rules,
            observer=self,
            clock=lambda now: len(self.ghosts),
            isn=lambda key, now: site.rules.isn(base, key, len(self.ghosts) * SPACING),
        )
        if site.script.listens:
            stack.listen(PORTS[site.index])
        return stack

    def adopt(self) -> None:
        """The stack was restored: its connection is the latest."""
        self._numbered = [(c, len(self.ghosts) - 1) for c in self.stack.connections.values()]
        waiting = self.stack.transmit(self.now)
        assert len(self._numbered) <= 1, "one four-tuple, one connection"
        assert not waiting, "what a snapshot owes was sent before it was taken"

    # ------------------------------------------------------------------ events

    def apply(self, event: Event) -> Account:
        """Let it happen; what it did. ``wait`` lets time pass up to, but not including, what is due then."""
        self.account = account = Account(event)
        account.was = tuple(self.ghosts)
        account.before, account.waits_before = self._view(), self._waiting()
        self.packets = []
        if event[0] == "wait":
            self.now += event[1]
            self._forget()
        else:
            _HAPPENS[event[0]](self, *event[1:])
            self._settle()
        account.after, account.waits_after = self._view(), self._waiting()
        account.ghosts = tuple(self.ghosts)
        return account

    def _call(self) -> None:
        call = self._current()
        assert call is not None
        self.position = self.position._replace(call=self.position.call + 1)
        if call.name == "open":
            here, there = self.site.index, 1 - self.site.index
            remote, local = (PACKED[there], PORTS[there]), (PACKED[here], PORTS[here])
            self._number(self.stack.open(remote, self.now, local=local))
            return
        c, number = self._numbered[-1]
        if call.name == "send":
            self._send(c, number, call.size)
            return
        if call.name != "abort":
            self._note(number, closed=True)
        getattr(c, call.name)(self.now)

    def _send(self, c: Connection, number: int, count: int) -> None:
        """Each connection writes a letter of its own."""
        letter = b"aA"[self.site.index] + number
        data = bytes([letter]) * count
        # What the stack does not take was written all the same: somebody else has closed this direction.
        with suppress(BrokenPipeError):
            data = data[: c.send(data, self.now)]
        ghost = self.ghosts[number]
        self._note(number, written=ghost.written + data, late=ghost.late + data if ghost.eof else b"")

    def _arrive(self, flying: Flying) -> None:
        if self.quiet_until is None:
            self.stack.receive([build(flying, self.site.bases, PACKED, PORTS)], self.now)

    def _fire(self, elapsed: int) -> None:
        self.now += elapsed
        if self.quiet_until is not None and self.quiet_until <= self.now:
            self.quiet_until = None
        self.stack.advance(self.now)

    def _crash(self) -> None:
        """Memory is lost; the application begins with its next session."""
        if self.ghosts and not self.ghosts[-1].end:
            self._note(-1, end="crashed")
        self._numbered.clear()
        self.stack = self._boot()
        self.quiet_until = self.now + self.site.quiet if self.site.quiet else None
        self.position = Position(0 if self.site.script.listens else self.position.session + 1)

    # ------------------------------------------------------------------ what follows an event

    def _settle(self) -> None:
        """The application accepts and reads, the stack sends, until neither has more to do."""
        while True:
            for listener in self.stack.listeners.get(PORTS[self.site.index], ()):
                if self.stack.accept(listener) is not None:
                    self.position = Position()
            for c, number in self._numbered:
                self._read(c, number)
            packets = self.stack.transmit(self.now)
            self.packets += packets
            if not packets and not self._acknowledge_at_once():
                break
        self.stack.take_events()
        self._account_for_packets()
        alive = list(self.stack.connections.values())
        self._numbered = [(c, number) for c, number in self._numbered if c in alive]
        session = self._session()
        if self.position.call and not self._numbered:
            # Done, or there is nothing left to do it with.
            done = Position(0, len(session)) if self.site.script.listens else Position(self.position.session + 1)
            self.position = done
        self._forget()

    def _acknowledge_at_once(self) -> bool:
        """Where acknowledgements are not delayed, their timer is due at once."""
        due = not self.site.config.delayed_ack and any(
            c.timers.delayed_ack <= self.now for c, _ in self._numbered
        )
        if due:
            self.stack.advance(self.now)
        return due

    def _read(self, c: Connection, number: int) -> None:
        if c.error is None and c.readable:
            self._note(number, delivered=self.ghosts[number].delivered + c.receive(1 << 20, self.now))
        if c.error is None and c.eof and not self.ghosts[number].eof:
            self._note(number, eof=True)

    def _account_for_packets(self) -> None:
        said, self._said = self._said, []
        assert len(said) == len(self.packets), "every packet has its reason"
        cause = self.account.flying
        for (source, reason), packet in zip(said, self.packets, strict=True):
            trigger = cause.source if cause is not None and reason is Reason.RESET else None
            flying = take(packet, self.site.bases, 1 - self.site.index, source, trigger)
            self.account.sent.append((flying, reason))

    def _forget(self) -> None:
        """Without timestamps and SACK, with a fixed RTO and no limit on silence, no decision reads these times."""
        replies = self.stack.replies
        if replies.tokens == replies.rate * SECOND:
            replies.tokens_at = self.now
        if not self.site.forget:
            return
        for c, _ in self._numbered:
            c.rtt.forget_samples()
            c.last_heard = c.last_sent = c.stalled_at = None
            c.recovery.repeated_at = c.recovery.repeated_end = None
            if c.state in SYNCHRONIZED:
                c.syn_retransmitted = 0
            if c.challenge_start is not None and self.now - c.challenge_start >= c.config.challenge_period:
                c.challenge_start, c.challenges = None, 0
            for each in c.board.ranges:
                each.sent_at = self.now

    # ------------------------------------------------------------------ what is asked

    def value(self) -> Endpoint:
        """Everything that matters from here on."""
        base, other = self.site.bases[self.site.index], self.site.bases[1 - self.site.index]
        opening = {c.key for c, _ in self._numbered if c.state is State.SYN_SENT}
        origins = tuple(
            (key, ours - base & MASK32, None if key in opening else theirs - other & MASK32)
            for key, (ours, theirs) in sorted(snapshot.origins(self.stack).items())
        )
        return Endpoint(
            snapshot.take(self.stack, self.now),
            origins,
            self.position,
            None if self.quiet_until is None else self.quiet_until - self.now,
            tuple(self.ghosts),
        )

    def deadline(self) -> int | None:
        """In how many ns something happens by itself, or None."""
        times = [c.timers.earliest() for c, _ in self._numbered]
        times.append(self.stack.time_wait.next_deadline())
        if self.quiet_until is not None:
            times.append(self.quiet_until)
        earliest = min(times)
        return None if earliest == NEVER else earliest - self.now

    def state_name(self) -> str:
        """The state of the four-tuple as RFC 9293 names it."""
        for c, _ in self._numbered:
            return c.state.value
        if self.site.key() in self.stack.time_wait:
            return State.TIME_WAIT.value
        return State.LISTEN.value if self.stack.listeners else State.CLOSED.value

    def next_call(self) -> Call | None:
        """What the application would do now."""
        call = self._current()
        if call is None or self.quiet_until is not None:
            return None
        if call.name == "open":
            key = self.site.key()
            return None if key in self.stack.connections or key in self.stack.time_wait else call
        if not self._numbered:
            return None
        c, number = self._numbered[-1]
        ghost = self.ghosts[number]
        waits_for_accept = not ghost.active and c.key in self.stack.embryos
        ready = {ESTABLISHED: c.state in SYNCHRONIZED, EOF: ghost.eof}.get(call.when, True)
        return call if ready and not waits_for_accept else None

    @property
    def at_rest(self) -> bool:
        """The application has done everything, and the stack holds nothing any more."""
        stack = self.stack
        empty = not stack.connections and not stack.embryos and not len(stack.time_wait)
        return empty and self.quiet_until is None and (self.site.script.listens or not self._session())

    def _session(self) -> tuple[Call, ...]:
        sessions = self.site.script.sessions
        return sessions[self.position.session] if self.position.session < len(sessions) else ()

    def _current(self) -> Call | None:
        session = self._session()
        return session[self.position.call] if self.position.call < len(session) else None

    def _view(self) -> dict[int, Numbers]:
        return {n: Numbers(c.state, c.snd_una, c.snd_nxt, c.rcv_nxt) for c, n in self._numbered}

    def _waiting(self) -> TimeWait | None:
        return self.stack.time_wait.get(self.site.key())

    # ------------------------------------------------------------------ ghosts

    def _number(self, c: Connection) -> int:
        """The number of a connection; one that is new gets the next."""
        for known, number in self._numbered:
            if known is c:
                return number
        cause = self.account.flying
        peer = None if cause is None else cause.source
        self.ghosts.append(Ghost(active=cause is None, peer=peer))
        self._numbered.append((c, len(self.ghosts) - 1))
        return len(self.ghosts) - 1

    def _note(self, number: int, **changes: Any) -> None:
        self.ghosts[number] = self.ghosts[number]._replace(**changes)

    def state(self, now: int, connection: Connection, old: State, new: State, fact: Fact) -> None:
        number = self._number(connection)
        self.account.moves.append((number, old, fact, new))
        cause = self.account.flying
        if old is State.SYN_SENT and cause is not None and fact in (Fact.SYN, Fact.SYN_ACKED):
            self._note(number, peer=cause.source)
        if new in _CERTAIN:
            self._note(number, established=True)
        if fact is Fact.FIN_ACKED:
            self._note(number, fin_acked=True)
        if new is State.TIME_WAIT:
            self._note(number, end="closed")
        elif new is State.CLOSED:
            self._note(number, end=_end(fact, connection))

    def sent(self, now: int, connection: Connection | None, segment: Segment, reason: Reason) -> None:
        if connection is not None:
            source = self._number(connection)
        else:
            # What no connection sends is a reset, or comes from TIME-WAIT.
            source = NOBODY if reason is Reason.RESET else len(self.ghosts) - 1
        self._said.append((source, reason))


def _end(fact: Fact, c: Connection) -> str:
    if fact is Fact.RESET:
        return "refused" if c.error is None or isinstance(c.error, ConnectionRefusedError) else "reset"
    if fact is Fact.TIMEOUT:
        return "closed" if c.error is None else "timeout"
    return "aborted" if fact is Fact.ABORT else "closed"


_HAPPENS: Final[dict[str, Any]] = {
    "call": Live._call,
    "arrive": Live._arrive,
    "fire": Live._fire,
    "crash": Live._crash,
}
