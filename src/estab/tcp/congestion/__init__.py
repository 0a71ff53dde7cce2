"""Congestion controls: one file each, chosen by name. They know bytes and times, not the connection."""

from estab.tcp.congestion.bbr import Bbr
from estab.tcp.congestion.control import Ack, CongestionControl
from estab.tcp.congestion.cubic import Cubic
from estab.tcp.congestion.newreno import NewReno

CONTROLS: dict[str, type[CongestionControl]] = {
    "newreno": NewReno,
    "cubic": Cubic,
    "bbr": Bbr,
}

__all__ = ["CONTROLS", "Ack", "CongestionControl"]
