"""Running a script: every event at its time, the first difference ends it."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Final, NamedTuple

from estab.packetdrill.code import Blocks
from estab.packetdrill.commands import CommandFailedError, run_command
from estab.packetdrill.constants import ERRORS, error_name
from estab.packetdrill.files import CallMismatchError, File, SocketFile
from estab.packetdrill.flow import Flow, MappingError
from estab.packetdrill.grammar import parse
from estab.packetdrill.injection import icmp_bytes, ports_of, tcp_bytes
from estab.packetdrill.kernel import Kernel
from estab.packetdrill.live import Live
from estab.packetdrill.matching import MismatchError, compare, merge, show
from estab.packetdrill.profiles import prepared
from estab.packetdrill.settings import Settings, apply_options
from estab.packetdrill.syntax import (
    Call,
    Code,
    Command,
    Event,
    Foreign,
    IcmpPacket,
    Script,
    ScriptError,
    Stamp,
    TcpPacket,
    UdpPacket,
)
from estab.packetdrill.tcp_info import variables_of
from estab.packetdrill.values import Argument, UnsupportedError, evaluate
from estab.packetdrill.world import EPOCH, World
from estab.sockets import StreamSocket
from estab.tcp.config import LINUX, SECOND, Config
from estab.tcp.timers import NEVER
from estab.wire.tcp import ACK, SYN

_PATIENCE: Final = 2 * SECOND
"""How long a packet that is late is waited for."""
_CAP: Final = 7200 * SECOND
"""How long one is waited for that may come at any time."""
_CALL_PATIENCE: Final = SECOND
"""How long a call may still be under way when the next one comes."""
_FIRST_PORT: Final = 40_000
_WORDS: Final = {
    "TFO_COOKIE": "3021b9d889017eeb",
    "TFO_COOKIE_ZERO": "b7c12350a90dc8f5",
    "CMSG_LEVEL_IP": "SOL_IP",
    "CMSG_TYPE_RECVERR": "IP_RECVERR",
}
"""What stands for the words that scripts leave to who runs them, where the caller does not say."""
_WORDS_V6: Final = {"CMSG_LEVEL_IP": "SOL_IPV6", "CMSG_TYPE_RECVERR": "IPV6_RECVERR"}
"""In scripts for IPv6 sockets, mapped addresses included."""
_OPENING: Final = frozenset(("connect", "write", "writev", "send", "sendto", "sendmsg"))


class Outcome(NamedTuple):
    """How a script went."""

    result: str
    """``pass``, ``fail``, or ``unsupported``."""
    line: int
    """0 where no line is to blame."""
    why: str
    warnings: tuple[str, ...] = ()
    """Differences that the script wants to be told only."""


class FailureError(Exception):
    """The script does not hold."""


class Pending(NamedTuple):
    """A call that has begun and not returned."""

    event: Event
    call: Call
    waiting: Generator[int, None, int | File]
    label: int
    """What the script calls the descriptor that it gives."""
    start: int
    ends: int
    """ns; ``NEVER`` where the script does not say."""


class Runner:
    """One run of one script."""

    def __init__(self, script: Script, config: Config, settings: Settings, cookie: bytes | None = None) -> None:
        self.script: Script = script
        self.settings: Settings = settings
        self.world: World = World(config, settings, cookie)
        self.kernel: Kernel = Kernel(self.world)
        self.blocks: Blocks = Blocks()
        self.flow: Flow | None = None
        self.listening: bool = False
        self.connecting: bool = False
        self.under_test: SocketFile | None = None
        """The socket that packets are about and code blocks look at."""
        self.listener_port: int = settings.bind_port
        self.next_port: int = _FIRST_PORT
        self.previous: int = 0
        """The time of the event before, as the script has it (ns since the start)."""
        self.anchor: int | None = None
        """The time of the inbound packet right before: what follows it is not late because of it."""
        self.pending: Pending | None = None
        self.warnings: list[str] = []
        self.line: int = 0
        self.world.on_turn = self._continue_call

    @property
    def clock(self) -> int:
        """ns since the first event."""
        return self.world.now - EPOCH

    def run(self) -> None:
        """Raises ``FailureError``, ``UnsupportedError``; ``line`` is then where."""
        for line, command in self.script.setup:
            self.line = line
            self._command(command)
        for event in self.script.events:
            self.line = event.line
            self._event(event)
        self._finish_call(NEVER)
        for line, command in self.script.cleanup:
            self.line = line
            self._command(command)
        blamed = self.blocks.run()
        if blamed is not None:
            self.line, why = blamed
            raise FailureError(why)

    # ------------------------------------------------------------------ time

    def _event(self, event: Event) -> None:
        action = event.action
        if isinstance(action, Foreign):
            raise UnsupportedError(action.what)
        if isinstance(action, TcpPacket | UdpPacket | IcmpPacket) and not action.inbound:
            self._expect(event, action)
            self.anchor = None
            return
        at = self._scheduled(event)
        if isinstance(action, Call):
            self._finish_call(max(at, self.clock) + _CALL_PATIENCE)
        if at > self.clock:
            self.world.run_to(EPOCH + at)
        elif self.clock - at > self._tolerance(at):
            raise FailureError(f"it is {_seconds(self.clock)} already: too late for {_seconds(at)}")
        self._act(event, action, at)
        self.previous = at
        self.anchor = at if isinstance(action, TcpPacket | IcmpPacket) else None

    def _scheduled(self, event: Event) -> int:
        if not event.time.relative:
            return event.time.at
        inbound = isinstance(event.action, TcpPacket | IcmpPacket | UdpPacket)
        base = self.anchor if inbound and self.anchor is not None else self.clock
        return base + event.time.at

    def _tolerance(self, at: int) -> int:
        share = int(self.settings.tolerance_percent * max(at - self.previous, 0) / 100)
        return max(self.settings.tolerance, share)

    def _act(self, event: Event, action: object, at: int) -> None:
        match action:
            case TcpPacket():
                self._inject(action)
            case IcmpPacket():
                self._inject_icmp(action)
            case Call():
                self._call(event, action, at)
            case Command():
                self._command(action)
            case Code(text):
                socket = None if self.under_test is None else self.under_test.socket
                variables = variables_of(socket if isinstance(socket, StreamSocket) else None, self.world)
                self.blocks.add(event.line, text, variables)
            case _:
                raise UnsupportedError("udp packets")

    def _command(self, command: Command) -> None:
        try:
            run_command(command.text, self.world)
        except CommandFailedError as error:
            raise FailureError(f"`{command.text}`: {error}") from None

    # ------------------------------------------------------------------ packets in

    def _inject(self, packet: TcpPacket) -> None:
        if self.listening or self.flow is None:
            self._new_peer(packet)
        flow = self.flow
        assert flow is not None
        if self.connecting and packet.flags & SYN:
            assert packet.seq is not None
            flow.remote_isn = packet.seq.value
            self.connecting = not packet.flags & ACK
        try:
            data = tcp_bytes(packet, flow, self.settings.ts_ecr_scaled)
        except MappingError as error:
            raise FailureError(str(error)) from None
        if packet.udp is not None:
            source, destination = ports_of(packet, flow)
            self.world.tunnels.heard((flow.local[0], destination), (flow.remote[0], source), packet.udp)
        self.world.receive(data)

    def _new_peer(self, packet: TcpPacket) -> None:
        """A packet for a listener, or for nobody, comes from a peer that was not heard before."""
        self.flow = Flow((self.settings.local, self.listener_port), (self.settings.remote, self.next_port))
        self.next_port += 1
        self.listening = False
        assert packet.seq is not None
        if packet.flags & SYN:
            self.flow.remote_isn = packet.seq.value

    def _inject_icmp(self, packet: IcmpPacket) -> None:
        if self.flow is None:
            raise FailureError("there is no connection that an error could be about")
        self.world.receive(icmp_bytes(packet, self.flow, self.settings.remote))

    # ------------------------------------------------------------------ packets out

    def _expect(self, event: Event, packet: TcpPacket | UdpPacket | IcmpPacket) -> None:
        if not isinstance(packet, TcpPacket):
            raise UnsupportedError("expecting what is no TCP")
        time = event.time
        base = self.clock if time.relative else 0
        at = base + time.at
        latest = self.clock + _CAP if time.anytime else max(base + (time.until or time.at), self.clock) + _PATIENCE
        live = self._collect(packet, latest)
        flow = self.flow
        assert flow is not None
        self._check(packet, live, flow)
        seen = live.time - EPOCH
        if not time.anytime:
            self._check_time(at, base + (at - base if time.until is None else time.until), seen, live)
            self._check_stamp(packet, live, at)
            self.previous = at
        else:
            self.previous = seen

    def _collect(self, packet: TcpPacket, latest: int) -> Live:
        """The live packet, or as many as carry what the script's carries."""
        first = self._next_live(packet, latest)
        pieces = [first]
        length = first.length
        while length and length < packet.length and not self.settings.strict_segments:
            piece = self._next_live(packet, latest)
            pieces.append(piece)
            length += piece.length
            if not piece.length:
                break
        try:
            return merge(pieces) if len(pieces) > 1 else first
        except MismatchError as error:
            raise FailureError(f"{error}; last seen: {show(pieces[-1], self.flow)}") from None

    def _next_live(self, packet: TcpPacket, latest: int) -> Live:
        world = self.world
        while True:
            while world.sent:
                live = world.sent.popleft()
                if self._belongs(packet, live):
                    return live
            if world.next_time() == NEVER or world.next_time() > EPOCH + latest:
                raise FailureError(f"no packet was sent; expected at {_seconds(latest - _PATIENCE)}")
            world.step()

    def _belongs(self, packet: TcpPacket, live: Live) -> bool:
        """Is it a packet of the connection under test? Our first SYN makes it known."""
        if self.flow is None or self.connecting:
            fresh = live.flags & (SYN | ACK) == SYN and (live.dst, live.ports[1]) == self.target
            if self.connecting and fresh and (self.flow is None or self.flow.local[1] != live.ports[0]):
                self.flow = Flow((live.src, live.ports[0]), (live.dst, live.ports[1]))
        flow = self.flow
        if flow is None:
            return False
        source, destination = packet.ports or (0, 0)
        ports = (source or flow.local[1], destination or flow.remote[1])
        if (live.src, live.dst) != (flow.local[0], flow.remote[0]) or live.ports != ports:
            return False
        if packet.flags & live.flags & SYN:
            flow.see_syn(packet, live.seq)
        return True

    def _check(self, packet: TcpPacket, live: Live, flow: Flow) -> None:
        try:
            compare(packet, live, flow)
        except MismatchError as error:
            why = f"{error}; seen: {show(live, flow)}"
            if "packet" not in self.settings.non_fatal:
                raise FailureError(why) from None
            self.warnings.append(f"{self.line}: {why}")
        for option in packet.options or ():
            value = option.value
            if isinstance(value, Stamp) and value.value is not None and not value.value.absolute:
                stamps = next((body for kind, body in live.options if kind == option.kind), b"")
                flow.note_stamp(value.value.value, int.from_bytes(stamps[:4], "big"))

    def _check_time(self, at: int, until: int, seen: int, live: Live) -> None:
        tolerance = self._tolerance(at)
        if at - tolerance <= seen <= until + tolerance:
            return
        wanted = _seconds(at) if until == at else f"{_seconds(at)} to {_seconds(until)}"
        why = f"time: expected {wanted}, seen {_seconds(seen)}; seen: {show(live, self.flow)}"
        if "packet" not in self.settings.non_fatal:
            raise FailureError(why)
        self.warnings.append(f"{self.line}: {why}")

    def _check_stamp(self, packet: TcpPacket, live: Live, at: int) -> None:
        """The distance to the first timestamp, where the script says how long a tick is."""
        flow = self.flow
        tick = self.settings.ts_tick
        if not tick or flow is None or flow.first_stamp is None:
            return
        for option in packet.options or ():
            value = option.value
            if isinstance(value, Stamp) and value.value is not None:
                script = value.value.value
                real = flow.stamps[script] - flow.first_stamp[1]
                off = abs(real - (script - flow.first_stamp[0])) * tick
                if off > max(self.settings.tolerance, int(self.settings.tolerance_percent * at / 100)):
                    wanted = flow.first_stamp[0] + real
                    raise FailureError(f"TS val: expected {script}, seen {wanted}; seen: {show(live, flow)}")

    # ------------------------------------------------------------------ calls

    def _call(self, event: Event, call: Call, at: int) -> None:
        arguments = [evaluate(argument) for argument in call.arguments]
        label = call.result if isinstance(call.result, int) else -1
        self._before(call, arguments)
        try:
            made = self.kernel.call(call.name, arguments)
        except OSError as error:
            self._failed(call, error)
        except CallMismatchError as error:
            self._blame(f"{call.name}: {error}")
        else:
            if isinstance(made, Generator):
                until = event.time.ends
                base = at - event.time.at
                self.pending = Pending(event, call, made, label, at, NEVER if until is None else base + until)
                self._continue_call()
            else:
                self._returned(call, label, made)
        self.world.settle()
        if self.pending is not None and event.time.ends is None:
            raise FailureError(f"{call.name} would wait")

    def _before(self, call: Call, arguments: list[Argument]) -> None:
        """Which socket the packets are about follows from the calls."""
        if call.name not in _OPENING or not arguments or not isinstance(arguments[0], int):
            return
        file = self.kernel.files.get(arguments[0])
        if isinstance(file, SocketFile) and isinstance(file.socket, StreamSocket) and file.socket.connection is None:
            self.connecting = self.flow is None or call.name == "connect"
            self.under_test = file

    def _continue_call(self) -> None:
        """Something has happened: can the call that waits go on?"""
        pending = self.pending
        if pending is None:
            return
        self.pending = None
        try:
            self.world.wake_at = next(pending.waiting)
            self.pending = pending
            return
        except StopIteration as done:
            self.world.wake_at = NEVER
            self._check_end(pending)
            self._returned(pending.call, pending.label, done.value, pending.event.line)
        except OSError as error:
            self.world.wake_at = NEVER
            self._check_end(pending)
            self._failed(pending.call, error, pending.event.line)
        except CallMismatchError as error:
            self.world.wake_at = NEVER
            self._blame(f"{pending.call.name}: {error}", pending.event.line)
        self.world.flush()

    def _check_end(self, pending: Pending) -> None:
        if pending.ends == NEVER:
            return
        share = int(self.settings.tolerance_percent * (pending.ends - pending.start) / 100)
        if abs(self.clock - pending.ends) > max(self.settings.tolerance, share):
            self.line = pending.event.line
            wanted = _seconds(pending.ends)
            raise FailureError(f"{pending.call.name} returned at {_seconds(self.clock)}, expected {wanted}")

    def _finish_call(self, until: int) -> None:
        """A call is under way: give it until then to return."""
        world = self.world
        while self.pending is not None:
            end = self.pending.ends + _CALL_PATIENCE if until == NEVER else until
            if world.next_time() == NEVER or world.next_time() > EPOCH + end:
                self.line = self.pending.event.line
                raise FailureError(f"{self.pending.call.name} does not return")
            world.step()

    def _returned(self, call: Call, label: int, made: int | File, line: int | None = None) -> None:
        if isinstance(made, File):
            self._new_file(call, label, made)
            return
        if call.error is not None:
            self._blame(f"{call.name}: expected {call.error}, seen {made}", line)
        elif call.result is not ...:
            expected = evaluate(call.result)
            if expected != made:
                self._blame(f"{call.name}: expected {expected!r}, seen {made}", line)
        self._after(call)

    def _failed(self, call: Call, error: OSError, line: int | None = None) -> None:
        seen = error_name(error.errno or 0)
        if call.error is None:
            expected = "success" if call.result is ... else f"{evaluate(call.result)!r}"
            if expected != "-1":
                self._blame(f"{call.name}: expected {expected}, seen -1 {seen}", line)
        elif call.error not in ERRORS:
            raise UnsupportedError(f"the error {call.error}")
        elif ERRORS[call.error] != error.errno:
            self._blame(f"{call.name}: expected -1 {call.error}, seen -1 {seen}", line)
        self._after(call)

    def _blame(self, why: str, line: int | None = None) -> None:
        if line is not None:
            self.line = line
        if "syscall" not in self.settings.non_fatal:
            raise FailureError(why)
        self.warnings.append(f"{self.line}: {why}")

    def _new_file(self, call: Call, label: int, file: File) -> None:
        if call.error is not None or label < 0:
            self._blame(f"{call.name}: expected -1 {call.error or ''}, seen success")
            file.close(self.world.now)
            return
        try:
            self.kernel.register(label, file)
        except CallMismatchError as error:
            raise FailureError(str(error)) from None
        if isinstance(file, SocketFile):
            self.under_test = file
            if call.name == "socket":
                self.flow, self.listening, self.connecting = None, False, False

    def _after(self, call: Call) -> None:
        """A listener is heard from now on."""
        if call.name == "listen" and call.arguments:
            file = self.kernel.files.get(call.arguments[0]) if isinstance(call.arguments[0], int) else None
            if isinstance(file, SocketFile) and file.socket.listening:
                self.listening = True
                self.listener_port = file.socket.getsockname()[1]

    @property
    def target(self) -> tuple[bytes, int]:
        """Where our own SYN goes."""
        return self.settings.remote, self.settings.connect_port


def _seconds(time: int) -> str:
    return f"{time / SECOND:.6f}"


def _speaks_v6(text: str, options: tuple[tuple[str, str], ...]) -> bool:
    said = re.search(r"^--ip_version=(\S+)", text, re.MULTILINE)
    return "ipv6" in dict(options).get("ip_version", "" if said is None else said.group(1))


def run_script(
    text: str,
    *,
    config: Config = LINUX,
    defines: dict[str, str] | None = None,
    options: tuple[tuple[str, str], ...] = (),
    system: str = "linux",
) -> Outcome:
    """Parse and run one script; never raises for what a script may contain.

    config: the profile of the host under test. defines: words and what stands for them. options: like the option
    lines of a script, which they overrule. system: the name that ``#ifdef`` knows."""
    words = _WORDS | (_WORDS_V6 if _speaks_v6(text, options) else {}) | (defines or {})
    try:
        cookie = bytes.fromhex(words["TFO_COOKIE"])
        script = parse(text, words, system)
        settings = apply_options(apply_options(Settings(), script.options), options)
    except ValueError:
        return Outcome("fail", 0, f"TFO_COOKIE={words['TFO_COOKIE']} is not hexadecimal")
    except ScriptError as error:
        return Outcome("fail", error.line, f"column {error.column}: {error.why}")
    except UnsupportedError as error:
        return Outcome("unsupported", 0, str(error))
    if any(isinstance(event.action, TcpPacket) and event.action.udp for event in script.events):
        settings = settings._replace(udp_encapsulation=True)
    runner = Runner(script, prepared(config), settings, cookie)
    try:
        runner.run()
    except FailureError as error:
        return Outcome("fail", runner.line, str(error), tuple(runner.warnings))
    except UnsupportedError as error:
        return Outcome("unsupported", runner.line, str(error), tuple(runner.warnings))
    except Exception as error:
        # Whatever one script brings to light, the others are still to be run.
        return Outcome("fail", runner.line, f"the stack broke: {type(error).__name__}: {error}")
    return Outcome("pass", 0, "", tuple(runner.warnings))
