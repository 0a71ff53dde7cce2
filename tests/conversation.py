"""A conversation with one stack: the test plays the peer, segment by segment, on a clock that it moves itself.

Numbers in a test are relative, as in a trace: ``seq=1`` of the stack is ISS+1, ``ack=1`` acknowledges its SYN, and
the peer's numbers begin at its own ISN. Every conversation runs in several modes (see ``MODES``): as it is, with the
stack replaced by ``restore(snapshot())`` before every event, and with ISNs just under 2^31 and 2^32.

    def test_three_way_handshake(talk):
        t = talk()
        t.listen(80)
        t.inject(SYN, seq=0, mss=1460)
        t.expect(SYN | ACK, seq=0, ack=1)
        t.inject(ACK, seq=1, ack=1)
        t.expect_nothing()
        assert t.state == "ESTABLISHED"

``expect`` takes the next segment that the stack sends; ``expect_nothing`` asserts that there is none. A failed
assertion shows the whole conversation.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from estab.stack import snapshot
from estab.stack.listener import Listener
from estab.stack.stack import Stack
from estab.tcp.config import MILLISECOND, MODERN, SECOND, Config
from estab.tcp.connection import Connection, make_key
from estab.tcp.observer import Observer, Reason
from estab.tcp.rules import RULES, Rules
from estab.wire import icmp, ip, tcp
from estab.wire.address import parse_address
from estab.wire.link import NO_OFFLOAD, Offload
from estab.wire.options import Options
from estab.wire.packet import ECN_CE, PROTO_TCP, Packet
from estab.wire.tcp import ACK, FIN, PSH, RST, SYN, URG, Segment, format_flags

__all__ = ["ACK", "FIN", "MILLISECOND", "MODES", "PSH", "RST", "SECOND", "SYN", "URG", "Conversation", "Mode"]


@dataclass(frozen=True)
class Mode:
    """One way to run a conversation; all give the same segments."""

    name: str
    iss: int = 1000
    """Ours; each further connection begins 1,000,000 higher."""
    irs: int = 5000
    """The peer's."""
    restored: bool = False


MODES = (
    Mode("plain"),
    Mode("restored", restored=True),
    Mode("shifted-31", iss=2**31 - 2, irs=2**31 - 3),
    Mode("shifted-32", iss=2**32 - 2, irs=2**32 - 3),
)


class _Transcript(Observer):
    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation

    def state(self, now: int, connection: Connection, old: Any, new: Any, fact: Any) -> None:
        self.conversation.log(f"    state {old.value} -> {new.value} ({fact.value})")

    def sent(self, now: int, connection: Connection | None, segment: Segment, reason: Reason) -> None:
        self.conversation.reasons.append(reason)

    def dropped(self, now: int, what: object, reason: str) -> None:
        self.conversation.log(f"    dropped: {reason}")


class Conversation:
    """One stack and the peer that the test is. ``c`` is the connection under test."""

    OURS = ("10.0.0.1", "fd00::1")
    PEER = ("10.0.0.2", "fd00::2")
    PORT = 40000
    """The peer's port, and ours when the stack opens."""

    def __init__(
        self,
        mode: Mode = MODES[0],
        config: Config = MODERN,
        *,
        v6: bool = False,
        rules: Rules = RULES,
        mtu: int = 1500,
        offload: Offload = NO_OFFLOAD,
    ) -> None:
        self.mode = mode
        self.config = config
        self.rules = rules
        self.mtu = mtu
        self.offload = offload
        self.now = 10 * SECOND
        self.ours = parse_address(self.OURS[v6])
        self.peer = parse_address(self.PEER[v6])
        self.transcript: list[str] = []
        self.reasons: list[Reason] = []
        self.opened = 0
        self.sent: list[Segment] = []
        self.ports = (80, self.PORT)
        self.stack = self._fresh()
        self.c: Connection = None  # type: ignore[assignment]
        self.peer_stamp = 1_000_000
        """The peer's timestamp clock: what ``inject(ts=True)`` sends."""

    # ------------------------------------------------------------------ the user's side

    def listen(self, port: int = 80, **options: Any) -> Listener:
        self._before()
        self.ports = (port, self.PORT)
        return self.stack.listen(port, **options)

    def open(self, port: int = 80, **options: Any) -> Connection:
        """Active open from ``PORT`` to ``port``; the SYN is then to be expected."""
        self._before()
        self.ports = (self.PORT, port)
        self.c = self.stack.open((self.peer, port), self.now, local=(self.ours, self.PORT), **options)
        return self.c

    def accept(self, port: int = 80) -> Connection:
        """The connection that waits in the accept queue."""
        self._before()
        c = self.stack.accept(self.stack.listeners[port][0])
        assert c is not None, self._failure("nothing to accept")
        self.c = c
        return c

    def established(self, *, active: bool = False, accept: bool = True, **syn: Any) -> Conversation:
        """Handshake done: next from us is seq 1, next from the peer is seq 1. ``syn``: options of the peer's SYN."""
        if active:
            self.open()
            self.expect(SYN, seq=0)
            self.inject(SYN | ACK, seq=0, ack=1, **{"mss": 1460, **syn})
            self.expect(ACK, seq=1, ack=1)
            return self
        self.listen()
        self.inject(SYN, seq=0, **{"mss": 1460, **syn})
        self.expect(SYN | ACK, seq=0, ack=1)
        self.inject(ACK, seq=1, ack=1, **({"ts": True} if "ts" in syn else {}))
        if accept:
            self.accept()
        return self

    def call(self, name: str, *arguments: Any, **keywords: Any) -> Any:
        """A call of the connection that takes ``now`` last: ``t.call("send", b"data")``."""
        self._before()
        self.log(f"    call {name}{arguments if arguments else '()'}")
        return getattr(self.c, name)(*arguments, now=self.now, **keywords)

    def send(self, data: bytes, **keywords: Any) -> int:
        return self.call("send", data, **keywords)

    def receive(self, limit: int = 1 << 20, **keywords: Any) -> bytes:
        return self.call("receive", limit, **keywords)

    @property
    def state(self) -> str:
        """The state of the four-tuple under test, TIME-WAIT entries included."""
        key = self.key
        if key in self.stack.time_wait:
            return "TIME-WAIT"
        c = self.stack.connections.get(key)
        return "CLOSED" if c is None else c.state.value

    @property
    def key(self) -> bytes:
        return make_key((self.ours, self.ports[0]), (self.peer, self.ports[1]))

    # ------------------------------------------------------------------ the peer's side

    def inject(self, flags: int, **fields: Any) -> None:
        """A segment from the peer; ``segment_bytes`` says what can be given."""
        self.inject_batch([self.segment_bytes(flags, **fields)])

    def segment_bytes(
        self,
        flags: int,
        *,
        seq: int = 0,
        ack: int = 0,
        data: bytes = b"",
        win: int = 65535,
        urgent: int = 0,
        ts: bool | tuple[int, int] = False,
        sack: tuple[tuple[int, int], ...] = (),
        options: Options | None = None,
        ports: tuple[int, int] | None = None,
        ecn: int = 0,
        **named: Any,
    ) -> bytes:
        """The packet that ``inject`` hands in; it is told in the transcript.

        ``seq`` counts from the peer's ISN, ``ack`` and ``sack`` from ours; ``named`` are fields of ``Options`` (mss,
        window_scale, sack_permitted …). ``ecn``: the codepoint in the IP header."""
        if ts is True:
            ts = (self.peer_stamp + self.now // MILLISECOND, self._last_stamp())
        blocks = tuple(((self.iss + a) & 0xFFFFFFFF, (self.iss + b) & 0xFFFFFFFF) for a, b in sack)
        chosen = options or Options(timestamps=ts or None, sack=blocks, **named)
        segment = Segment(self.irs + seq, self.iss + ack if flags & ACK else 0, flags, win, (data,) if data else ())
        segment.options = chosen
        segment.urgent = urgent
        ours, theirs = ports or self.ports
        segment.source_port, segment.destination_port = theirs, ours
        self.log(f"{self.now / SECOND:12.6f}  < {self._show(segment, seq, ack)}{' CE' if ecn == ECN_CE else ''}")
        return tcp.build(segment, self.peer, self.ours, ecn=ecn).tobytes()

    def inject_batch(self, packets: Sequence[bytes]) -> None:
        """Packets that the link hands in at once."""
        self._before()
        self.stack.receive([Packet(data) for data in packets], self.now)
        self._collect()

    def inject_bytes(self, data: bytes) -> None:
        """Any bytes, as a packet from the link."""
        self.inject_batch([data])

    def inject_icmp(self, kind: icmp.IcmpKind, code: int, *, seq: int, mtu: int = 0, router: str | None = None) -> None:
        """An ICMP error that quotes our segment with ``seq``."""
        self._before()
        ours, theirs = self.ports
        quoted = Segment(self.iss + seq, 0, ACK, 0, (), source_port=ours, destination_port=theirs)
        packet = tcp.build(quoted, self.ours, self.peer)
        source = parse_address(router) if router else self.peer
        self.log(f"{self.now / SECOND:12.6f}  < ICMP {kind.name} code {code} quoting {seq}")
        self.inject_bytes(icmp.build_error(kind, code, mtu, packet, source, self.ours).tobytes())

    # ------------------------------------------------------------------ what the stack does

    def after(self, nanoseconds: int) -> Conversation:
        """Let time pass, deadline by deadline; what is sent meanwhile waits to be expected."""
        self._before()
        self._collect()
        end = self.now + nanoseconds
        for _ in range(100_000):
            deadline = self.stack.next_deadline()
            if deadline is None or deadline > end:
                break
            self.now = max(self.now, deadline)
            self.stack.advance(self.now)
            self._collect()
            self._before()
            self._collect()  # a restored stack looks at each of its connections once
        else:
            raise AssertionError(self._failure("the stack never rests"))
        self.now = end
        return self

    def expect(
        self,
        flags: int | None = None,
        *,
        seq: int | None = None,
        ack: int | None = None,
        len: int | None = None,
        data: bytes | None = None,
        win: int | None = None,
        urgent: int | None = None,
        sack: tuple[tuple[int, int], ...] | None = None,
        reason: Reason | None = None,
    ) -> Segment:
        """The next segment from the stack, PSH aside exactly as told; its numbers are made relative."""
        self._collect()
        if not self.sent:
            raise AssertionError(self._failure("expected a segment, the stack sent nothing"))
        segment = self.sent.pop(0)
        why = self.reasons.pop(0)
        seen = {
            "flags": segment.flags & ~PSH,
            "seq": segment.seq,
            "ack": segment.ack if segment.flags & ACK else None,
            "len": segment.length,
            "data": b"".join(segment.payload),
            "win": segment.window,
            "urgent": segment.urgent,
            "sack": segment.options.sack,
            "reason": why,
        }
        wanted = {"flags": None if flags is None else flags & ~PSH, "seq": seq, "ack": ack, "len": len, "data": data}
        wanted |= {"win": win, "urgent": urgent, "sack": sack, "reason": reason}
        for name, value in wanted.items():
            if value is not None and value != seen[name]:
                show = (format_flags(value), format_flags(seen[name])) if name == "flags" else (value, seen[name])
                raise AssertionError(self._failure(f"{name}: expected {show[0]!r}, saw {show[1]!r}"))
        return segment

    def expect_nothing(self) -> Conversation:
        self._collect()
        if self.sent:
            raise AssertionError(self._failure(f"expected nothing, saw {self.sent[0]!r}"))
        return self

    def drain(self) -> list[Segment]:
        """Everything sent and not yet expected, relative numbers."""
        self._collect()
        segments, self.sent = self.sent, []
        self.reasons.clear()
        return segments

    # ------------------------------------------------------------------ inside

    @property
    def iss(self) -> int:
        return self.mode.iss + max(self.opened - 1, 0) * 1_000_000

    @property
    def irs(self) -> int:
        return self.mode.irs

    def log(self, line: str) -> None:
        self.transcript.append(line)

    def _fresh(self) -> Stack:
        def isn(key: bytes, now: int) -> int:
            self.opened += 1
            return self.iss & 0xFFFFFFFF

        return Stack(
            self.config,
            addresses=["10.0.0.1/24", "fd00::1/64"],
            rng=random.Random(1),
            rules=self.rules,
            observer=_Transcript(self),
            mtu=self.mtu,
            offload=self.offload,
            isn=isn,
        )

    def _before(self) -> None:
        """Replace the stack by what its snapshot says, if this is that kind of conversation."""
        if not self.mode.restored:
            return
        old = self.stack
        value = snapshot.take(old, self.now)
        fresh = self._fresh()
        fresh.counters.update(old.counters)
        for each in (listener for listeners in old.listeners.values() for listener in listeners):
            again = Listener(each.port, each.place, each.family, each.backlog, each.decide, each.config)
            fresh.listeners.setdefault(each.port, []).append(again)
        snapshot.restore(fresh, value, self.now, snapshot.origins(old))
        taken = snapshot.take(fresh, self.now)
        assert taken == value, self._failure(f"snapshot of the restored differs:\n{value}\n{taken}")
        self.stack = fresh
        if self.c is not None:
            self.c = fresh.connections.get(self.c.key, self.c)

    def _collect(self) -> None:
        while packets := self.stack.transmit(self.now, 64):
            for packet in packets:
                again = Packet(packet.tobytes(), (), packet.checksum, packet.segment_size, packet.segments)
                ip.parse(again)
                if again.protocol != PROTO_TCP:
                    continue
                segment = tcp.parse(again)
                segment.seq = (segment.seq - self.iss + 2**31 & 0xFFFFFFFF) - 2**31
                segment.ack = (segment.ack - self.irs + 2**31 & 0xFFFFFFFF) - 2**31
                blocks = tuple(
                    ((a - self.irs) & 0xFFFFFFFF, (b - self.irs) & 0xFFFFFFFF) for a, b in segment.options.sack
                )
                segment.options = segment.options._replace(sack=blocks)
                self.sent.append(segment)
                self.log(f"{self.now / SECOND:12.6f}  > {segment!r}")
        while len(self.reasons) < len(self.sent):
            self.reasons.insert(0, Reason.ACK)

    def _last_stamp(self) -> int:
        c = self.stack.connections.get(self.key)
        return 0 if c is None else c.timestamp(self.now) & 0xFFFFFFFF

    def _show(self, segment: Segment, seq: int, ack: int) -> str:
        shown = Segment(seq, ack, segment.flags, segment.window, segment.payload, segment.options, segment.urgent)
        return repr(shown)

    def _failure(self, what: str) -> str:
        return f"{what} (mode {self.mode.name})\n" + "\n".join(self.transcript)
