"""What ``Rules`` cannot express: a defence taken out of the source of one module."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Transform:
    """Other text for a piece of a module. It takes effect in a process that ``install`` has prepared."""

    name: str
    removes: str
    """In one sentence what is gone."""
    source: str
    """Where it is demanded."""
    module: str
    """Below ``estab``: ``"tcp.arrives"``."""
    old: str
    new: str

    def apply(self, text: str) -> str:
        """The module without the defence. Raises ``ValueError`` unless ``old`` stands there exactly once."""
        count = text.count(self.old)
        if count != 1:
            raise ValueError(f"{self.name}: its text is {count} times in estab.{self.module}, not once")
        return text.replace(self.old, self.new)
