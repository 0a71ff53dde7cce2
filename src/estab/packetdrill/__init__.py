"""Packetdrill scripts against the stack, in virtual time: parsed, run, and the first difference told."""

from estab.packetdrill.runner import Outcome, run_script
from estab.packetdrill.syntax import ScriptError

__all__ = ["Outcome", "ScriptError", "run_script"]
