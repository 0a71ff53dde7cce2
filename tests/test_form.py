"""The form of the core that the tests run on is the one that was asked for (``ESTAB_FORM``), and all of it."""

from __future__ import annotations

import importlib
import os
import pkgutil
from pathlib import Path

import pytest

import estab
from estab.wire import checksum, copying

ROOMS = ("estab.wire", "estab.tcp", "estab.stack")
CARRIERS = ("estab.faults.link", "estab.links.memory", "estab.links.tun", "estab.links.vnet", "estab.sim.network")
"""Some of what is compiled beside the rooms: one of each kind."""


def interpreted_modules() -> list[str]:
    """The modules of the core that run as Python."""
    found = []
    for room in ROOMS:
        for module in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}."):
            loaded = importlib.import_module(module.name)
            if not module.ispkg and Path(str(loaded.__file__)).suffix == ".py" and module.name != "estab.wire.form":
                found.append(module.name)
    return found


def test_the_form_is_the_one_that_was_asked_for() -> None:
    assert ("compiled" if estab.COMPILED else "pure") == os.environ.get("ESTAB_FORM", "pure")


def test_the_core_is_in_one_form() -> None:
    assert bool(interpreted_modules()) is not estab.COMPILED


@pytest.mark.parametrize("name", CARRIERS)
def test_what_carries_packets_is_in_the_same_form(name: str) -> None:
    assert (Path(str(importlib.import_module(name).__file__)).suffix == ".py") is not estab.COMPILED


def test_the_compiled_form_sums_and_copies_in_c() -> None:
    assert not estab.COMPILED or checksum.ones_sum is not checksum.ones_sum_pure
    assert not estab.COMPILED or copying.joined is not copying.joined_pure
