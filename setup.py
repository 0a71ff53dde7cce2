"""Builds estab in one of its forms; what it is made of is in pyproject.toml.

``ESTAB_FORM`` says which:

=============  ========================================================================================
``pure``       no native code at all: a wheel for every machine
``compiled``   wire, tcp, stack and what carries packets (to a TUN device, in the simulator) compiled by mypyc, and
               _native.c; an error where that fails
not set        the pure form, and _native.c where there is a compiler
=============  ========================================================================================

``ESTAB_PROFILE`` lays out the compiled form by what it does when it runs. Only gcc is supported, which has switches of
its own for that; with another compiler it is an error, and leaving it out gives the ordinary compiled form:

==============  =======================================================================================
``record:DIR``  what is built counts where it goes, and leaves the counts in DIR when it ends
``use:DIR``     built by these counts, in the directory of the first build: gcc finds them by the names of the objects
not set         neither
==============  =======================================================================================
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sysconfig
from pathlib import Path
from typing import Final

from setuptools import Extension, setup

ROOMS: Final = ("wire", "tcp", "stack")
CARRIERS: Final = (
    *(f"faults/{name}.py" for name in ("changing", "delay", "link", "packets", "rate", "tandem", "timed", "waiting")),
    *(f"links/{name}.py" for name in ("memory", "pool", "tun", "vnet")),
    *(f"sim/{name}.py" for name in ("host", "network", "port")),
)
"""What every packet meets between a stack and a TUN device, or another stack in the same process."""
FORMS: Final = ("pure", "compiled", "")
INTERPRETED: Final = ("__init__.py", "form.py")
NATIVE: Final = "src/estab/wire/_native.c"


def extensions(form: str) -> list[Extension]:
    if form not in FORMS:
        raise SystemExit(f"ESTAB_FORM={form}: expected pure or compiled")
    if form == "pure":
        return []
    compiled = form == "compiled"
    native = Extension("estab.wire._native", [NATIVE], extra_compile_args=["-O3"], optional=not compiled)
    return [native, *(by_mypyc() if compiled else [])]


def profiled(built: list[Extension], profile: str) -> list[Extension]:
    if not profile:
        return built
    flags = profiling(profile)
    for each in built:
        each.extra_compile_args = [*each.extra_compile_args, *flags]
        each.extra_link_args = [*each.extra_link_args, *flags]
    return built


def profiling(profile: str) -> list[str]:
    """The switches of gcc. What would make it do without the profile quietly is refused."""
    what, _, name = profile.partition(":")
    if what not in {"record", "use"} or not name:
        raise SystemExit(f"ESTAB_PROFILE={profile}: expected record:DIR or use:DIR")
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    if not is_gcc(compiler):
        raise SystemExit(f"ESTAB_PROFILE={profile}: {compiler} is not gcc; leave it out to build without a profile")
    place = Path(name).absolute()
    if what == "record":
        # Nothing here has a second thread, and a compiler that is told of threads would count ten times slower.
        return [f"-fprofile-generate={place}", "-fprofile-update=single"]
    here = str(Path.cwd()).replace("/", "#")
    if not any(path.name.startswith(f"{here}#build#") for path in place.glob("*.gcda")):
        raise SystemExit(f"ESTAB_PROFILE={profile}: nothing was recorded there by what was built in {Path.cwd()}")
    return [f"-fprofile-use={place}", "-fprofile-correction", "-Wno-missing-profile"]


def is_gcc(compiler: str) -> bool:
    """Others call themselves gcc too."""
    command = [*shlex.split(compiler), "-dM", "-E", "-x", "c", os.devnull]
    try:
        macros = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        return False
    return "__GNUC__" in macros and "__clang__" not in macros


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
    ext_modules=profiled(extensions(os.environ.get("ESTAB_FORM", "")), os.environ.get("ESTAB_PROFILE", "")),
    options={"build_ext": {"parallel": os.cpu_count() or 1}},
)
