"""Source transforms by name, one file for each part of the house that they are taken out of."""

from __future__ import annotations

from itertools import chain
from typing import Final

from estab.mutations.transform import Transform
from estab.mutations.transforms.agreement import AGREEMENT
from estab.mutations.transforms.arriving import ARRIVING
from estab.mutations.transforms.congestion import CONGESTION
from estab.mutations.transforms.ecn import ECN
from estab.mutations.transforms.fast_open import FAST_OPEN
from estab.mutations.transforms.figures import FIGURES
from estab.mutations.transforms.host import HOST
from estab.mutations.transforms.recovery import RECOVERY
from estab.mutations.transforms.sending import SENDING
from estab.mutations.transforms.timing import TIMING
from estab.mutations.transforms.wire import WIRE

_ALL: Final = (WIRE, AGREEMENT, FIGURES, ARRIVING, SENDING, TIMING, RECOVERY, CONGESTION, ECN, HOST, FAST_OPEN)

TRANSFORMS: Final[dict[str, Transform]] = {each.name: each for each in chain.from_iterable(_ALL)}
