"""From the tokens of the grammar to the values of ``syntax``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from lark import Token, Transformer, v_args

from estab.packetdrill.syntax import (
    Apply,
    Call,
    Code,
    Command,
    Edges,
    Either,
    Event,
    Foreign,
    IcmpPacket,
    IpInfo,
    Name,
    Number,
    Script,
    Stamp,
    Struct,
    TcpOption,
    TcpPacket,
    Time,
    UdpPacket,
    Value,
)
from estab.tcp.config import SECOND
from estab.wire import tcp
from estab.wire.options import MAX_OPTIONS

_FLAGS: Final = {
    "F": tcp.FIN,
    "S": tcp.SYN,
    "R": tcp.RST,
    "P": tcp.PSH,
    ".": tcp.ACK,
    "U": tcp.URG,
    "E": tcp.ECE,
    "W": tcp.CWR,
    "A": tcp.AE,
}
_LATEST: Final = 1_000_000_000 * SECOND
_LARGEST_FIELD: Final = 65_535
_LONGEST_IN: Final = 65_495
"""Payload of the largest packet."""
_LONGEST_OUT: Final = 1 << 30
_NUMBER: Final = re.compile(r"\d+")
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ACCECN_KINDS: Final = {"e0b": 172, "e1b": 174}


class MistakeError(Exception):
    """A token that looks right and says nothing sensible."""

    def __init__(self, token: Token, why: str) -> None:
        super().__init__(why)
        self.line: int = token.line or 1
        self.column: int = token.column or 1


def nanoseconds(text: str) -> int:
    """Exactly: decimal seconds are no floats."""
    whole, _, part = text.partition(".")
    return int(whole or 0) * SECOND + int(part[:9].ljust(9, "0") or 0)


def _time(token: Token) -> Time:
    made = _read_time(str(token))
    if max(made.at, made.until or 0, made.ends or 0) > _LATEST:
        raise MistakeError(token, "that is more than thirty years from now")
    return made


def _read_time(text: str) -> Time:
    if text == "*":
        return Time(0, False, anytime=True)
    first, mark, second = re.split(r"\s*(~|\.\.\.)\s*", text) if "~" in text or "..." in text else (text, "", "")
    relative = first.startswith("+")
    at = nanoseconds(first.lstrip("+"))
    if not mark:
        return Time(at, relative)
    end = nanoseconds(second.lstrip("+"))
    return Time(at, relative, until=end) if mark == "~" else Time(at, relative, ends=end)


def _number(text: str) -> Number:
    return Number(int(text.rstrip("!")) & 0xFFFFFFFF, text.endswith("!"))


def _field(token: Token | None) -> int | None:
    """``win 100`` → 100; ``win ...`` and nothing → None."""
    if token is None or token.endswith("..."):
        return None
    return _within(token, int(token.split()[1]), _LARGEST_FIELD)


def _within(token: Token, value: int, most: int) -> int:
    if value > most:
        raise MistakeError(token, f"{value} is more than {most}")
    return value


def _sequence(token: Token) -> tuple[Number | None, int]:
    """``1:1001(1000)``: start and length."""
    figures = [int(each) for each in _NUMBER.findall(token)]
    _within(token, figures[-1], _LONGEST_OUT)
    if token.startswith("..."):
        return None, figures[0]
    start, end, length = figures
    if (start + length) & 0xFFFFFFFF != end & 0xFFFFFFFF:
        raise MistakeError(token, f"{start} and {length} bytes do not make {end}")
    return Number(start & 0xFFFFFFFF, token.endswith("!")), length


def _pair(token: Token) -> tuple[int, int]:
    """Two ports."""
    first, second = (_within(token, int(each), _LARGEST_FIELD) for each in _NUMBER.findall(token))
    return first, second


def _hex(token: Token, text: str) -> bytes:
    digits = text.removeprefix("0x")
    if len(digits) % 2:
        raise MistakeError(token, f"{text} is half a byte too long")
    return bytes.fromhex(digits)


def _unescape(text: str) -> bytes:
    text = re.sub(r"\\x([0-9a-fA-F]{2})", lambda found: chr(int(found.group(1), 16)), text)
    text = re.sub(r"\\(.)", lambda found: _ESCAPES.get(found.group(1), found.group(1)), text, flags=re.DOTALL)
    return text.encode("latin-1", "replace")


_IP_WORDS: Final[dict[str, str]] = {
    "tos": "tos",
    "class": "tos",
    "ttl": "ttl",
    "hlim": "ttl",
    "dscp": "dscp",
    "flowlabel": "flow_label",
}


_IP_MOST: Final = {"tos": 255, "ttl": 255, "dscp": 63, "flow_label": 0xFFFFF}


def _ip(token: Token | None) -> IpInfo:
    if token is None:
        return IpInfo()
    words = re.split(r"[\s,]+", token[1:-1].strip().lower())
    found: dict[str, Any] = {}
    place = iter(words)
    for word in place:
        if word in _IP_WORDS:
            try:
                found[_IP_WORDS[word]] = _within(token, int(next(place), 0), _IP_MOST[_IP_WORDS[word]])
            except (StopIteration, ValueError):
                raise MistakeError(token, f"{word} needs a number") from None
        elif word in ("noecn", "ect0", "ect1", "ect01", "ce"):
            found["ecn"] = word
        else:
            raise MistakeError(token, f"{word} is nothing of an IP header")
    return IpInfo(**found)


def _flags(token: Token) -> tuple[int, int | None]:
    bits, ace = 0, None
    for letter in token:
        if letter.isdigit():
            ace = int(letter)
        elif letter != "-":
            bits |= _FLAGS[letter]
    if ace is not None and bits & (tcp.ECE | tcp.CWR | tcp.AE):
        raise MistakeError(token, "a count of CE and one of its flags cannot stand together")
    return bits, ace


def _accecn(token: Token) -> TcpOption:
    """RFC 9768 §3.2.3: which counter comes first says which of the two kinds it is."""
    word, *rest = token.split()
    counters = dict(zip(rest[::2], map(int, rest[1::2]), strict=True))
    body = b"".join(_within(token, value, 0xFFFFFF).to_bytes(3, "big") for value in counters.values())
    if word != "ECN":
        return TcpOption("bytes", 172 if word.endswith("0") else 174, body)
    first = next(iter(counters), "e0b")
    if first not in _ACCECN_KINDS:
        raise MistakeError(token, "the counters begin with e0b or e1b")
    return TcpOption("bytes", _ACCECN_KINDS[first], body)


def _fast_open(token: Token) -> TcpOption:
    word, *rest = token.split()
    cookie = _hex(token, rest[0]) if rest else b""
    return TcpOption("bytes", 34, cookie) if word == "FO" else TcpOption("bytes", 254, b"\xf9\x89" + cookie)


def _md5(token: Token) -> TcpOption:
    digest = token[3:].strip()
    if digest in ("", "valid"):
        return TcpOption("md5", 19, b"")
    return TcpOption("bytes", 19, _hex(token, digest))


def _generic(token: Token) -> TcpOption:
    _, kind, *body = token.split()
    return TcpOption("bytes", _within(token, int(kind, 0), 255), _hex(token, body[0]) if body else b"")


def _sack(token: Token) -> TcpOption:
    edges = _NUMBER.findall(token)
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return TcpOption("sack", 5, Edges(tuple((_number(low), _number(high)) for low, high in pairs)))


def _stamps(token: Token) -> TcpOption:
    words = token.split()
    value, echo = (None if word == "..." else _number(word) for word in (words[2], words[4]))
    return TcpOption("TS", 8, Stamp(value, echo))


def _small(name: str, kind: int, most: int) -> Callable[[Token], TcpOption]:
    def make(token: Token) -> TcpOption:
        value = int(token.split()[1])
        if value > most:
            raise MistakeError(token, f"{name} {value} is more than its field holds")
        return TcpOption(name, kind, value)

    return make


_OPTIONS: Final[dict[str, Callable[[Token], TcpOption | None]]] = {
    "NOP": lambda _: TcpOption("nop", 1, 0),
    "EOL": lambda _: TcpOption("eol", 0, 0),
    "MSS": _small("mss", 2, 65535),
    "WSCALE": _small("wscale", 3, 255),
    "SACKOK": lambda _: TcpOption("sackOK", 4, 0),
    "SACK": _sack,
    "STAMPS": _stamps,
    "FASTOPEN": _fast_open,
    "MD5": _md5,
    "ACCECN": _accecn,
    "GENERIC": _generic,
    "ELLIPSIS": lambda _: None,
}

_WIDTHS: Final = {"nop": 1, "eol": 1, "mss": 4, "wscale": 3, "sackOK": 2, "TS": 10, "md5": 18}


def option_width(option: TcpOption) -> int:
    """Bytes of an option on the wire."""
    if isinstance(option.value, bytes) and option.name == "bytes":
        return 2 + len(option.value)
    if isinstance(option.value, Edges):
        return 2 + 8 * len(option.value.blocks)
    return _WIDTHS[option.name]


@v_args(inline=True)
class Builder(Transformer[Token, Script]):
    """Rule by rule; a method bears the name of what it builds."""

    def start(self, *parts: Any) -> Script:
        options: list[tuple[str, str]] = []
        setup: list[tuple[int, Command]] = []
        events: list[Event] = []
        cleanup: list[tuple[int, Command]] = []
        for part in parts:
            if isinstance(part, Event):
                events.append(part)
            elif part.type == "OPTION":
                name, _, value = part[2:].partition("=")
                options.append((name, value.strip('"')))
            else:
                (cleanup if events else setup).append((part.line, Command(part[1:-1])))
        return Script(tuple(options), tuple(setup), tuple(events), tuple(cleanup))

    def event(self, time: Token, action: Any) -> Event:
        if isinstance(action, Token):
            action = Command(action[1:-1]) if action.type == "COMMAND" else Code(action[2:-2])
        when = _time(time)
        outbound = isinstance(action, (TcpPacket, UdpPacket, IcmpPacket)) and not action.inbound
        if (when.anytime or when.until is not None) and not (outbound or isinstance(action, Foreign)):
            raise MistakeError(time, "only a packet that is expected may come at more than one time")
        if when.ends is not None and not isinstance(action, Call):
            raise MistakeError(time, "only a system call takes time")
        return Event(time.line or 1, when, action)

    # ------------------------------------------------------------------ calls

    def call(self, name: Token, arguments: Any, result: Value, error: Token | None, _remark: Any) -> Call:
        return Call(str(name), arguments or (), result, None if error is None else str(error))

    def arguments(self, *values: Value) -> tuple[Value, ...]:
        return values

    def value(self, *parts: Any) -> Value:
        values = tuple(_literal(part) for part in parts)
        return values[0] if len(values) == 1 else Either(values)

    result = value

    def list(self, *values: Any) -> list[Value]:
        return [value for value in values if value is not None]

    def struct(self, *members: Any) -> Struct:
        return Struct(tuple(member for member in members if member is not None))

    def member(self, left: Value, right: Value | None) -> tuple[str | None, Value]:
        if right is None:
            return None, left
        return (left.text if isinstance(left, Name) else left.name if isinstance(left, Apply) else str(left)), right

    def apply(self, name: Token, arguments: Any) -> Apply:
        return Apply(str(name), arguments or ())

    # ------------------------------------------------------------------ packets

    def packet(self, direction: Token, *rest: Any) -> Any:
        *encapsulations, ip, ports, body = rest
        if encapsulations:
            return Foreign("encapsulation " + str(encapsulations[0]).split()[0])
        if isinstance(body, Foreign):
            return body
        inbound = direction == "<"
        if isinstance(body, IcmpPacket):
            return body._replace(inbound=inbound)
        pair = None
        if ports is not None:
            pair = _pair(ports)
        made = body._replace(inbound=inbound, ip=_ip(ip), ports=pair)
        if inbound and isinstance(made, TcpPacket):
            self._check_inbound(direction, made)
        return made

    def _check_inbound(self, token: Token, packet: TcpPacket) -> None:
        """Nothing can be left open in what is to be sent."""
        if packet.options is None:
            raise MistakeError(token, "the options of an inbound packet cannot be left open")
        _within(token, packet.length, _LONGEST_IN)
        if packet.seq is None:
            raise MistakeError(token, "the sequence number of an inbound packet cannot be left open")
        if packet.ip.ecn == "ect01":
            raise MistakeError(token, "an inbound packet has one codepoint")

    def tcp(  # noqa: PLR0917
        self,
        flags: Token,
        sequence: Token,
        ack: Token | None,
        window: Token | None,
        urgent: Token | None,
        options: Any,
        suffix: Token | None,
    ) -> TcpPacket | Foreign:
        if suffix is not None and suffix.startswith("encap"):
            return Foreign("PSP")
        bits, ace = _flags(flags)
        seq, length = _sequence(sequence)
        udp = None
        if suffix is not None:
            udp = _pair(suffix)
        number = None if ack is None else _number(ack.split()[1])
        chosen = () if options is None else options[0]
        return TcpPacket(
            False, IpInfo(), None, bits, ace, seq, length, number, _field(window), _field(urgent), chosen, udp
        )

    def options(self, *options: Any) -> tuple[tuple[TcpOption, ...] | None]:
        """In a tuple of its own, as no options and any options differ."""
        given = [each for each in options if each is not None]
        made = tuple(option for _, option in given if option is not None)
        if len(made) < len(given):
            return (None,)
        size = sum(map(option_width, made))
        if size % 4:
            raise MistakeError(given[0][0], f"{size} bytes of options are not a multiple of 4")
        if size > MAX_OPTIONS:
            raise MistakeError(given[0][0], f"{size} bytes of options are more than a header holds")
        return (made,)

    def option(self, token: Token) -> tuple[Token, TcpOption | None]:
        return token, _OPTIONS[token.type](token)

    def udp(self, length: Token) -> UdpPacket:
        return UdpPacket(False, IpInfo(), None, _within(length, int(length, 0), _LONGEST_IN))

    def icmp(self, word: Token, kind: Token, code: Token | None, mtu: Token | None, quote: Any) -> IcmpPacket:
        seq, length, protocol = quote or (None, 0, "tcp")
        if quote is not None:
            _within(word, length, _LONGEST_IN)
        what = None if code is None else str(code)
        return IcmpPacket(False, str(kind), what, _field(mtu) or 0, seq, length, protocol)

    def quote(self, token: Token) -> tuple[Number | None, int, str]:
        if token.type == "INTEGER":
            return None, int(token), "udp"
        return (*_sequence(token), "tcp")


def _literal(part: Any) -> Value:
    if not isinstance(part, Token):
        return part  # type: ignore[no-any-return]
    if part.type == "INTEGER":
        digits = part.rstrip("uUlL")
        return int(digits, 16 if "x" in digits.lower() else 10)
    if part.type == "STRING":
        return _unescape(part[1:-1])
    return ... if part.type == "ELLIPSIS" else Name(str(part))
