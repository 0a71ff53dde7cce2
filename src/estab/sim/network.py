"""The network: hosts, cables, and the one clock that jumps from event to event."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any, BinaryIO, Final

from estab.faults.delay import Delay
from estab.faults.duplication import duplication
from estab.faults.link import FaultyLink
from estab.faults.loss import loss as losing
from estab.faults.path import MOST_HELD, Path
from estab.faults.rate import RateLimit
from estab.faults.reordering import reordering
from estab.faults.tandem import Tandem
from estab.faults.verdict import Fault
from estab.faults.waiting import NEVER
from estab.links.memory import memory_pair
from estab.links.pcapng import PcapngWriter
from estab.sim.host import SimHost
from estab.sim.record import Ear, Record
from estab.sim.streams import stream
from estab.stack.stack import Stack
from estab.tcp.config import MODERN, Config
from estab.tcp.observer import Observer
from estab.tcp.rules import RULES, Rules
from estab.wire.form import mypyc_attr
from estab.wire.link import FULL_OFFLOAD, NO_OFFLOAD
from estab.wire.packet import Packet

_TURNS_PER_INSTANT: Final = 1_000_000
"""Turns without time passing, after which something is taken to run in a circle."""


class Clock:
    """Virtual time in nanoseconds."""

    __slots__ = ("now",)

    def __init__(self, now: int = 0) -> None:
        self.now: int = now


@mypyc_attr(allow_interpreted_subclasses=True)
class Network:
    """Hosts on a virtual network. Nothing happens between two events, so a second of quiet costs nothing.

    Same seed and same calls: same bytes, whatever else runs. Use the stacks of the hosts directly, with
    ``network.clock.now`` for the time, then let the network ``run``.
    """

    def __init__(self, seed: int = 0, *, start: int = 0, recording: bool = True) -> None:
        """start: the time (ns) at which the clock begins. recording: keep what is on the wire in ``record``, which
        takes longer than carrying it."""
        self.seed: int = seed
        self.recording: bool = recording
        self.clock: Clock = Clock(start)
        self.hosts: dict[str, SimHost] = {}
        self.record: Record = Record()
        self._ears: dict[str, Ear] = {}
        self._order: list[SimHost] = []
        """In which they take their turns."""
        self._turns: int = 0

    # ------------------------------------------------------------------ building it

    def host(
        self,
        name: str,
        *addresses: str,
        config: Config = MODERN,
        rules: Rules = RULES,
        observer: Observer | None = None,
        offload: bool = False,
        **stack: Any,
    ) -> SimHost:
        """A new host; addresses as ``"10.0.0.1/24"``. What else a ``Stack`` takes is passed on.

        offload: between two such hosts super-segments of up to 64 KiB travel in one piece and checksums are taken on
        trust, as between virtual machines: one is lost, doubled or overtaken as a whole. A cable with ``out``,
        ``into`` or ``path`` cuts them, and so does one to a host without.

        Raises ``ValueError`` when the name is taken."""
        if name in self.hosts:
            raise ValueError(f"there is a host {name!r} already")
        rng = stream(self.seed, f"host {name}")
        ear = Ear(observer)

        def make() -> Stack:
            heard = ear if self.recording else observer
            return Stack(config, addresses=addresses, rng=rng, rules=rules, observer=heard, **stack)

        host = SimHost(name, make, FULL_OFFLOAD if offload else NO_OFFLOAD)
        self.hosts[name] = host
        self._order.append(host)
        self._ears[name] = ear
        self.record.add_host(host, ear)
        return host

    def connect(
        self,
        a: SimHost,
        b: SimHost,
        *,
        delay: int = 0,
        jitter: int = 0,
        rate: int | None = None,
        queue: int = 1 << 20,
        loss: float = 0.0,
        duplicate: float = 0.0,
        reorder: float = 0.0,
        out: Sequence[Fault] = (),
        into: Sequence[Fault] = (),
        mtu: int = 1500,
        path: Path | None = None,
    ) -> None:
        """Lay a cable. Each direction behaves alike, and has its own random stream.

        delay, jitter: ns. rate: bits per second, with ``queue`` bytes waiting before the line; None: infinite. loss,
        duplicate, reorder: probabilities; what is reordered takes one more delay (at least 1 ms). out: further
        faults from ``a`` to ``b``, which come first; into: from ``b`` to ``a``. path: what comes after them, from
        ``a``'s end to ``b``'s; it begins now. A host with several cables sends by the destination's address."""
        both = a.link.offload == b.link.offload == FULL_OFFLOAD
        whole = both and path is None and not (out or into)
        end_a, end_b = memory_pair(mtu, FULL_OFFLOAD if whole else NO_OFFLOAD)

        def line() -> list[Fault]:
            faults: list[Fault] = [losing(loss)] if loss else []
            if duplicate:
                faults.append(duplication(duplicate))
            limit = None if rate is None else RateLimit(rate, queue)
            if limit is not None and delay and not jitter:
                faults.append(Tandem(limit, Delay(delay)))
            else:
                # Jitter is drawn when a packet leaves the line: of what happens between, the draws come first.
                faults += [limit] if limit is not None else []
                faults += [Delay(delay, jitter)] if delay else []
            if reorder:
                faults.append(reordering(reorder, max(delay, 1_000_000)))
            return faults

        there, back = ((), ()) if path is None else path.directions(self.clock.now)
        for src, dst, end, faults in ((a, b, end_a, (*out, *there)), (b, a, end_b, (*into, *back))):
            rng = stream(self.seed, f"cable {src.name}>{dst.name}")
            met: Sequence[Fault] = (*faults, *line())
            arrival = None
            if self.recording:
                met = (self.record.departure(src.name, dst.name), *map(self.record.follow, met))
                arrival = self.record.arrival(src.name, dst.name)
            link = FaultyLink(end, met, rng=rng, observer=arrival, limit=MOST_HELD, whole=whole)
            src.link.plug(link, dst.stack.addresses)

    def join(self, *hosts: SimHost, **line: Any) -> None:
        """Connect each with each, as a switch does; ``line``: see ``connect``."""
        for a, b in combinations(hosts, 2):
            self.connect(a, b, **line)

    def inject(self, packet: Packet, to: SimHost, *, src: str = "attacker") -> None:
        """Let a packet arrive at a host now, whoever sent it: a forgery, or a straggler from another time."""
        self.record.inject(packet, self.clock.now, src, to.name)
        to.link.inject(packet)

    def capture(self, file: BinaryIO, *hosts: SimHost) -> PcapngWriter:
        """Write what these hosts (default: all) send and receive to a pcapng file, an interface for each."""
        writer = PcapngWriter(file)
        for host in hosts or self.hosts.values():
            interface = writer.interface(host.name)

            def tap(packet: Packet, now: int, direction: str, interface: int = interface) -> None:
                writer.packet(packet.tobytes(), now, direction, interface)

            host.link.taps.append(tap)
        return writer

    # ------------------------------------------------------------------ letting it run

    def next_event(self) -> int | None:
        """When something happens next (ns), not before now; None: never, unless somebody calls."""
        at = self._earliest()
        return None if at == NEVER else at

    def step(self) -> bool:
        """Jump to the next event and let those hosts take their turn that have something to do; False: none has.

        Raises ``RuntimeError`` when hosts stay busy for ever without time passing."""
        return self._step(None)

    def run_until(self, t: int) -> None:
        """Let everything happen that happens up to time ``t``, and set the clock to it."""
        while self._step(t):
            pass
        self.clock.now = max(self.clock.now, t)

    def run(self, until: Callable[[], object] | None = None, limit: int | None = None) -> bool:
        """Run until ``until()`` is true, all is quiet, or ``limit`` ns have passed.

        True: ``until`` came true, or without it: all is quiet."""
        end = None if limit is None else self.clock.now + limit
        while until is None or not until():
            if not self._step(end):
                if self.next_event() is None:
                    return until is None
                assert end is not None
                self.clock.now = end
                return False
        return True

    def _earliest(self) -> int:
        """When something happens next; each host notes its own time."""
        now = self.clock.now
        least = NEVER
        for host in self._order:
            at = host.next_event(now)
            host.due = NEVER if at is None else at
            if host.due < least:
                least = host.due
        return least

    def _step(self, end: int | None) -> bool:
        """``step``, unless the next event comes after ``end``."""
        at = self._earliest()
        if at == NEVER or (end is not None and at > end):
            return False
        if at > self.clock.now:
            self.clock.now = at
            self._turns = 0
        self._turns += 1
        if self._turns > _TURNS_PER_INSTANT:
            raise RuntimeError(f"the network does not get past {at} ns: somebody answers for ever without delay")
        for host in self._order:
            # An earlier turn of this instant may have sent something here.
            if host.due == at or host.link.ready:
                host.turn(at)
                if self.recording:
                    self._ears[host.name].settle()
        return True
