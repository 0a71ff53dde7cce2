"""Builds the peers once, into a directory that git ignores; what cannot be built is skipped with a line."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
CACHE: Final = ROOT / ".bench-peers"
PYTCP: Final = "0.3.8"
"""Of pmd-pytcp."""
LIMIT: Final = 1800
"""Seconds for one step."""


class Unbuildable(Exception):  # noqa: N818
    """One line that says why."""


def get(name: str, say: Callable[[str], None]) -> Path | None:
    """The program (for Python: the interpreter) of a peer; None where it cannot be had."""
    made = _get(name)
    if isinstance(made, str):
        say(f"{name} is skipped: {made}")
        return None
    return made


def all_of_them(say: Callable[[str], None]) -> None:
    """Build what is not built yet."""
    CACHE.mkdir(exist_ok=True)
    for name in _MAKERS:
        say(f"building {name}, unless it is built")
        _get(name)


@cache
def _get(name: str) -> Path | str:
    try:
        return _MAKERS[name]()
    except (Unbuildable, OSError, subprocess.TimeoutExpired) as reason:
        return str(reason)


def _smoltcp() -> Path:
    _need("cargo", "install Rust")
    target = CACHE / "smoltcp"
    _run("cargo", "build", "--release", "--quiet", "--locked", "--target-dir", str(target), cwd=HERE / "smoltcp")
    return target / "release" / "peer"


def _gvisor() -> Path:
    _need("go", "install Go")
    target = CACHE / "gvisor"
    _run("go", "build", "-o", str(target), ".", cwd=HERE / "gvisor")
    return target


def _lwip() -> Path:
    _need("cc", "apt-get install gcc")
    if not Path("/usr/include/lwip/lwip/tcp.h").exists():
        raise Unbuildable("lwIP is missing: apt-get install liblwip-dev")
    target = CACHE / "lwip"
    _run("cc", "-O2", "-I/usr/include/lwip", "-o", str(target), str(HERE / "lwip" / "peer.c"), "-llwip")
    return target


def _pytcp() -> Path:
    python = _environment(CACHE / f"pytcp-{PYTCP}")
    if not (python.parent / "pytcpd").exists():
        _run(str(python), "-m", "pip", "install", "--quiet", f"pmd-pytcp=={PYTCP}")
    return python


def _compiled() -> Path:
    """An environment with the compiled wheel of this checkout."""
    digest = hashlib.blake2s(digest_size=6)
    sources = (path for path in (ROOT / "src").rglob("*") if path.suffix in (".py", ".c"))
    for path in sorted([*sources, ROOT / "Makefile"]):
        digest.update(path.read_bytes())
    place = CACHE / f"compiled-{digest.hexdigest()}"
    python = place / "bin" / "python"
    if (place / "complete").exists():
        return python
    for old in CACHE.glob("compiled-*"):
        shutil.rmtree(old)
    _environment(place)
    wheels = place / "wheels"
    _run("make", "wheel", f"DIST={wheels}", cwd=ROOT)
    built = [each for each in wheels.glob("*.whl") if not each.name.endswith("-none-any.whl")]
    if not built:
        raise Unbuildable("make wheel gives no compiled wheel here")
    _run(str(python), "-m", "pip", "install", "--quiet", "--no-deps", str(built[0]))
    (place / "complete").touch()
    return python


def _environment(place: Path) -> Path:
    python = place / "bin" / "python"
    if not python.exists():
        _run(sys.executable, "-m", "venv", str(place))
    return python


def _installed(command: str, package: str) -> Path:
    _need(command, f"apt-get install {package}")
    return Path(command)


def _need(command: str, remedy: str) -> None:
    if shutil.which(command) is None:
        raise Unbuildable(f"{command} is missing: {remedy}")


def _run(*command: str, cwd: Path = HERE) -> None:
    CACHE.mkdir(exist_ok=True)
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=LIMIT, check=False)
    if done.returncode:
        raise Unbuildable((done.stderr.strip().splitlines() or [f"{command[0]} fails without a word"])[-1])


_MAKERS: Final[dict[str, Callable[[], Path]]] = {
    "smoltcp": _smoltcp,
    "gvisor": _gvisor,
    "lwip": _lwip,
    "pmd-pytcp": _pytcp,
    "compiled": _compiled,
    "slirp4netns": lambda: _installed("slirp4netns", "slirp4netns"),
    "pasta": lambda: _installed("pasta", "passt"),
}
