"""Explicit congestion notification: the network marks packets instead of dropping them (RFC 3168, RFC 9768)."""

from estab.tcp.ecn.accurate import AccurateEcn
from estab.tcp.ecn.classic import ClassicEcn
from estab.tcp.ecn.feedback import EcnFeedback

FEEDBACK = {kind.name: kind for kind in (ClassicEcn, AccurateEcn)}
"""The kinds by name, as a snapshot has it."""

__all__ = ["FEEDBACK", "AccurateEcn", "ClassicEcn", "EcnFeedback"]
