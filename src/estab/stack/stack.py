"""One host's TCP/IP endpoint as an object: packets and time go in, packets and deadlines come out, nothing waits."""

from __future__ import annotations

import errno
import random
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final

from estab.stack import datagrams, fast_open, snapshot
from estab.stack import input as arrival
from estab.stack.addresses import Addresses
from estab.stack.cookie_cache import CookieCache
from estab.stack.deadlines import Deadlines
from estab.stack.listener import Decision, Listener, Syn
from estab.stack.netstat import NetstatRow, netstat, split_key
from estab.stack.ports import Ports
from estab.stack.replies import Replies
from estab.stack.time_wait import TimeWaitTable
from estab.stack.udp import UdpPort
from estab.tcp.arrives import accept_syn, reset_for
from estab.tcp.config import MILLISECOND, MODERN, Config
from estab.tcp.connection import Connection, Host, make_key
from estab.tcp.ecn import AccurateEcn
from estab.tcp.isn import timestamp_offset
from estab.tcp.observer import Observer, Reason
from estab.tcp.output import emit
from estab.tcp.plan import plan
from estab.tcp.rules import RULES, Rules
from estab.tcp.settle import settle
from estab.tcp.states import CLOSED, LISTEN, SYN_RECEIVED, SYN_SENT, TIME_WAIT, Fact
from estab.tcp.timeouts import advance
from estab.tcp.timers import NEVER
from estab.wire import ip, tcp, udp
from estab.wire.address import Prefix, format_address, is_unspecified, parse_prefix
from estab.wire.address import parse_address as _parse_address
from estab.wire.fragments import Reassembler
from estab.wire.link import NO_OFFLOAD, Offload
from estab.wire.options import NO_OPTIONS, bsd_order
from estab.wire.packet import Checksum, Packet
from estab.wire.segmentation import divide, split
from estab.wire.sequence import unwrap
from estab.wire.tcp import Segment

Address = str | bytes
Endpoint = tuple[Address, int]
Watched = Connection | Listener | UdpPort

_SECRET_BYTES: Final = 16
"""RFC 6528 §3: about 128 bits."""
_BUDGET: Final = 16
"""Packets that one connection may send before the next has its turn; it ends with what was decided about at once."""
_SEVERAL: Final = 4
"""Packets that are decided about at once where a link takes 64 KiB and cuts them: deciding costs more than dividing."""
_WAKES: Final = 256
"""Deadlines handled in one call of ``advance``."""
_ISN_STEP: Final = 64_000
"""How far a new incarnation starts above the last number of the old one (RFC 9293 MAY-2)."""


class Stack:
    """Any number of connections on one link. See the verbs; none of them waits, and input never sends.

    ``rng`` is used once, here, for secrets. ``isn(key, now)`` and ``clock(now)`` (ticks of 1 ms) replace the keyed
    hash of RFC 6528 and the timestamp clock, for tests that enumerate. ``addresses``: see ``Addresses``.
    """

    def __init__(
        self,
        config: Config = MODERN,
        *,
        addresses: Iterable[str] = (),
        rng: random.Random,
        rules: Rules = RULES,
        observer: Observer | None = None,
        mtu: int = 1500,
        offload: Offload = NO_OFFLOAD,
        isn: Callable[[bytes, int], int] | None = None,
        clock: Callable[[int], int] | None = None,
    ) -> None:
        secret = rng.getrandbits(8 * _SECRET_BYTES).to_bytes(_SECRET_BYTES, "big")
        self.config: Config = config
        self.rules: Rules = rules
        self.observer: Observer | None = observer
        self.addresses: Addresses = Addresses(addresses)
        self.mtu: int = mtu
        self.offload: Offload = offload
        self.counters: defaultdict[str, int] = defaultdict(int)
        self.now: int = 0
        self.host: Host = self._host(
            isn or (lambda key, now: rules.isn(secret, key, now)),
            lambda key: timestamp_offset(secret, key),
            clock or (lambda now: now // MILLISECOND),
        )
        self._fit(offload)
        self.connections: dict[bytes, Connection] = {}
        self.cookies: CookieCache = CookieCache(config)
        self.cookie_secret: bytes = secret
        self.fast_opening: dict[bytes, Listener] = {}
        """Passive connections in use although their handshake goes on, and whose they are or were."""
        self.orphans: dict[bytes, None] = {}
        """Connections that the application has closed, in that order."""
        self.embryos: dict[bytes, Listener] = {}
        """Half-open and not yet accepted passive connections, and who will accept them."""
        self.listeners: dict[int, list[Listener]] = {}
        self.udp_ports: dict[int, list[UdpPort]] = {}
        self.time_wait: TimeWaitTable = TimeWaitTable(config.time_wait_entries)
        self.reopened: dict[bytes, bytes] = {}
        """Entries of TIME-WAIT whose four-tuples are in SYN-RECEIVED again: see ``forget``."""
        self.ports: Ports = Ports(config.port_first, config.port_last, secret)
        self.replies: Replies = Replies(config.replies_owed, config.icmp_rate)
        self.fragments: Reassembler = Reassembler(
            max_datagrams=config.fragment_datagrams, max_bytes=config.fragment_bytes
        )
        self.reassembling: bool = False
        """There may be fragments; saves asking on every turn."""
        self.identification: int = 0
        """Of the last datagram that was sent in fragments; atomic ones need none (RFC 6864 §4.1)."""
        self.path_mtus: dict[bytes, tuple[int, int]] = {}
        self.deadlines: Deadlines = Deadlines()
        self.busy: deque[Connection] = deque()
        self.outbox: list[Packet] = []
        self.looped: list[Packet] = []
        self.events: list[Watched] = []

    # ------------------------------------------------------------------ the verbs of whoever has the link

    def receive(self, packets: Sequence[Packet], now: int) -> None:
        """Hand packets in. Bad bytes are counted and dropped; then ask for events and ``transmit``."""
        self.now = now
        arrival.receive(self, packets, now)

    def advance(self, now: int) -> None:
        """Let time pass: call when ``next_deadline`` has come. Then ask for events and ``transmit``."""
        self.now = now
        for _ in range(_WAKES):
            c = self.deadlines.pop(now, self.connections)
            if c is None:
                break
            if c.timers.earliest() <= now:
                advance(c, now)
            else:
                self.deadlines.wake(c, c.timers.earliest())
        for _ in range(_WAKES):
            key = self.time_wait.pop_expired(now)
            if key is None:
                break
            if self.observer is not None:
                self.observer.time_wait_over(now, *split_key(key))
        if self.reassembling:
            self.count("IpReasmTimeout", self.fragments.expire(now))

    def transmit(self, now: int, room: int = 64) -> list[Packet]:
        """At most ``room`` packets for the link; what is given counts as sent. Full room: ask again."""
        self.now = now
        replies = self.replies.packets
        if not (self.busy or replies or self.outbox or self.looped):
            return []
        while len(self.outbox) < room and (self.busy or replies or self.looped):
            if self.looped:
                self._deliver_looped(now)
            elif replies:
                self._send(datagrams.take(replies) if self.offload.datagrams_out else replies.popleft())
            else:
                self._serve(self.busy.popleft(), now, room)
        packets = self.outbox
        if len(packets) > room:
            self.outbox = packets[room:]
            return packets[:room]
        self.outbox = []
        return packets

    def next_deadline(self) -> int | None:
        """When to call ``advance`` and ``transmit`` (ns); not after the last ``now`` when there is work at once.

        None: only a packet or a call can change anything."""
        if self.outbox or self.busy or self.looped or self.replies.packets:
            return self.now
        earliest = self.deadlines.earliest()
        if self.time_wait.queue:
            earliest = min(earliest, self.time_wait.next_deadline())
        if self.reassembling:
            fragments = self.fragments.next_deadline()
            self.reassembling = fragments is not None
            if fragments is not None:
                earliest = min(earliest, fragments)
        return None if earliest == NEVER else earliest

    def take_events(self) -> list[Watched]:
        """What the application should look at, each once; what it finds is computed when it looks."""
        watched = self.events
        if not watched:
            return []
        self.events = []
        for each in watched:
            each.evented = False
        return watched

    def set_link(self, mtu: int, offload: Offload) -> None:
        """The link has changed. Connections follow; the only call that walks them all."""
        self.offload = offload
        other = self._fit(offload)
        if mtu == self.mtu and not other:
            return
        self.mtu = mtu
        for c in self.connections.values():
            if c.path.on_link(mtu) or other:
                c.resize()
                self._on_busy(c)

    def _fit(self, offload: Offload) -> bool:
        """How much connections decide about at once; True: that has changed."""
        host = self.host
        before = host.longest, host.several
        host.longest = offload.longest
        host.several = _SEVERAL if offload.segment_out and offload.longest <= 0xFFFF else 1
        return before != (host.longest, host.several)

    # ------------------------------------------------------------------ the calls of the user

    def open(
        self,
        remote: Endpoint,
        now: int,
        *,
        local: Endpoint | None = None,
        config: Config | None = None,
        data: bytes | None = None,
    ) -> Connection:
        """Active open (RFC 9293 §3.9.1.1): the SYN goes out with the next ``transmit``.

        data: open with TCP Fast Open (RFC 7413). With a cookie of that server the SYN carries the beginning of it;
        without, it asks for one, and all is sent after the handshake. The server may see it twice: for requests that
        can be repeated. What the send buffer does not take is ``OSError(EMSGSIZE)``.

        Raises ``ValueError`` for what is no address or port; ``OSError``: ``ENETUNREACH`` no source address of the
        family, ``EADDRNOTAVAIL`` a local address that is not ours or no free port, ``EADDRINUSE`` the four-tuple is
        taken, ``ENOBUFS`` too many connections."""
        destination = _endpoint(remote)
        if self.addresses.is_group(destination[0]):
            raise OSError(errno.ENETUNREACH, f"{format_address(destination[0])} is not one host's address")
        source = self._source(destination, local)
        key = make_key(source, destination)
        if key in self.connections or key in self.time_wait:
            raise OSError(errno.EADDRINUSE, "the connection exists already, or waits in TIME-WAIT")
        c = self._create(key, source, destination, now, config)
        c.state = CLOSED
        if data is not None:
            if len(data) > c.send_limit:
                self.forget(c)
                raise OSError(errno.EMSGSIZE, "more than the send buffer holds")
            fast_open.prepare(self, c, now)
        self.count("ActiveOpens")
        c.fact(Fact.ACTIVE_OPEN, now)
        if data:
            c.send(data, now)
        settle(c, now)
        self._on_busy(c)
        return c

    def has_cookie(self, remote: Endpoint, now: int, *, local: Endpoint | None = None) -> bool:
        """Whether the SYN of ``open`` with data would carry it. Raises what ``open`` raises for its arguments."""
        destination = _endpoint(remote)
        source = self._source_address(destination[0], (b"", 0) if local is None else _endpoint(local, allow_zero=True))
        known = self.cookies.find(source, destination[0], now) is not None
        return known and not self.cookies.fails(source, destination, now)

    def listen(
        self,
        port: int,
        *,
        address: str | None = None,
        family: int | None = None,
        backlog: int = 128,
        decide: Callable[[Syn], Decision] | None = None,
        config: Config | None = None,
    ) -> Listener:
        """Passive open on an address, a prefix (``"10.0.0.0/8"``) or everything; port 0: any free one.

        ``decide`` is asked about every SYN. Raises ``OSError``: ``EADDRINUSE``, ``EADDRNOTAVAIL``; ``ValueError``."""
        if not 0 <= port < 65536:
            raise ValueError(f"port {port} is not in 0 to 65535")
        place = _place(address)
        if place is not None and place.length == 8 * len(place.address) and not self.addresses.accepts(place.address):
            raise OSError(errno.EADDRNOTAVAIL, f"{address} is not an address of this host")
        if port == 0:
            port = self.ports.pick(b"", lambda candidate: candidate not in self.listeners)
        listener = Listener(port, place, family, backlog, decide, config or self.config)
        if any(listener.overlaps(other) for other in self.listeners.get(port, ())):
            raise OSError(errno.EADDRINUSE, f"port {port} is already listened on")
        self.add_listener(listener)
        return listener

    def accept(self, listener: Listener) -> Connection | None:
        """The connection that has waited longest, or None."""
        if not listener.queue:
            return None
        c = listener.queue.popleft()
        self.embryos.pop(c.key, None)
        self.note(c)
        return c

    def stop_listening(self, listener: Listener, now: int) -> None:
        """No more connections; those that nobody accepted are reset (RFC 9293 §3.10.4 for LISTEN)."""
        if listener.closed:
            return
        listener.closed = True
        self.listeners[listener.port].remove(listener)
        if not self.listeners[listener.port]:
            del self.listeners[listener.port]
        for c in (*listener.half_open.values(), *listener.queue):
            self.embryos.pop(c.key, None)
            if c.opening and not listener.config.half_open_resets:
                self.drop_embryo(c, now)
            else:
                c.abort(now)
        listener.half_open.clear()
        listener.queue.clear()

    def udp(self, port: int = 0, *, address: str | None = None) -> UdpPort:
        """Bind a UDP port; 0: any free one. Raises ``OSError``: ``EADDRINUSE``, ``EADDRNOTAVAIL``; ``ValueError``."""
        if not 0 <= port < 65536:
            raise ValueError(f"port {port} is not in 0 to 65535")
        packed = None if address is None else _parse_address(address)
        if packed is not None and not self.addresses.accepts(packed):
            raise OSError(errno.EADDRNOTAVAIL, f"{address} is not an address of this host")
        if port == 0:
            port = self.ports.pick(b"udp", lambda candidate: candidate not in self.udp_ports)
        if any(other.address == packed for other in self.udp_ports.get(port, ())):
            raise OSError(errno.EADDRINUSE, f"port {port} is already bound")
        return self.bind_udp(packed, port)

    def snapshot(self, now: int) -> Hashable:
        """Everything that any decision of this stack reads, as a value: see ``stack/snapshot.py``."""
        return snapshot.take(self, now)

    def netstat(self) -> list[NetstatRow]:
        """Every socket, one row each; see ``NetstatRow``."""
        return netstat(self)

    # ------------------------------------------------------------------ for the rest of this room

    def count(self, name: str, by: int = 1) -> None:
        self.counters[name] += by

    def drop(self, now: int, what: object, reason: str) -> None:
        """Count why something was dropped, under the reason's own name."""
        self.count(reason)
        if self.observer is not None:
            self.observer.dropped(now, what, reason)

    def note(self, watched: Watched) -> None:
        """Queue "look at this", once."""
        if not watched.evented:
            watched.evented = True
            self.events.append(watched)

    def add_listener(self, listener: Listener) -> None:
        """The most specific comes first, and is asked first."""
        others = self.listeners.setdefault(listener.port, [])
        others.append(listener)
        others.sort(key=lambda each: -each.specificity)

    def find_listener(self, local: tuple[bytes, int]) -> Listener | None:
        for listener in self.listeners.get(local[1], ()):
            if listener.matches(local[0]):
                return listener
        return None

    def find_udp(self, address: bytes, port: int) -> UdpPort | None:
        bound = self.udp_ports.get(port, ())
        for wanted in (address, None):
            for each in bound:
                if each.address == wanted:
                    return each
        return None

    def bind_udp(self, address: bytes | None, port: int) -> UdpPort:
        bound = UdpPort(address, port, self.config.udp_queue, self._send_datagram, self._close_udp)
        self.udp_ports.setdefault(port, []).append(bound)
        return bound

    def accept_syn(  # noqa: PLR0917
        self,
        listener: Listener,
        key: bytes,
        local: tuple[bytes, int],
        remote: tuple[bytes, int],
        segment: Segment,
        now: int,
    ) -> None:
        """A SYN for a listener: the hook decides, limits hold, then LISTEN → SYN-RECEIVED."""
        decision = Decision.ACCEPT
        if listener.decide is not None:
            decision = listener.decide(Syn(local, remote, segment.options))
        if decision is Decision.REFUSE:
            self.reply_segment(reset_for(segment), local, remote, Reason.RESET, now)
            return
        full = listener.full and not listener.config.full_queue_resets
        if decision is Decision.DROP or full or len(self.connections) >= self.config.connections:
            self.drop(now, segment, "ListenDrops" if decision is Decision.DROP else "ListenOverflows")
            return
        if len(listener.half_open) >= listener.config.backlog_half_open:
            self._evict_oldest(listener, now)
        previous = self.time_wait.get(key)
        if previous is not None:
            self.reopened[key] = previous.pack()
        self.time_wait.remove(key)
        c = self._create(key, local, remote, now, listener.config, previous.snd_nxt if previous else None)
        listener.half_open[key] = c
        self.embryos[key] = listener
        self.count("PassiveOpens")
        fast_open.consider(self, listener, c, segment, now)
        accept_syn(c, segment, now)

    def drop_embryo(self, c: Connection, now: int) -> None:
        """A half-open connection is gone without a word; what comes for it meets nobody."""
        c.die(None, Fact.RESET, now)
        self.forget(c)

    def reply_segment(
        self, segment: Segment, local: tuple[bytes, int], remote: tuple[bytes, int], reason: Reason, now: int
    ) -> None:
        """Owe a segment that belongs to no connection object."""
        segment.source_port = local[1]
        segment.destination_port = remote[1]
        if reason is Reason.RESET and not self.config.reset_timestamps:
            segment.options = NO_OPTIONS
        packet = tcp.build(segment, local[0], remote[0], ttl=self.config.ttl, partial=self.offload.checksum_out)
        if not self.reply(packet, now):
            return
        if reason is Reason.RESET:
            self.count("OutRsts")
        self.count("OutSegs")
        if self.observer is not None:
            self.observer.sent(now, None, segment, reason)

    def reply(self, packet: Packet, now: int) -> bool:
        if self.replies.add(packet):
            return True
        self.drop(now, packet, "RepliesDropped")
        return False

    def remember_path_mtu(self, remote: bytes, mtu: int, now: int) -> None:
        """What one connection learned holds for the next one to the same host (RFC 8201 §5.2)."""
        self.path_mtus.pop(remote, None)
        while len(self.path_mtus) >= self.config.path_mtu_entries:
            del self.path_mtus[next(iter(self.path_mtus))]
        self.path_mtus[remote] = (mtu, now)

    def forget(self, c: Connection) -> None:
        """The connection is no longer the stack's; the application may still read from it."""
        c.wake_serial = 0
        c.wake_at = NEVER
        if self.connections.get(c.key) is not c:
            return
        del self.connections[c.key]
        self.orphans.pop(c.key, None)
        self.deadlines.tidy(self.connections)
        if len(self.busy) > 2 * len(self.connections) + _BUDGET:
            # A link that takes nothing: the dead must not wait for their turn with the living.
            self.busy = deque(each for each in self.busy if self.connections.get(each.key) is each)
        previous = self.reopened.pop(c.key, None)
        if previous is not None and c.snd_una == c.iss:
            # The SYN that had ended TIME-WAIT was an old one after all (RFC 9293 §3.6.1).
            self.time_wait.add(c.key, previous)
        listener = self.embryos.pop(c.key, None)
        if listener is not None:
            listener.half_open.pop(c.key, None)
            if c in listener.queue:
                listener.queue.remove(c)

    # ------------------------------------------------------------------ opening

    def _create(  # noqa: PLR0917
        self,
        key: bytes,
        local: tuple[bytes, int],
        remote: tuple[bytes, int],
        now: int,
        config: Config | None,
        floor: int | None = None,
    ) -> Connection:
        if len(self.connections) >= self.config.connections:
            raise OSError(errno.ENOBUFS, "too many connections")
        iss = self.host.isn(key, now)
        if floor is not None and unwrap(iss, floor) <= floor:
            iss = (floor + _ISN_STEP) & 0xFFFFFFFF
        local = self.addresses.own.get(local[0], local[0]), local[1]
        c = Connection(self.host, key, local, remote, self.mtu, self._path_mtu(remote[0], now), iss, config)
        self.connections[key] = c
        return c

    def _path_mtu(self, remote: bytes, now: int) -> int:
        known = self.path_mtus.get(remote)
        if known is None or now - known[1] > self.config.path_mtu_lifetime:
            return self.mtu
        return known[0]

    def _source(self, destination: tuple[bytes, int], local: Endpoint | None) -> tuple[bytes, int]:
        wanted = (b"", 0) if local is None else _endpoint(local, allow_zero=True)
        address, port = self._source_address(destination[0], wanted), wanted[1]
        if port:
            return address, port

        def free(candidate: int) -> bool:
            key = make_key((address, candidate), destination)
            return key not in self.connections and key not in self.time_wait and candidate not in self.listeners

        return address, self.ports.pick(address + destination[0] + destination[1].to_bytes(2, "big"), free)

    def _source_address(self, destination: bytes, wanted: tuple[bytes, int]) -> bytes:
        address = wanted[0]
        if not address or is_unspecified(address):
            return self.addresses.source_for(destination)
        if not self.addresses.accepts(address) or len(address) != len(destination):
            raise OSError(errno.EADDRNOTAVAIL, f"{format_address(address)} cannot be spoken from")
        return address

    def _evict_oldest(self, listener: Listener, now: int) -> None:
        self.count("TCPReqQFullDrop")
        self.drop_embryo(next(iter(listener.half_open.values())), now)

    # ------------------------------------------------------------------ what connections call back

    def _host(
        self, isn: Callable[[bytes, int], int], offset: Callable[[bytes], int], clock: Callable[[int], int]
    ) -> Host:
        doors = self._on_busy, self._on_event, self._on_orphan
        return Host(self.config, self.rules, isn, offset, clock, self.counters, *doors, self.observer)

    def _on_busy(self, c: Connection) -> None:
        if not c.busy:
            c.busy = True
            self.busy.append(c)

    def _on_orphan(self, c: Connection, now: int) -> None:
        if c.state is CLOSED:
            return
        self.orphans[c.key] = None
        if len(self.orphans) > self.config.orphans:
            oldest = next(iter(self.orphans))
            del self.orphans[oldest]
            self.count("TCPAbortOnMemory")
            self.connections[oldest].abort(now)

    def _on_event(self, c: Connection) -> None:
        state = c.state
        usable = not (state is SYN_SENT or state is SYN_RECEIVED or state is LISTEN)
        if c.fast_open is not None:
            if usable:
                fast_open.conclude(self, c, self.now)
            usable = usable or c.fast_opened
        listener = self.embryos.get(c.key)
        if listener is None:
            self.note(c)
        elif c.key in listener.half_open and usable:
            del listener.half_open[c.key]
            if c.state is CLOSED:
                del self.embryos[c.key]
            else:
                if c.state is not SYN_RECEIVED:
                    self.reopened.pop(c.key, None)
                listener.queue.append(c)
                self.note(listener)

    # ------------------------------------------------------------------ sending

    def _serve(self, c: Connection, now: int, room: int) -> None:
        """Let one connection send what it has, within its share; then note when to look at it again."""
        if self.connections.get(c.key) is not c:
            c.busy = False
            return
        enough = min(len(self.outbox) + _BUDGET, room)
        for _ in range(_BUDGET):
            decision = plan(c, now)
            if isinstance(decision, int):
                c.busy = False
                self._rest(c, decision, now)
                return
            self._emit(c, emit(c, decision, now))
            if len(self.outbox) >= enough:
                break
        self.busy.append(c)

    def _emit(self, c: Connection, segment: Segment) -> None:
        self.counters["OutSegs"] += segment.segments
        # Whoever cuts for us leaves CWR on the first piece alone; as part of a number it belongs on all.
        counting = bool(segment.flags & tcp.CWR) and isinstance(c.ecn, AccurateEcn)
        if segment.segments == 1 or counting or not self.offload.segment_out:
            self._build(c, segment, segment.segments > 1, counting)
            return
        most = c.payload_in(self.offload.longest)
        for piece in divide(segment, most) if segment.length > most else (segment,):
            self._build(c, piece, False, False)

    def _build(self, c: Connection, segment: Segment, cut: bool, counting: bool) -> None:
        offload = self.offload
        packet = tcp.build(
            segment,
            c.local_address,
            c.remote_address,
            ttl=c.config.ttl,
            dscp=c.dscp,
            ecn=segment.ecn,
            partial=cut or offload.checksum_out,
            order=bsd_order(segment.options) if c.config.bsd_options else None,
        )
        if cut:
            for piece in split(packet, cwr_once=not counting):
                self._send(piece)
        else:
            self._send(packet)

    def _rest(self, c: Connection, until: int, now: int) -> None:
        if c.state is CLOSED:
            self.forget(c)
        elif c.state is TIME_WAIT:
            # A segment may have come for it meanwhile, and have made it an entry.
            if self.connections.get(c.key) is c:
                arrival.retire_connection(self, c, now)
        else:
            self.deadlines.wake(c, until)

    def _send(self, packet: Packet) -> None:
        if packet.dst in self.addresses.own:
            self.looped.append(packet)
        else:
            self.outbox.append(packet)

    def _deliver_looped(self, now: int) -> None:
        """What we send to ourselves does not need the link; it is received like anything else."""
        packets = self.looped
        self.looped = []
        for packet in packets:
            packet.checksum = Checksum.VERIFIED
        arrival.receive(self, packets, now, looped=True)

    # ------------------------------------------------------------------ UDP

    def _send_datagram(self, port: UdpPort, data: bytes, remote: tuple[bytes, int], now: int) -> None:
        source = port.address or self.addresses.source_for(remote[0])
        ends = (source, remote[0], port.port, remote[1])
        if len(data) + udp.UDP_HEADER + (ip.IPV4_HEADER if len(source) == 4 else ip.IPV6_HEADER) <= self.mtu:
            pieces = [udp.build(*ends, data, ttl=self.config.ttl, partial=self.offload.checksum_out)]
        else:
            packet = udp.build(*ends, data, ttl=self.config.ttl)
            self.count("IpFragCreates")
            self.identification += 1
            pieces = ip.fragment_packet(packet, self.mtu, self.identification)
        if len(self.replies.packets) + len(pieces) > self.replies.limit:
            raise OSError(errno.ENOBUFS, "too many datagrams wait for the link")
        for piece in pieces:
            self.replies.add(piece)
        self.now = now
        self.count("UdpOutDatagrams")

    def _close_udp(self, port: UdpPort) -> None:
        self.udp_ports[port.port].remove(port)
        if not self.udp_ports[port.port]:
            del self.udp_ports[port.port]


def _endpoint(endpoint: Endpoint, allow_zero: bool = False) -> tuple[bytes, int]:
    address, port = endpoint
    if not (0 if allow_zero else 1) <= port < 65536:
        raise ValueError(f"port {port} is not in 1 to 65535")
    return (_parse_address(address) if isinstance(address, str) else address), port


def _place(address: str | None) -> Prefix | None:
    if address is None:
        return None
    place = parse_prefix(address)
    return None if place.length == 0 and is_unspecified(place.address) and len(place.address) == 4 else place
