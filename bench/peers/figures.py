"""How figures are written."""

from __future__ import annotations


def figure(value: float | None) -> str:
    """Three digits, or whole thousands."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
