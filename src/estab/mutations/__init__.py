"""Defences of TCP, each of which can be taken out: what the lessons and the explorer run to see what it was for.

Nothing is patched. A mutation derives other ``Rules`` and another ``Config`` from those that it is given, and each
proves that it took effect.
"""

from __future__ import annotations

from typing import Final

from estab.mutations.by_rules import BY_RULES
from estab.mutations.mutation import Mutant, Mutation, Witness

MUTATIONS: Final[dict[str, Mutation]] = {mutation.name: mutation for mutation in BY_RULES}
"""Every defence that can be removed by rules, by name."""

__all__ = ["MUTATIONS", "Mutant", "Mutation", "Witness"]
