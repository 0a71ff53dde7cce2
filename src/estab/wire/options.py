"""TCP options: one entry of ``CODECS`` is one option.

RFC 9293 §3.2 (end, no-op, MSS), 7323 (window scale, timestamps), 2018 (SACK), 5482 (user timeout), 7413 (fast open),
2385 (MD5), 5925 (AO), 9768 (accurate ECN), 6994 (the experimental kind).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from struct import Struct
from typing import Any, Final, NamedTuple

from estab.wire.form import interpreted
from estab.wire.packet import Buffer, ParseError

MAX_OPTIONS: Final = 40
"""Bytes: the header is at most 60 (RFC 9293 §3.1)."""

KIND_MSS: Final = 2
KIND_WINDOW_SCALE: Final = 3
KIND_SACK_PERMITTED: Final = 4
KIND_SACK: Final = 5
KIND_TIMESTAMPS: Final = 8
KIND_MD5: Final = 19
KIND_USER_TIMEOUT: Final = 28
KIND_AO: Final = 29
KIND_FAST_OPEN: Final = 34
KIND_ACCURATE_ECN_0: Final = 172
KIND_ACCURATE_ECN_1: Final = 174
KIND_EXPERIMENT: Final = 254
FAST_OPEN_MAGIC: Final = b"\xf9\x89"
"""The experiment identifier of fast open before it had a kind of its own, RFC 7413 §7."""

_new: Final = tuple.__new__  # half the time of a call of the class
_TIMESTAMPS: Final = Struct("!II")
_ALIGNED_TIMESTAMPS: Final = Struct("!III")
_NOP_NOP_TIMESTAMPS: Final = 0x0101080A
_SYN: Final = Struct("!HHIIII")
_MSS_HEAD: Final = 0x0204
_SACK_PERMITTED_TIMESTAMPS: Final = 0x0402080A
_NOP_WINDOW_SCALE: Final = 0x010303
"""All of Linux's SYN: the numbers stand between and behind these."""
_MAX_USER_TIMEOUT: Final = 0x7FFF


@interpreted
class ExperimentalCookie(bytes):
    """A fast open cookie, or the wish for one, in the option that fast open had as an experiment."""

    __slots__ = ()


class Options(NamedTuple):
    """What the options of a segment say; what is absent has its default."""

    mss: int | None = None
    window_scale: int | None = None
    """As received: RFC 7323 §2.3 lets the receiver of a shift above 14 use 14."""
    sack_permitted: bool = False
    sack: tuple[tuple[int, int], ...] = ()
    """Blocks (left edge, right edge) in the order of the wire, 32-bit numbers."""
    timestamps: tuple[int, int] | None = None
    """TSval and TSecr."""
    user_timeout: int | None = None
    """Seconds."""
    fast_open: bytes | None = None
    """The cookie; ``b""`` asks for one. An ``ExperimentalCookie`` stands for the option of kind 254."""
    md5: bytes | None = None
    ao: bytes | None = None
    """Everything after the length octet: KeyID, RNextKeyID, MAC."""
    accurate_ecn_0: tuple[int, ...] | None = None
    """Up to three counters of bytes, 24 bits each: those that came with ECT(0), CE, ECT(1)."""
    accurate_ecn_1: tuple[int, ...] | None = None
    """The same in the order ECT(1), CE, ECT(0)."""
    unknown: tuple[tuple[int, bytes], ...] = ()
    """(kind, bytes after the length octet) of what is not in the registry or has no meaning there."""


NO_OPTIONS: Final = Options()


class Codec(NamedTuple):
    """How one option is read and written."""

    name: str
    """The field of ``Options``."""
    lengths: Collection[int]
    """The lengths on the wire, kind and length octets included; any other is malformed."""
    parse: Callable[[bytes], Any]
    """From the bytes after the length octet; ``None`` means that they have no meaning: kept as unknown."""
    emit: Callable[[Any], bytes]
    """To the bytes after the length octet. Raises ``ValueError``."""


def _parse_number(body: bytes) -> int:
    return int.from_bytes(body, "big")


def _emit_mss(mss: int) -> bytes:
    return mss.to_bytes(2, "big")


def _emit_window_scale(shift: int) -> bytes:
    return bytes((shift,))


def _parse_sack_permitted(_body: bytes) -> bool:
    return True


def _emit_sack_permitted(_permitted: bool) -> bytes:
    return b""


def _parse_sack(body: bytes) -> tuple[tuple[int, int], ...]:
    return tuple(_TIMESTAMPS.iter_unpack(body))


def _emit_sack(blocks: tuple[tuple[int, int], ...]) -> bytes:
    return b"".join([_TIMESTAMPS.pack(left & 0xFFFFFFFF, right & 0xFFFFFFFF) for left, right in blocks])


def _parse_timestamps(body: bytes) -> tuple[int, int]:
    return _TIMESTAMPS.unpack(body)


def _emit_timestamps(timestamps: tuple[int, int]) -> bytes:
    return _TIMESTAMPS.pack(timestamps[0] & 0xFFFFFFFF, timestamps[1] & 0xFFFFFFFF)


def _parse_user_timeout(body: bytes) -> int | None:
    """RFC 5482 §3: the highest bit says minutes; 0 is reserved."""
    value = int.from_bytes(body, "big")
    return (value & 0x7FFF) * (60 if value & 0x8000 else 1) or None


def _emit_user_timeout(seconds: int) -> bytes:
    if 0 < seconds <= _MAX_USER_TIMEOUT:
        return seconds.to_bytes(2, "big")
    minutes = -(-seconds // 60)
    if not 0 < minutes <= _MAX_USER_TIMEOUT:
        raise ValueError(f"a user timeout of {seconds} s does not fit its option")
    return (0x8000 | minutes).to_bytes(2, "big")


def _parse_fast_open(body: bytes) -> bytes | None:
    """RFC 7413 §4.1.1: a length that no cookie has makes the option void, not the segment."""
    return body if len(body) in _COOKIE_LENGTHS else None


def _parse_experiment(body: bytes) -> bytes | None:
    known = body[:2] == FAST_OPEN_MAGIC and _parse_fast_open(body[2:]) is not None
    return ExperimentalCookie(body[2:]) if known else None


def _emit_experiment(cookie: bytes) -> bytes:
    return FAST_OPEN_MAGIC + cookie


def _parse_accurate_ecn(body: bytes) -> tuple[int, ...]:
    """RFC 9768 §3.2.3: of a length to come, the counters that are known."""
    return tuple(int.from_bytes(body[at : at + 3], "big") for at in range(0, min(len(body) - 2, 9), 3))


def _emit_accurate_ecn(counters: tuple[int, ...]) -> bytes:
    return b"".join([(value & 0xFFFFFF).to_bytes(3, "big") for value in counters])


def _as_bytes(body: bytes) -> bytes:
    return body


_COOKIE_LENGTHS: Final = frozenset((0, 4, 6, 8, 10, 12, 14, 16))
_ANY_LENGTH: Final = range(2, MAX_OPTIONS + 1)

CODECS: Final[dict[int, Codec]] = {
    KIND_MSS: Codec("mss", (4,), _parse_number, _emit_mss),
    KIND_WINDOW_SCALE: Codec("window_scale", (3,), _parse_number, _emit_window_scale),
    KIND_SACK_PERMITTED: Codec("sack_permitted", (2,), _parse_sack_permitted, _emit_sack_permitted),
    KIND_SACK: Codec("sack", (10, 18, 26, 34), _parse_sack, _emit_sack),
    KIND_TIMESTAMPS: Codec("timestamps", (10,), _parse_timestamps, _emit_timestamps),
    KIND_MD5: Codec("md5", (18,), _as_bytes, _as_bytes),
    KIND_USER_TIMEOUT: Codec("user_timeout", (4,), _parse_user_timeout, _emit_user_timeout),
    KIND_AO: Codec("ao", range(4, MAX_OPTIONS + 1), _as_bytes, _as_bytes),
    KIND_FAST_OPEN: Codec("fast_open", _ANY_LENGTH, _parse_fast_open, _as_bytes),
    KIND_ACCURATE_ECN_0: Codec("accurate_ecn_0", _ANY_LENGTH, _parse_accurate_ecn, _emit_accurate_ecn),
    KIND_ACCURATE_ECN_1: Codec("accurate_ecn_1", _ANY_LENGTH, _parse_accurate_ecn, _emit_accurate_ecn),
    KIND_EXPERIMENT: Codec("fast_open", _ANY_LENGTH, _parse_experiment, _emit_experiment),
}

_KINDS: Final[dict[str, int]] = {codec.name: kind for kind, codec in reversed(CODECS.items())}
_PADDING: Final = {"nop": b"\x01", "eol": b"\x00"}


class Stamped:
    """Timestamps and nothing else, in both forms."""

    __slots__ = ("data", "options")

    def __init__(self, options: Options, data: bytes) -> None:
        self.options: Options = options
        self.data: bytes = data


_STAMPED: Final[dict[tuple[int, int], Stamped]] = {}
_PARSED: Final[dict[bytes, Options]] = {}
"""The latest of them: the many segments of one millisecond say the same. Two to spare making each anew."""
_MOST: Final = 256


def timestamps_only(value: int, echo: int) -> Options:
    """What almost every segment carries; 32-bit numbers."""
    known = _STAMPED.get((value, echo))
    return (_stamp(value, echo) if known is None else known).options


def _stamp(value: int, echo: int) -> Stamped:
    if len(_STAMPED) >= _MOST:
        _STAMPED.clear()
    data = _ALIGNED_TIMESTAMPS.pack(_NOP_NOP_TIMESTAMPS, value, echo)
    stamped = Stamped(_only((value, echo)), data)
    _STAMPED[value, echo] = stamped
    return stamped


def _only(stamps: tuple[int, int]) -> Options:
    return _new(Options, (None, None, False, (), stamps, None, None, None, None, None, None, ()))


def parse_options(data: Buffer) -> Options:
    """Read the bytes between the fixed TCP header and the payload. Raises ``ParseError``.

    The end-of-list option ends them; of a known option that comes twice the first counts."""
    if not data:
        return NO_OPTIONS
    raw = data if type(data) is bytes else bytes(data)
    known = _PARSED.get(raw)
    if known is not None:
        return known
    if len(raw) == 12:
        magic, value, echo = _ALIGNED_TIMESTAMPS.unpack(raw)
        if magic == _NOP_NOP_TIMESTAMPS:
            if len(_PARSED) >= _MOST:
                _PARSED.clear()
            options = _PARSED[raw] = _only((value, echo))
            return options
    return (_parse_syn(raw) if len(raw) == _SYN.size else None) or _parse_list(raw)


def options_of_syn(  # noqa: PLR0917
    mss: int | None,
    window_scale: int | None,
    sack_permitted: bool,
    timestamps: tuple[int, int] | None,
    user_timeout: int | None,
    fast_open: bytes | None,
) -> Options:
    """What a SYN may say, made without a call of the class."""
    fields = mss, window_scale, sack_permitted, (), timestamps, user_timeout, fast_open, None, None, None, None, ()
    return _new(Options, fields)


def _parse_syn(data: bytes) -> Options | None:
    """The 20 bytes of almost every SYN, by one look at them; None: they are others."""
    mss_head, mss, middle, value, echo, scale = _SYN.unpack(data)
    if mss_head != _MSS_HEAD or middle != _SACK_PERMITTED_TIMESTAMPS or scale >> 8 != _NOP_WINDOW_SCALE:
        return None
    return options_of_syn(mss, scale & 0xFF, True, (value, echo), None, None)


def _emit_syn(options: Options) -> bytes | None:
    """The same the other way; None: something else is to be said."""
    mss, scale, stamps = options.mss, options.window_scale, options.timestamps
    if mss is None or scale is None or stamps is None or mss >> 16 or scale >> 8:
        return None
    if options != (mss, scale, True, (), stamps, None, None, None, None, None, None, ()):
        return None
    value, echo = stamps[0] & 0xFFFFFFFF, stamps[1] & 0xFFFFFFFF
    return _SYN.pack(_MSS_HEAD, mss, _SACK_PERMITTED_TIMESTAMPS, value, echo, _NOP_WINDOW_SCALE << 8 | scale)


def _parse_list(data: bytes) -> Options:
    found: dict[str, Any] = {}
    unknown: list[tuple[int, bytes]] = []
    position = 0
    size = len(data)
    while position < size:
        kind = data[position]
        if kind <= 1:
            if kind == 0:
                break
            position += 1
            continue
        length = data[position + 1] if position + 1 < size else 0
        if length < 2 or position + length > size:
            raise ParseError("tcp-option-length")
        _parse_one(kind, data[position + 2 : position + length], found, unknown)
        position += length
    if "ao" in found and "md5" in found:  # RFC 5925 §2.2
        raise ParseError("tcp-option-ao")
    return Options(**found, unknown=tuple(unknown)) if found or unknown else NO_OPTIONS


def _parse_one(kind: int, body: bytes, found: dict[str, Any], unknown: list[tuple[int, bytes]]) -> None:
    codec = CODECS.get(kind)
    value = None
    if codec is not None:
        if len(body) + 2 not in codec.lengths:
            raise ParseError(f"tcp-option-{codec.name.replace('_', '-')}")
        if codec.name in found:
            if kind == KIND_AO:  # RFC 5925 §2.2: two of them discard the segment
                raise ParseError("tcp-option-ao")
            return
        value = codec.parse(body)
    if codec is None or value is None:
        unknown.append((kind, body))
    else:
        found[codec.name] = value


def emit_options(options: Options, order: tuple[str, ...] | None = None) -> bytes:
    """The option bytes, padded with zeros to a multiple of four.

    ``order`` names fields of ``Options``, ``"nop"`` and ``"eol"``; a name whose option is absent is skipped, an option
    that is not named follows in the default order. The default layout is Linux's. Raises ``ValueError`` when more than
    40 bytes are needed: nothing is left out."""
    if order is None:
        if options is NO_OPTIONS:
            return b""
        stamps = options.timestamps
        stamped = None if stamps is None else _STAMPED.get(stamps)
        if stamped is not None and stamped.options is options:
            return stamped.data
        syn = _emit_syn(options)
        if syn is not None:
            return syn
        order = default_order(options)
    else:
        order += tuple(name for name in default_order(options) if name not in order and name not in _PADDING)
    data = b"".join([_emit_one(name, options) for name in order])
    if len(data) > MAX_OPTIONS:
        raise ValueError(f"the options need {len(data)} bytes, a TCP header has room for {MAX_OPTIONS}")
    return data + bytes(-len(data) % 4)


def default_order(options: Options) -> tuple[str, ...]:
    """The names of the options present, with the no-ops that Linux aligns them by."""
    order: list[str] = []
    if options.md5 is not None:
        order += "nop", "nop", "md5"
    if options.mss is not None:
        order.append("mss")
    if options.timestamps is not None:
        order += ("sack_permitted",) if options.sack_permitted else ("nop", "nop")
        order.append("timestamps")
    elif options.sack_permitted:
        order += "nop", "nop", "sack_permitted"
    if options.window_scale is not None:
        order += "nop", "window_scale"
    if options.user_timeout is not None:
        order.append("user_timeout")
    if options.ao is not None:
        order.append("ao")
    if options.sack:
        order += "nop", "nop", "sack"
    if options.fast_open is not None:
        order.append("fast_open")
        if len(_emit_one("fast_open", options)) % 4 == 2:
            order += "nop", "nop"
    order += [name for name in ("accurate_ecn_0", "accurate_ecn_1") if getattr(options, name) is not None]
    if options.unknown:
        order.append("unknown")
    return tuple(order)


def bsd_order(options: Options) -> tuple[str, ...]:
    """The names of the options present, each where BSD aligns it; what is missing at the end is end-of-list."""
    order: list[str] = []
    size = 0
    for name, alignment, place in _BSD_PLACES:
        value = getattr(options, name)
        if value is None or value is False or value == ():
            continue
        while size % alignment != place or (name == "sack" and not size):
            order.append("nop")
            size += 1
        order.append(name)
        size += len(_emit_one(name, options))
    return tuple(order)


_BSD_PLACES: Final = (
    *(("mss", 1, 0), ("window_scale", 4, 1), ("sack_permitted", 2, 0), ("timestamps", 4, 2), ("md5", 4, 2)),
    *(("ao", 1, 0), ("user_timeout", 1, 0), ("fast_open", 1, 0), ("sack", 4, 2), ("unknown", 1, 0)),
)
"""Name, alignment, and the place in it where the option begins."""


def _emit_one(name: str, options: Options) -> bytes:
    padding = _PADDING.get(name)
    if padding is not None:
        return padding
    if name == "unknown":
        return b"".join([bytes((kind, len(body) + 2)) + body for kind, body in options.unknown])
    kind = _KINDS[name]
    codec = CODECS[kind]
    value = getattr(options, codec.name)
    if type(value) is ExperimentalCookie:
        kind, codec = KIND_EXPERIMENT, CODECS[KIND_EXPERIMENT]
    if value is None or value is False or (value == () and name == "sack"):
        return b""
    body = codec.emit(value)
    return bytes((kind, len(body) + 2)) + body


def format_options(options: Options) -> str:
    """The options as tcpdump and packetdrill write them, without padding: ``"mss 1460,sackOK,wscale 7"``."""
    texts = []
    if options.mss is not None:
        texts.append(f"mss {options.mss}")
    if options.sack_permitted:
        texts.append("sackOK")
    if options.timestamps is not None:
        texts.append(f"TS val {options.timestamps[0]} ecr {options.timestamps[1]}")
    if options.window_scale is not None:
        texts.append(f"wscale {options.window_scale}")
    if options.sack:
        texts.append("sack " + " ".join([f"{left}:{right}" for left, right in options.sack]))
    if options.user_timeout is not None:
        texts.append(f"uto {options.user_timeout}")
    fast_open = "FOEXP" if type(options.fast_open) is ExperimentalCookie else "FO"
    for name, value in ((fast_open, options.fast_open), ("md5", options.md5), ("ao", options.ao)):
        if value is not None:
            texts.append(f"{name} {value.hex()}".rstrip())
    for name, counters in (("AccECN0", options.accurate_ecn_0), ("AccECN1", options.accurate_ecn_1)):
        if counters is not None:
            texts.append(" ".join([name, *map(str, counters)]))
    texts += [f"unknown-{kind} {body.hex()}".rstrip() for kind, body in options.unknown]
    return ",".join(texts)
