"""Hosts, cables between them, one virtual clock and one seed: a network in which nothing is left to chance.

``network.py`` is the network; ``record.py`` keeps what was on the wire and what became of it.
"""

from estab.sim.host import SimHost
from estab.sim.network import Network
from estab.sim.record import Passage, Record

__all__ = ["Network", "Passage", "Record", "SimHost"]
