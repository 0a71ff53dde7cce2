"""What was on the wire: every packet, what became of it, and in which states it left and met the two hosts."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from estab.faults.packets import peek
from estab.faults.verdict import PASS, Fault, Replace, Verdict
from estab.stack.stack import Stack
from estab.tcp.connection import make_key
from estab.tcp.observer import Observer, Reason
from estab.tcp.states import Fact, State
from estab.wire import icmp, tcp
from estab.wire.packet import PROTO_ICMP, PROTO_ICMPV6, PROTO_TCP, PROTO_UDP, Packet, ParseError
from estab.wire.sequence import MASK32
from estab.wire.tcp import Segment, format_flags

if TYPE_CHECKING:
    from estab.sim.host import SimHost
    from estab.tcp.connection import Connection

Endpoint = tuple[bytes, int]

_USER: Final = frozenset({Fact.ACTIVE_OPEN, Fact.PASSIVE_OPEN, Fact.CLOSE, Fact.ABORT})
"""Facts that the application makes, not a segment."""
_PENDING: Final = 4096
_REMEMBERED: Final = 256
"""Segments; a turn sends fewer before their packets are on the cable."""
_UNDER_WAY: Final = "on its way"
_ARRIVED: Final = frozenset({"delivered", "delayed", "duplicate"})


class Passage:
    """One packet on its way from one host to another, or one copy of it.

    ``fate``: ``"delivered"``, ``"delayed"`` (held up, so that others may overtake it), ``"duplicate"``, ``"lost"``;
    ``cause`` says why it was lost. The states are those of the connection: the sender's when the packet left, the
    receiver's once it had taken it. ``info`` describes what is not TCP; then the numbers are 0.
    """

    __slots__ = (
        "ack",
        "arrived_at",
        "cause",
        "destination",
        "dst",
        "dst_state",
        "fate",
        "flags",
        "info",
        "length",
        "reason",
        "sent_at",
        "seq",
        "source",
        "src",
        "src_state",
        "window",
    )

    def __init__(self, now: int, src: str, dst: str) -> None:
        self.sent_at: int = now
        self.arrived_at: int | None = None
        self.src: str = src
        self.dst: str = dst
        self.source: Endpoint = (b"", 0)
        self.destination: Endpoint = (b"", 0)
        self.flags: int = 0
        self.seq: int = 0
        """32 bits, as on the wire."""
        self.ack: int = 0
        self.length: int = 0
        self.window: int = 0
        self.fate: str = "lost"
        """Until it arrives."""
        self.cause: str = _UNDER_WAY
        self.reason: str = ""
        """Why it was sent, as the sender's stack says."""
        self.src_state: str = ""
        self.dst_state: str = ""
        self.info: str = ""

    def copy(self) -> Passage:
        twin = Passage(self.sent_at, self.src, self.dst)
        for name in self.__slots__:
            setattr(twin, name, getattr(self, name))
        return twin

    @property
    def settled(self) -> bool:
        """Its fate is known: it has arrived, or it never will."""
        return self.cause != _UNDER_WAY

    def row(self, left: str) -> dict[str, object]:
        """As JSON shows it; ``states`` begins with that of the host ``left``."""
        states = [self.src_state, self.dst_state]
        return {
            "t_ns": self.sent_at,
            "src": self.src,
            "dst": self.dst,
            "flags": format_flags(self.flags),
            "seq": self.seq,
            "ack": self.ack,
            "len": self.length,
            "fate": self.fate,
            "states": states[::-1] if self.dst == left else states,
        }


class Record:
    """The passages of a network in the order in which they were sent; at most ``limit``, the rest is counted.

    A copy that the network made stands behind its original, with the same time of sending.
    """

    def __init__(self, limit: int = 100_000) -> None:
        self.passages: list[Passage] = []
        self.limit: int = limit
        self.missed: int = 0
        self._hosts: dict[str, SimHost] = {}
        self._ears: dict[str, Ear] = {}
        self._sent: dict[int, tuple[Packet, Passage]] = {}
        """By the identity of the packet, which is kept alive here."""
        self._heads: dict[int, tuple[object, Passage]] = {}
        """By the identity of the header, which copies share."""

    @property
    def segments(self) -> list[Passage]:
        """Those that are TCP."""
        return [passage for passage in self.passages if not passage.info]

    def clear(self) -> None:
        """Forget what was recorded; what is under way is still followed."""
        self.passages.clear()
        self._heads = {id(packet.head): (packet.head, passage) for packet, passage in self._sent.values()}

    # ------------------------------------------------------------------ what the network calls

    def add_host(self, host: SimHost, ear: Ear) -> None:
        self._hosts[host.name] = host
        self._ears[host.name] = ear

    def departure(self, src: str, dst: str) -> Fault:
        """The first thing on a cable: notes what enters it."""

        def note(packet: Packet, now: int, rng: Random) -> Verdict:
            self._depart(packet, now, src, dst)
            return PASS

        return note

    def follow(self, fault: Fault) -> Fault:
        """The same fault; what it replaces stays known."""

        def followed(packet: Packet, now: int, rng: Random) -> Verdict:
            verdict = fault(packet, now, rng)
            if type(verdict) is Replace:
                self._rename(packet, verdict.packet)
            return verdict

        return followed

    def arrival(self, src: str, dst: str) -> Callable[[int, str, Packet, str], None]:
        """The observer of a cable's end at ``src``."""

        def note(now: int, direction: str, packet: Packet, fate: str) -> None:
            if direction == "out":
                self._end(packet, now, fate)
            elif fate == "reply":
                self._reply(packet, now, src)

        return note

    def inject(self, packet: Packet, now: int, src: str, dst: str) -> None:
        """A packet that appears at ``dst`` without having been sent by a host."""
        passage = self._passage(packet, now, src, dst)
        if passage is not None:
            self._land(passage, now, "delivered")

    # ------------------------------------------------------------------ following packets

    def _depart(self, packet: Packet, now: int, src: str, dst: str) -> None:
        passage = self._passage(packet, now, src, dst)
        if passage is not None:
            said = self._ears[src].why(passage)
            if said is not None:
                passage.reason, passage.src_state = said.reason.value, said.state or passage.src_state
            self._sent[id(packet)] = (packet, passage)
            self._heads[id(packet.head)] = (packet.head, passage)

    def _rename(self, old: Packet, new: Packet) -> None:
        known = self._sent.pop(id(old), None)
        if known is not None:
            self._sent[id(new)] = (new, known[1])
        head = self._heads.get(id(old.head))
        if head is not None:
            self._heads[id(new.head)] = (new.head, head[1])

    def _end(self, packet: Packet, now: int, fate: str) -> None:
        known = self._sent.pop(id(packet), None)
        if known is not None:
            self._resolve(known[1], now, fate)
            return
        copied = self._heads.get(id(packet.head))
        if copied is not None and len(self.passages) < self.limit:
            twin = copied[1].copy()
            insort(self.passages, twin, key=lambda passage: passage.sent_at)
            self._resolve(twin, now, fate if fate != "delivered" else "duplicate")

    def _resolve(self, passage: Passage, now: int, fate: str) -> None:
        if fate in _ARRIVED:
            self._land(passage, now, fate)
        else:
            # What was damaged arrives, and is as good as lost: its checksum says so.
            passage.fate, passage.cause = "lost", fate

    def _reply(self, packet: Packet, now: int, dst: str) -> None:
        passage = self._passage(packet, now, "router", dst)
        if passage is not None:
            self._land(passage, now, "delivered")

    def _land(self, passage: Passage, now: int, fate: str) -> None:
        passage.fate, passage.cause = fate, ""
        passage.arrived_at = now
        passage.dst_state = self._state(passage.dst, passage.destination, passage.source)
        self._ears[passage.dst].pending.append(passage)

    def _passage(self, packet: Packet, now: int, src: str, dst: str) -> Passage | None:
        if len(self.passages) >= self.limit:
            self.missed += 1
            return None
        passage = Passage(now, src, dst)
        _describe(passage, packet)
        passage.src_state = self._state(src, passage.source, passage.destination)
        passage.dst_state = self._state(dst, passage.destination, passage.source)
        self.passages.append(passage)
        return passage

    def _state(self, name: str, local: Endpoint, remote: Endpoint) -> str:
        host = self._hosts.get(name)
        return state_of(host.stack, local, remote) if host is not None and remote[1] else ""


class _Said(NamedTuple):
    """A segment that a stack sent, why, and the state of the connection then (``""``: of none)."""

    segment: Segment
    reason: Reason
    state: str


class Ear(Observer):
    """Listens to the stack of one host, for the record and for whoever else listens."""

    def __init__(self, other: Observer | None) -> None:
        self.pending: deque[Passage] = deque(maxlen=_PENDING)
        """Arrived, and not yet seen by the stack."""
        self._taken: Passage | None = None
        self._said: deque[_Said] = deque(maxlen=_REMEMBERED)
        """What the stack has sent lately, and why."""
        self._other: Observer = other or Observer()

    def why(self, passage: Passage) -> _Said | None:
        """What the stack said about a segment, which may since have been cut into packets."""
        for said in reversed(self._said):
            segment = said.segment
            same = segment.source_port == passage.source[1] and segment.destination_port == passage.destination[1]
            offset = passage.seq - segment.seq & MASK32
            if same and (offset == 0 or offset < segment.length):
                return said
        return None

    def settle(self) -> None:
        """The host's turn is over: what changes now is not the doing of the last segment."""
        self._taken = None

    def state(self, now: int, connection: Connection, old: State, new: State, fact: Fact) -> None:
        taken = self._taken
        if fact in _USER:
            self._taken = None
        elif taken is not None and _endpoints(connection) == (taken.destination, taken.source):
            back = old is State.SYN_RECEIVED and new is State.CLOSED and connection.passive
            # RFC 9293 §3.10.7.4, second: a passive opening that is reset returns to LISTEN.
            taken.dst_state = State.LISTEN.value if back else new.value
        self._other.state(now, connection, old, new, fact)

    def time_wait_over(self, now: int, local: Endpoint, remote: Endpoint) -> None:
        self._other.time_wait_over(now, local, remote)

    def sent(self, now: int, connection: Connection | None, segment: Segment, reason: Reason) -> None:
        self._said.append(_Said(segment, reason, "" if connection is None else connection.state.value))
        self._other.sent(now, connection, segment, reason)

    def received(self, now: int, connection: Connection | None, segment: Segment) -> None:
        self._taken = None
        for passage in self.pending:
            if passage.seq == segment.seq & MASK32 and passage.source[1] == segment.source_port:
                self._taken = passage
                self.pending.remove(passage)
                break
        self._other.received(now, connection, segment)

    def dropped(self, now: int, what: object, reason: str) -> None:
        self._other.dropped(now, what, reason)

    def congestion(self, now: int, connection: Connection, event: str) -> None:
        self._other.congestion(now, connection, event)


def state_of(stack: Stack, local: Endpoint, remote: Endpoint) -> str:
    """The state of a four-tuple on a host, as RFC 9293 names it: a port that is listened on is in LISTEN."""
    key = make_key(local, remote)
    connection = stack.connections.get(key)
    if connection is not None:
        return connection.state.value
    if key in stack.time_wait:
        return "TIME-WAIT"
    return "CLOSED" if stack.find_listener(local) is None else "LISTEN"


def _endpoints(connection: Connection) -> tuple[Endpoint, Endpoint]:
    local = connection.local_address, connection.local_port
    return local, (connection.remote_address, connection.remote_port)


def _describe(passage: Passage, packet: Packet) -> None:
    """Fill in what the bytes say; they may be anything."""
    parsed = peek(packet)
    if parsed is None:
        passage.info = "no IP packet"
        return
    passage.source, passage.destination = (parsed.src, 0), (parsed.dst, 0)
    try:
        _describe_transport(passage, parsed)
    except ParseError as error:
        passage.info = error.reason


def _describe_transport(passage: Passage, parsed: Packet) -> None:
    if parsed.fragment is not None:
        passage.info = f"fragment at {parsed.fragment.offset}"
    elif parsed.protocol == PROTO_TCP:
        segment = tcp.parse(parsed)
        passage.source = (parsed.src, segment.source_port)
        passage.destination = (parsed.dst, segment.destination_port)
        passage.flags, passage.window = segment.flags, segment.window
        passage.seq, passage.ack, passage.length = segment.seq, segment.ack, segment.length
    elif parsed.protocol == PROTO_UDP:
        passage.info = "UDP"
    elif parsed.protocol in (PROTO_ICMP, PROTO_ICMPV6):
        kind: Any = icmp.parse(parsed).kind
        passage.info = f"ICMP {str(kind.name).lower().replace('_', ' ')}"
    else:
        passage.info = f"IP protocol {parsed.protocol}"


__all__ = ["Ear", "Passage", "Record", "state_of"]
