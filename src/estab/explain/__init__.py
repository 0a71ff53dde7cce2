"""What happened, for people: diagrams of what was on the wire."""

from estab.explain.ladder import ladder

__all__ = ["ladder"]
