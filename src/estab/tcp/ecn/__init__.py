"""Explicit congestion notification: the network marks packets instead of dropping them (RFC 3168)."""

from estab.tcp.ecn.classic import ClassicEcn
from estab.tcp.ecn.feedback import EcnFeedback

__all__ = ["ClassicEcn", "EcnFeedback"]
