"""Colours for diagrams and states; where there is no terminal, rich leaves them away."""

from __future__ import annotations

import sys
from typing import Final

from rich.console import Console
from rich.text import Text

_STYLES: Final = (
    (r"…[^│|]*", "cyan"),
    (r"[✗X] \w[\w ]*|\w[\w ]* [✗X](?=[─-])|[✗X](?=[─-])|(?<=[─-])[✗X]|\d+ lost", "red"),
    (r"\b(SYN-SENT|SYN-RECEIVED|LISTEN)\b", "yellow"),
    (r"\bESTABLISHED\b", "green"),
    (r"\b(FIN-WAIT-[12]|CLOSE-WAIT|CLOSING|LAST-ACK|TIME-WAIT|CLOSED)\b", "magenta"),
    (r"^ *[\d,]+\.\d{3}(?= )", "dim"),
)

WIDEST: Final = 120
"""Columns that diagrams use at most."""


def paint(line: str) -> Text:
    """A line of a diagram, or a list of states."""
    text = Text(line)
    for pattern, style in _STYLES:
        text.highlight_regex(pattern, style)
    return text


def width_of(console: Console) -> int:
    return min(console.width, WIDEST)


def ascii_only() -> bool:
    """What cannot show a box-drawing character gets plain ones."""
    return "utf" not in (sys.stdout.encoding or "").lower()
