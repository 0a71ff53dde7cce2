"""estab: TCP as a Python library. A complete userspace TCP/IP endpoint that runs on any packet pipe.

``Stack`` is the endpoint without any I/O, ``attach`` puts one on a link under asyncio, ``simulate`` runs a program on
a simulated network in virtual time. What a module offers is listed in docs/api.md.
"""

from estab.drivers.asyncio_driver import attach
from estab.drivers.collector import without_pauses
from estab.drivers.deadlock import DeadlockError
from estab.drivers.host import Host
from estab.drivers.virtual import run as simulate
from estab.faults.link import FaultyLink
from estab.links.memory import memory_pair
from estab.links.tap import PcapngTap
from estab.links.tun import TunLink
from estab.links.udp import UdpLink
from estab.stack.listener import Decision, Listener, Syn
from estab.stack.netstat import NetstatRow
from estab.stack.pump import Pump
from estab.stack.stack import Stack
from estab.stack.udp import UdpPort
from estab.tcp.config import PROFILES, Config, Ecn
from estab.tcp.connection import Connection
from estab.tcp.observer import Observer, Reason
from estab.tcp.rules import RULES, Rules
from estab.tcp.states import Fact, State
from estab.wire.form import COMPILED
from estab.wire.link import FULL_OFFLOAD, MEMORY_OFFLOAD, NO_OFFLOAD, Link, Offload
from estab.wire.packet import Packet, ParseError

__all__ = [
    "COMPILED",
    "FULL_OFFLOAD",
    "MEMORY_OFFLOAD",
    "NO_OFFLOAD",
    "PROFILES",
    "RULES",
    "Config",
    "Connection",
    "DeadlockError",
    "Decision",
    "Ecn",
    "Fact",
    "FaultyLink",
    "Host",
    "Link",
    "Listener",
    "NetstatRow",
    "Observer",
    "Offload",
    "Packet",
    "ParseError",
    "PcapngTap",
    "Pump",
    "Reason",
    "Rules",
    "Stack",
    "State",
    "Syn",
    "TunLink",
    "UdpLink",
    "UdpPort",
    "attach",
    "memory_pair",
    "simulate",
    "without_pauses",
]
