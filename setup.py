"""Builds estab in one of its forms; what it is made of is in pyproject.toml.

``ESTAB_FORM`` says which:

=============  ========================================================================================
``pure``       no native code at all: a wheel for every machine
``compiled``   wire, tcp, stack and what carries packets in the simulator compiled by mypyc, and the checksum in C;
               an error where that fails
not set        the pure form, and the checksum in C where there is a compiler
=============  ========================================================================================
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from setuptools import Extension, setup

ROOMS: Final = ("wire", "tcp", "stack")
CARRIERS: Final = (
    *(f"faults/{name}.py" for name in ("changing", "delay", "link", "packets", "rate", "tandem", "timed", "waiting")),
    "links/memory.py",
    *(f"sim/{name}.py" for name in ("host", "network", "port")),
)
"""What every packet meets between two stacks in one process."""
FORMS: Final = ("pure", "compiled", "")
INTERPRETED: Final = ("__init__.py", "form.py")
CHECKSUM: Final = "src/estab/wire/_checksum.c"


def extensions(form: str) -> list[Extension]:
    if form not in FORMS:
        raise SystemExit(f"ESTAB_FORM={form}: expected pure or compiled")
    if form == "pure":
        return []
    compiled = form == "compiled"
    checksum = Extension("estab.wire._checksum", [CHECKSUM], extra_compile_args=["-O3"], optional=not compiled)
    return [checksum, *(by_mypyc() if compiled else [])]


def modules(room: str) -> list[str]:
    paths = sorted(Path("src/estab", room).rglob("*.py"))
    return [str(path) for path in paths if path.name not in INTERPRETED]


def by_mypyc() -> list[Extension]:
    """A library for each room: they are compiled side by side, and within a room calls are direct."""
    from mypyc.build import mypycify  # noqa: PLC0415

    rooms = [(modules(room), f"estab_{room}") for room in ROOMS]
    rooms.append(([f"src/estab/{path}" for path in CARRIERS], "estab_carriers"))
    paths = [path for files, _ in rooms for path in files]
    # What the pure form has no use for either is not asked of the compiler: debug information doubles its work.
    return mypycify(["--config-file", "pyproject.toml", *paths], opt_level="2", debug_level="0", separate=rooms)


setup(
    ext_modules=extensions(os.environ.get("ESTAB_FORM", "")),
    options={"build_ext": {"parallel": os.cpu_count() or 1}},
)
