"""Imports point one way, and the rooms without I/O have no clock, no entropy and no descriptors."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src"

BELOW = {
    "wire": set(),
    "tcp": {"wire"},
    "stack": {"tcp"},
    "sockets": {"stack"},
    "links": {"wire"},
    "faults": {"wire"},
    "explain": {"wire"},
    "sim": {"stack", "links", "faults"},
    "mutations": {"tcp", "stack"},
    "explore": {"stack", "mutations"},
    "packetdrill": {"sockets"},
    "drivers": {"sockets", "links", "sim"},
    "estab": {"drivers", "packetdrill", "explore", "explain", "mutations"},
    "lessons": {"estab"},
    "cli": {"lessons"},
    "__main__": {"cli"},
}
"""Each room, and the rooms right below it. It may import those and all that is below them.

"estab" is the package's own ``__init__``: a room that imports it would import every other room.
"""

WITHOUT_IO = {"wire", "tcp", "stack", "sockets", "faults", "sim", "mutations", "explore", "packetdrill"}
IO = {"time", "os", "socket", "asyncio", "threading", "select", "logging"}
SAME_BY_ANOTHER_NAME = {"selectors", "secrets", "datetime", "subprocess", "multiprocessing", "concurrent", "signal"}
FORBIDDEN = dict.fromkeys(WITHOUT_IO, IO | SAME_BY_ANOTHER_NAME) | {
    # Links hold descriptors, and nothing else: time is an argument there too.
    "links": {"time", "asyncio", "threading", "logging", "secrets", "datetime"},
}

MAY_NEED_PACKAGES = {"cli", "__main__", "packetdrill"}
FOR_THE_COMPILER_ALONE = {("estab.wire.form", "mypy_extensions")}
"""Below ``TYPE_CHECKING``: at run time nobody imports it."""


def allowed_below(room: str) -> set[str]:
    """The rooms that ``room`` may import: itself and everything below it."""
    return {room}.union(*map(allowed_below, BELOW[room]))


def room_of(module: str) -> str:
    """``estab.tcp.congestion.reno`` lies in the room ``tcp``, ``estab`` itself in the room ``estab``."""
    return module.split(".")[1] if "." in module else module


def imported(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Line and absolute name of everything that is imported, wherever it stands; ``package`` resolves the dots.

    What ``from estab import NAME`` names is a room if there is one of that name.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            for name in [alias.name for alias in node.names] if module == "estab" else [""]:
                yield node.lineno, f"estab.{name}" if name in BELOW else module


def entropy(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Uses of ``random`` other than a seeded ``random.Random``: the shared generator, or the machine's entropy."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="random"):
                yield from ((node.lineno, alias.name) for alias in node.names if alias.name != "Random")
            case ast.Attribute(value=ast.Name(id="random"), attr=name) if name != "Random":
                yield node.lineno, name
            case ast.Call(func=ast.Attribute(attr="Random") | ast.Name(id="Random"), args=[], keywords=[]):
                yield node.lineno, "Random()"


def complaints(module: str, package: str, source: str) -> list[str]:
    """What is wrong with the imports of one module, a line each."""
    room, tree = room_of(module), ast.parse(source)
    if room not in BELOW:
        return [f"{module}: the room {room!r} has no place in the order of rooms"]
    found = []
    for line, name in imported(tree, package):
        top = name.partition(".")[0]
        if top == "estab":
            if room_of(name) not in allowed_below(room):
                found.append(f"{module}:{line}: {room} must not import {name}")
        elif top in FORBIDDEN.get(room, ()):
            found.append(f"{module}:{line}: {room} must not import {name}: clock, entropy and I/O belong to drivers")
        elif (module, top) in FOR_THE_COMPILER_ALONE:
            continue
        elif top not in sys.stdlib_module_names and room not in MAY_NEED_PACKAGES:
            found.append(f"{module}:{line}: {room} must not import {name}: only the command line needs packages")
    if room in WITHOUT_IO:
        found += [f"{module}:{line}: {name} is not a seeded random.Random" for line, name in entropy(tree)]
    return found


def names_of(path: Path) -> tuple[str, str]:
    """The module's name and its package's, from its place under ``src``."""
    parts = path.relative_to(SRC).with_suffix("").parts
    module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return module, ".".join(parts[:-1])


def test_every_import_points_down() -> None:
    paths = sorted((SRC / "estab").rglob("*.py"))
    assert paths
    assert [line for path in paths for line in complaints(*names_of(path), path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("estab.wire.ip", "from estab.tcp.states import State"),
        ("estab.tcp.plan", "import estab.stack"),
        ("estab.tcp.plan", "from estab import stack"),
        ("estab.tcp.plan", "from estab import Stack"),
        ("estab.tcp.plan", "from ..stack import Stack"),
        ("estab.tcp.plan", "from .. import stack"),
        ("estab.tcp.plan", "def f():\n    import estab.links.tun"),
        ("estab.tcp.plan", "if TYPE_CHECKING:\n    from estab.links.tun import TunLink"),
        ("estab.links.tun", "from estab.tcp.config import Config"),
        ("estab.faults.loss", "import estab.sim"),
        ("estab.sim.network", "import estab.drivers.asyncio"),
        ("estab.drivers.asyncio", "import estab.cli"),
        ("estab.lessons.close", "import estab.cli"),
        ("estab.attic", ""),
    ],
)
def test_a_back_edge_is_found(module: str, source: str) -> None:
    assert len(complaints(module, module.rpartition(".")[0], source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("estab.tcp.plan", "import time"),
        ("estab.tcp.plan", "from os import urandom"),
        ("estab.stack.host", "import concurrent.futures"),
        ("estab.links.tun", "import time"),
        ("estab.sim.network", "from random import randrange"),
        ("estab.sim.network", "import random\nx = random.random()"),
        ("estab.sim.network", "import random\nx = random.SystemRandom()"),
        ("estab.sim.network", "import random\nx = random.Random()"),
        ("estab.drivers.asyncio", "import typer"),
        ("estab.wire.ip", "import scapy.all"),
    ],
)
def test_a_clock_an_entropy_or_a_package_is_found(module: str, source: str) -> None:
    assert len(complaints(module, module.rpartition(".")[0], source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("estab.tcp.plan", "from __future__ import annotations\nimport random\nfrom typing import Final"),
        ("estab.tcp.plan", "from . import states\nfrom .states import State\nfrom estab.wire.packet import Packet"),
        ("estab.sim.network", "import random\nrng = random.Random(7)"),
        ("estab.drivers.asyncio", "import asyncio, os, random\nrng = random.SystemRandom()\nimport estab.wire.ip"),
        ("estab.links.tun", "import fcntl, os, socket"),
        ("estab.cli.main", "import typer, estab\nfrom estab.lessons import LESSONS\nfrom estab import Stack"),
    ],
)
def test_what_points_down_is_accepted(module: str, source: str) -> None:
    assert complaints(module, module.rpartition(".")[0], source) == []
