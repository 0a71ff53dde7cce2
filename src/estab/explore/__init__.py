"""Two real stacks and an adversary: every interleaving of what they do and what it lets happen, up to a budget.

``Case`` says what to explore, ``run`` explores it, ``campaign`` runs many on an executor, ``replay`` tells one again.
"""

from estab.explore.campaign import campaign
from estab.explore.case import Case, Found, Result, run
from estab.explore.properties import PROPERTIES, WITNESSES
from estab.explore.replay import as_json, case_from, replay
from estab.explore.scenarios import SCENARIOS, Scenario
from estab.explore.setting import Budget

__all__ = [
    "PROPERTIES",
    "SCENARIOS",
    "WITNESSES",
    "Budget",
    "Case",
    "Found",
    "Result",
    "Scenario",
    "as_json",
    "campaign",
    "case_from",
    "replay",
    "run",
]
