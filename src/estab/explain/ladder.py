"""A ladder diagram in plain text: two hosts, the segments between them, and what each did to the states.

Time runs down. A segment is one line, drawn when it leaves, with the sender's state then and the receiver's once it
had arrived. Where that would show a host's states out of order, or where it was held up, it is two: where it leaves
and where it lands. A lost one ends at a cross.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple, Protocol

from estab.wire.sequence import MASK32
from estab.wire.tcp import ACK, AE, CWR, ECE, FIN, PSH, RST, SYN, URG

Endpoint = tuple[bytes, int]

_NAMES: Final = (
    (SYN, "SYN"),
    (FIN, "FIN"),
    (RST, "RST"),
    (PSH, "PSH"),
    (URG, "URG"),
    (ECE, "ECE"),
    (CWR, "CWR"),
    (AE, "AE"),
    (ACK, "ACK"),
)
_STATE: Final = 12
"""Width of ``SYN-RECEIVED`` and ``ESTABLISHED``."""
_NARROWEST: Final = 80
_TIME: Final = 11
_MILLISECOND: Final = 1_000_000
_MISHAPS: Final = (("lost", "lost"), ("duplicate", "duplicated"), ("delayed", "delayed"))


class Drawable(Protocol):
    """What is drawn of one packet: ``sim.Passage`` is one."""

    @property
    def sent_at(self) -> int: ...
    @property
    def arrived_at(self) -> int | None: ...
    @property
    def src(self) -> str: ...
    @property
    def dst(self) -> str: ...
    @property
    def source(self) -> Endpoint: ...
    @property
    def destination(self) -> Endpoint: ...
    @property
    def flags(self) -> int: ...
    @property
    def seq(self) -> int: ...
    @property
    def ack(self) -> int: ...
    @property
    def length(self) -> int: ...
    @property
    def window(self) -> int: ...
    @property
    def fate(self) -> str: ...
    @property
    def cause(self) -> str: ...
    @property
    def src_state(self) -> str: ...
    @property
    def dst_state(self) -> str: ...
    @property
    def info(self) -> str: ...


class _Part(NamedTuple):
    """What one line shows: a whole passage, or one end of it."""

    at: int
    order: int
    passage: Drawable
    kind: str
    """``"whole"``, ``"leaves"``, ``"lands"`` or ``"lost"``."""


def ladder(
    passages: Sequence[Drawable],
    left: str,
    right: str,
    *,
    width: int = 100,
    relative: bool = True,
    fold: int = 8,
    start: int = 0,
    ascii_only: bool = False,
) -> str:
    """The diagram, one string with newlines, no line longer than ``width`` (at least 80).

    left, right: the names of the two hosts; a packet of somebody else begins in the middle. relative: sequence
    numbers count from each side's latest SYN. fold: of a longer run of data and acknowledgements that moves no state
    only the ends are shown, and the sum of the rest; 0: everything. start: the time (ns) that is shown as 0.
    """
    chart = _Chart(left, right, max(width, _NARROWEST), start, ascii_only)
    labels = _labels(passages, relative)
    lines = [chart.header()]
    for quiet, run in groupby(_parts(passages), key=lambda part: _quiet(part, left)):
        parts = list(run)
        ends = len(parts) if not quiet or not fold or len(parts) <= fold else fold // 2
        lines += [chart.line(part, labels[id(part.passage)]) for part in parts[:ends]]
        if ends < len(parts):
            # What is drawn in two lines counts where it leaves; a copy has only the one where it lands.
            inner = [part.passage for part in parts[ends:-ends] if part.kind != "lands" or _is_copy(part.passage)]
            lines += chart.folded(inner)
            lines += [chart.line(part, labels[id(part.passage)]) for part in parts[-ends:]]
    return "\n".join(line.rstrip() for line in lines)


def _is_copy(passage: Drawable) -> bool:
    return passage.fate == "duplicate"


def _parts(passages: Sequence[Drawable]) -> list[_Part]:
    crossed = _crossings(passages)
    parts = []
    for order, passage in enumerate(passages):
        if passage.arrived_at is None or passage.fate == "lost":
            parts.append(_Part(passage.sent_at, order, passage, "lost"))
        elif _is_copy(passage):
            parts.append(_Part(passage.arrived_at, order, passage, "lands"))
        elif passage.fate == "delayed" or crossed(passage, order):
            parts.append(_Part(passage.sent_at, order, passage, "leaves"))
            parts.append(_Part(passage.arrived_at, order, passage, "lands"))
        else:
            parts.append(_Part(passage.sent_at, order, passage, "whole"))
    # What lands at an instant comes before what leaves at it in answer.
    return sorted(parts, key=lambda part: (part.at, part.kind != "lands", part.order))


def _crossings(passages: Sequence[Drawable]) -> Callable[[Drawable, int], bool]:
    """Whether a host is seen in another state while a passage is on its way to it."""
    seen: dict[str, list[tuple[int, int, str, bool]]] = {}
    for order, passage in enumerate(passages):
        seen.setdefault(passage.src, []).append((passage.sent_at, order, passage.src_state, True))
        if passage.arrived_at is not None:
            seen.setdefault(passage.dst, []).append((passage.arrived_at, order, passage.dst_state, False))
    for states in seen.values():
        states.sort()

    def crossed(passage: Drawable, order: int) -> bool:
        states = seen.get(passage.dst, [])
        first = bisect_left(states, (passage.sent_at, -1))
        last = bisect_left(states, (passage.arrived_at or 0, -1))
        sent = passage.sent_at, order
        # Of what happened at the very instant of sending, arrivals that are drawn before are past.
        return any(
            state != passage.dst_state and (departs or (at, number) > sent)
            for at, number, state, departs in states[first:last]
        )

    return crossed


def _quiet(part: _Part, left: str) -> tuple[str, str] | None:
    """The states of both hosts, where a packet is one of a transfer's many and moves none of them."""
    passage = part.passage
    if passage.flags & (SYN | FIN | RST | URG) or passage.info or not passage.src_state:
        return None
    states = passage.src_state, passage.dst_state
    return states if passage.src == left else (states[1], states[0])


# ---------------------------------------------------------------------- labels


def _labels(passages: Sequence[Drawable], relative: bool) -> dict[int, list[str]]:
    """What can be written on each arrow, by the identity of the passage: in full first, then shorter."""
    first: dict[tuple[Endpoint, Endpoint], int] = {}
    labels = {}
    for passage in passages:
        way = passage.source, passage.destination
        if relative and passage.flags & SYN and passage.fate != "duplicate":
            first[way] = passage.seq
        seq = passage.seq - first.get(way, 0) & MASK32
        ack = passage.ack - first.get((way[1], way[0]), 0) & MASK32
        labels[id(passage)] = [passage.info] if passage.info else list(_wordings(passage, seq, ack))
    return labels


def _wordings(passage: Drawable, seq: int, ack: int) -> Iterator[str]:
    numbers = f"seq={seq}"
    if passage.flags & ACK:
        numbers += f" ack={ack}"
    if passage.length:
        numbers += f" len={passage.length}"
    if passage.window == 0 and not passage.flags & RST:
        numbers += " win=0"
    for left_out in (0, PSH):
        names = "+".join(name for bit, name in _NAMES if passage.flags & bit & ~left_out)
        yield f"{names or 'no flags'} {numbers}"
    yield f"{names.replace('+ACK', '.') or 'no flags'} {seq}:{seq + passage.length}"


# ---------------------------------------------------------------------- lines


class _Style(NamedTuple):
    rail: str
    dash: str
    dot: str
    right: str
    left: str
    cross: str
    ellipsis: str


_UNICODE: Final = _Style("│", "─", "┄", "▶", "◀", "✗", "…")
_ASCII: Final = _Style("|", "-", ".", ">", "<", "X", "...")


class _Chart:
    """Draws lines of one width, and remembers which states it has shown."""

    def __init__(self, left: str, right: str, width: int, start: int, ascii_only: bool) -> None:
        self.left = left
        self.right = right
        self.start = start
        self.style = _ASCII if ascii_only else _UNICODE
        self.span = width - _TIME - 2 * (_STATE + 2) - 2
        """Characters between the two rails."""
        self.shown = {left: "", right: ""}

    def header(self) -> str:
        return f"{'ms':>{_TIME}}  {self.left:<{_STATE}} {'':{self.span + 2}} {self.right}"

    def line(self, part: _Part, wordings: list[str]) -> str:
        passage = part.passage
        states = {}
        if part.kind != "lands":
            states[passage.src] = passage.src_state
        # What is lost tells of its receiver only as long as nothing else has: an arrival drawn before may be later.
        if part.kind in {"whole", "lands"} or (part.kind == "lost" and not self.shown.get(passage.dst)):
            states[passage.dst] = passage.dst_state
        return self._row(self._time(part.at), states, self._arrow(part, wordings))

    def folded(self, passages: list[Drawable]) -> list[str]:
        """The sum of what is not shown: data by direction, acknowledgements, and what happened to them on the way."""
        lines = []
        for src, arrow in ((self.left, self.style.right), (self.right, self.style.left)):
            sent = [each for each in passages if each.src == src and not _is_copy(each)]
            data = {each.seq: each.length for each in sent if each.length}
            if data:
                count = sum(1 for each in sent if each.length)
                lines.append(f"{_counted(count, 'segment')}, {_counted(sum(data.values()), 'byte')} {arrow}")
            acks = sum(1 for each in sent if not each.length)
            if acks:
                lines.append(f"{_counted(acks, 'ACK')} {arrow}")
        fates = Counter(each.fate for each in passages)
        mishaps = [f"{fates[fate]:,} {name}" for fate, name in _MISHAPS if fates[fate]]
        if mishaps:
            lines.append(", ".join(mishaps))
        return [self._row(" " * _TIME, {}, f"{self.style.ellipsis} {text}".center(self.span)) for text in lines]

    def _row(self, time: str, states: dict[str, str], middle: str) -> str:
        left, right = self._new_state(self.left, states), self._new_state(self.right, states)
        return f"{time}  {left:<{_STATE}} {self.style.rail}{middle}{self.style.rail} {right}"

    def _new_state(self, name: str, states: dict[str, str]) -> str:
        """The state, where it is not the one shown last."""
        state = states.get(name, "")
        if not state or state == self.shown[name]:
            return ""
        self.shown[name] = state
        return state

    def _time(self, at: int) -> str:
        return f"{(at - self.start) / _MILLISECOND:>{_TIME},.3f}"

    def _arrow(self, part: _Part, wordings: list[str]) -> str:
        """What stands between the rails: made from left to right, and turned round where the packet goes left."""
        style, kind, passage = self.style, part.kind, part.passage
        label = next((text for text in wordings if len(text) + 8 <= self.span), wordings[-1])[: self.span - 8]
        tail, head, dots = _Shaft(style.dash * 2), _Shaft(style.dash + style.right), _Shaft(style.dot * 3)
        note = next((text for text in self._notes(part) if len(label) + len(text) + 9 <= self.span), "")
        if kind == "lost":
            pieces = [*_stretched([tail, label, _Shaft(style.cross)], 2, style.dash, self.span // 2), note]
        elif kind == "leaves":
            pieces = [tail, label, dots, note]
        elif kind == "lands" or passage.src not in self.shown:
            front = ["", note] if note else [""]
            pieces = _stretched([*front, dots, label, head], len(front), style.dot, self.span)
        else:
            pieces = _stretched([tail, label, _Shaft(style.right)], 2, style.dash, self.span)
        if passage.dst == self.right:
            return " ".join(pieces).ljust(self.span)
        turned = [piece[::-1].replace(style.right, style.left) if type(piece) is _Shaft else piece for piece in pieces]
        return " ".join(reversed(turned)).rjust(self.span)

    def _notes(self, part: _Part) -> tuple[str, ...]:
        """What may stand beside the arrow: in full first, then shorter."""
        passage = part.passage
        if part.kind == "lost":
            return (passage.cause,)
        if part.kind == "leaves":
            return ("on its way",)
        if passage.src not in self.shown:
            return (f"from {passage.src}",)
        sent = f"{(passage.sent_at - self.start) / _MILLISECOND:,.3f}"
        return (f"copy of {sent}", "copy") if _is_copy(passage) else (f"sent {sent}", "late")


class _Shaft(str):
    """A piece of an arrow, not of its text."""

    __slots__ = ()


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _stretched(pieces: list[str], index: int, filler: str, width: int) -> list[str]:
    """The pieces, ``width`` characters when joined by blanks: the shaft at ``index`` takes what is missing."""
    missing = width - len(" ".join(pieces))
    return [*pieces[:index], _Shaft(filler * missing + pieces[index]), *pieces[index + 1 :]]


__all__ = ["Drawable", "ladder"]
