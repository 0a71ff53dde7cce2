"""Defences of TCP, each of which can be taken out: what the lessons and the explorer run to see what it was for.

Nothing is patched. A ``Mutation`` derives other ``Rules`` and another ``Config`` from those that it is given. What
rules cannot express is a ``Transform`` of a module's source, in a process of its own: see ``install``. Each proves
that it took effect.
"""

from __future__ import annotations

from typing import Final

from estab.mutations.by_rules import BY_RULES
from estab.mutations.by_steps import BY_STEPS
from estab.mutations.mutation import Mutant, Mutation, Witness
from estab.mutations.transform import Transform
from estab.mutations.transforms import TRANSFORMS

MUTATIONS: Final[dict[str, Mutation]] = {mutation.name: mutation for mutation in BY_RULES + BY_STEPS}
"""Every defence that can be removed by rules, by name. Those of ``TRANSFORMS`` have other names."""

__all__ = ["MUTATIONS", "TRANSFORMS", "Mutant", "Mutation", "Transform", "Witness"]
