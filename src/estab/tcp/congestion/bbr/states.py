"""The states of BBR and what each does to the pacing rate and the window."""

from __future__ import annotations

from enum import Enum
from typing import Final


class State(Enum):
    """What the flow is after."""

    STARTUP = "Startup"
    DRAIN = "Drain"
    DOWN = "ProbeBW_DOWN"
    CRUISE = "ProbeBW_CRUISE"
    REFILL = "ProbeBW_REFILL"
    UP = "ProbeBW_UP"
    PROBE_RTT = "ProbeRTT"

    __hash__ = object.__hash__


STARTUP: Final = State.STARTUP
DRAIN: Final = State.DRAIN
DOWN: Final = State.DOWN
CRUISE: Final = State.CRUISE
REFILL: Final = State.REFILL
UP: Final = State.UP
PROBE_RTT: Final = State.PROBE_RTT

PACING_GAIN: Final = {STARTUP: 277, DRAIN: 50, DOWN: 90, CRUISE: 100, REFILL: 100, UP: 125, PROBE_RTT: 100}
CWND_GAIN: Final = {STARTUP: 200, DRAIN: 200, DOWN: 200, CRUISE: 200, REFILL: 200, UP: 225, PROBE_RTT: 50}
"""Percent of the bandwidth and of the bandwidth-delay product. The draft's code forgets to set some of them."""

PROBE_BW: Final = frozenset({DOWN, CRUISE, REFILL, UP})
PROBING: Final = frozenset({STARTUP, REFILL, UP})
"""Here loss is expected, and does not lower the short-term bounds."""


class AckPhase(Enum):
    """What the acknowledgements that arrive now tell about the last probe for bandwidth."""

    INIT = "init"
    REFILLING = "refilling"
    STARTING = "starting"
    FEEDBACK = "feedback"
    STOPPING = "stopping"

    __hash__ = object.__hash__


INIT: Final = AckPhase.INIT
REFILLING: Final = AckPhase.REFILLING
STARTING: Final = AckPhase.STARTING
FEEDBACK: Final = AckPhase.FEEDBACK
STOPPING: Final = AckPhase.STOPPING
