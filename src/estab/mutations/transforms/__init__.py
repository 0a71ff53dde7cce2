"""Source transforms by name, one file for each part of the house that they are taken out of."""

from __future__ import annotations

from typing import Final

from estab.mutations.transform import Transform
from estab.mutations.transforms.wire import WIRE

TRANSFORMS: Final[dict[str, Transform]] = {each.name: each for each in (*WIRE,)}
