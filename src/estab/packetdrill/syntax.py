"""What a script says, as values: options, events and their times, packets, calls, commands, code. Times in ns."""

from __future__ import annotations

from types import EllipsisType
from typing import NamedTuple, TypeAlias


class ScriptError(Exception):
    """The text is not a script: where and why."""

    def __init__(self, line: int, column: int, why: str) -> None:
        super().__init__(f"{line}:{column}: {why}")
        self.line: int = line
        self.column: int = column
        self.why: str = why


class Time(NamedTuple):
    """When an event happens."""

    at: int
    relative: bool
    """To the end of the event before; otherwise to the start of the script."""
    until: int | None = None
    """A range: any time up to this, on the same base."""
    ends: int | None = None
    """A call that blocks: when it has to return, on the same base."""
    anytime: bool = False


class Name(NamedTuple):
    """A symbolic constant."""

    text: str


class Apply(NamedTuple):
    """``htons(80)``."""

    name: str
    arguments: tuple[Value, ...]


class Either(NamedTuple):
    """``A|B``."""

    parts: tuple[Value, ...]


class Struct(NamedTuple):
    """``{a, name = b, name(...) = c}``: (name or None, value) each."""

    members: tuple[tuple[str | None, Value], ...]


Value: TypeAlias = "int | bytes | EllipsisType | Name | Apply | Either | Struct | list[Value]"


class Call(NamedTuple):
    """A system call and what it must return."""

    name: str
    arguments: tuple[Value, ...]
    result: Value
    error: str | None
    """The name of the errno; it comes with -1."""


class Number(NamedTuple):
    """A field of a header: ``absolute`` (``!``) numbers are not mapped."""

    value: int
    absolute: bool = False


class Stamp(NamedTuple):
    """``TS val V ecr E``; None: any."""

    value: Number | None
    echo: Number | None


class Edges(NamedTuple):
    """``sack 1:2 3:4``."""

    blocks: tuple[tuple[Number, Number], ...]


class TcpOption(NamedTuple):
    """One option as it stands in the script. ``value``: bytes after the length octet, or what the name says."""

    name: str
    """``nop``, ``eol``, ``mss``, ``wscale``, ``sackOK``, ``sack``, ``TS`` or ``bytes``."""
    kind: int
    value: int | bytes | Stamp | Edges


class IpInfo(NamedTuple):
    """What was said about the IP header; None: nothing."""

    ecn: str | None = None
    """``noecn``, ``ect0``, ``ect1``, ``ce``, or ``ect01`` for either of the two."""
    tos: int | None = None
    dscp: int | None = None
    ttl: int | None = None
    flow_label: int | None = None


class TcpPacket(NamedTuple):
    """``FLAGS seq:end(len) ack N win N urg N <options>``."""

    inbound: bool
    ip: IpInfo
    ports: tuple[int, int] | None
    flags: int
    """Bits of the TCP header, without ACE where that is written as a digit."""
    ace: int | None
    seq: Number | None
    """None: not compared."""
    length: int
    ack: Number | None
    window: int | None
    urgent: int | None
    options: tuple[TcpOption, ...] | None
    """None: not compared."""
    udp: tuple[int, int] | None = None
    """Ports of the UDP datagram that carries the segment."""


class UdpPacket(NamedTuple):
    """``udp (length)``."""

    inbound: bool
    ip: IpInfo
    ports: tuple[int, int] | None
    length: int


class IcmpPacket(NamedTuple):
    """``icmp KIND CODE mtu N [seq:end(len)]``: an error about a packet that we have sent."""

    inbound: bool
    kind: str
    code: str | None
    mtu: int
    seq: Number | None
    length: int
    protocol: str
    """Of the quoted packet: ``tcp`` or ``udp``."""


class Command(NamedTuple):
    """Between backquotes."""

    text: str


class Code(NamedTuple):
    """Between ``%{`` and ``}%``."""

    text: str


class Foreign(NamedTuple):
    """Something of the language that is understood and not done."""

    what: str


Action: TypeAlias = TcpPacket | UdpPacket | IcmpPacket | Call | Command | Code | Foreign


class Event(NamedTuple):
    """One action at its time."""

    line: int
    time: Time
    action: Action


class Script(NamedTuple):
    """A file."""

    options: tuple[tuple[str, str], ...]
    setup: tuple[tuple[int, Command], ...]
    """(line, command)."""
    events: tuple[Event, ...]
    cleanup: tuple[tuple[int, Command], ...]
