"""A path in words: ``rate=10M delay=20ms loss=1% back.rate=1M @5s loss=0``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from estab.cli.options import parse_delay, parse_loss
from estab.faults.path import Change, Line, Path, bandwidth_delay

SMALLEST_QUEUE: Final = 15_000
"""Bytes: ten packets. Without ``queue`` it holds one bandwidth-delay product, and at least these."""

_MULTIPLES: Final = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
_TIMES: Final = {"ms": 1_000_000, "s": 1_000_000_000, "min": 60_000_000_000}

Settings = dict[str, Any]


def parse_path(words: Sequence[str]) -> Path:
    """The path that the words describe. Raises ``ValueError``.

    ``key=value`` is about both directions, ``back.key=value`` about the way back only. ``@TIME`` begins what changes
    at that time; what it does not name stays."""
    there, back = Settings(), Settings()
    versions: list[tuple[int, Line, Line]] = []
    since = 0
    for word in words:
        if word.startswith("@"):
            versions.append((since, *_lines(there, back)))
            since = parse_time(word[1:])
            continue
        name, _, value = word.partition("=")
        key = name.removeprefix("back.")
        if key not in _KEYS:
            raise ValueError(f"{word!r} says nothing about a path; there are: {', '.join(_KEYS)}")
        if key == name:
            there[key] = _value(key, value)
        back[key] = _value(key, value)
    versions.append((since, *_lines(there, back)))
    (_, first, other), *changes = versions
    return Path(first, other, tuple(Change(*change) for change in changes))


def parse_amount(text: str) -> int:
    """``"10M"``, ``"1.5M"``, ``"64k"`` or ``"3000"``: bits per second, or bytes. Raises ``ValueError``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kMG]?)", text)
    if match is None:
        raise ValueError(f"{text!r} is no amount: 10M, 64k or 3000 is expected")
    return round(float(match[1]) * _MULTIPLES[match[2]])


def parse_time(text: str) -> int:
    """``"500ms"``, ``"30s"`` or ``"5min"`` in nanoseconds. Raises ``ValueError``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|min)", text)
    if match is None:
        raise ValueError(f"{text!r} is no time: 500ms, 30s or 5min is expected")
    return round(float(match[1]) * _TIMES[match[2]])


def _lines(there: Settings, back: Settings) -> tuple[Line, Line]:
    rtt = there.get("delay", 0) + back.get("delay", 0)
    first: Settings = {"queue": _queue(there, rtt)} | there
    second: Settings = {"queue": _queue(back, rtt)} | back
    return Line(**first), Line(**second)


def _queue(settings: Settings, rtt: int) -> int:
    return max(bandwidth_delay(settings.get("rate", 0), rtt), SMALLEST_QUEUE)


def _value(key: str, text: str) -> Any:
    try:
        return _KEYS[key](text)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _burst(text: str) -> tuple[float, float]:
    begin, slash, end = text.partition("/")
    if not slash:
        raise ValueError(f"{text!r} is no burst: the chances that it begins and ends are expected, as in 0.25%/25%")
    return parse_loss(begin), parse_loss(end)


def _flag(text: str) -> bool:
    if text not in ("", "yes", "no"):
        raise ValueError(f"{text!r}: yes or no is expected")
    return text != "no"


_KEYS: Final[dict[str, Callable[[str], Any]]] = {
    "rate": parse_amount,
    "queue": parse_amount,
    "delay": parse_delay,
    "jitter": parse_delay,
    "reorder": _flag,
    "loss": parse_loss,
    "burst": _burst,
    "mask": lambda text: int(text, 0),
    "duplicate": parse_loss,
    "mark": parse_amount,
}
