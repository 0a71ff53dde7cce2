"""Builds the peers once, into a directory that git ignores; what cannot be built is skipped with a line."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from bench.peers.interpreter import Interpreter, best

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
CACHE: Final = ROOT / ".bench-peers"
PYTCP: Final = "0.3.8"
"""Of pmd-pytcp."""
TRAINING: Final = ("training", "memory", "pair", "idle", "peers/inside", "peers/terms")
"""What the compiled form is laid out by."""
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


def python() -> Interpreter:
    """What runs every stack in Python."""
    CACHE.mkdir(exist_ok=True)
    return best(CACHE / "interpreter.json")


def all_of_them(say: Callable[[str], None]) -> None:
    """Build what is not built yet."""
    say(f"Python is {python()}")
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
    return _environment("pytcp", PYTCP, lambda: [f"pmd-pytcp=={PYTCP}"])


def _estab(form: str, target: str) -> Path:
    """An environment with a wheel of this checkout and nothing else."""
    digest = hashlib.blake2s(digest_size=6)
    sources = (path for path in (ROOT / "src").rglob("*") if path.suffix in (".py", ".c"))
    how = [ROOT / name for name in ("Makefile", "setup.py", "pyproject.toml", "requirements/dev.txt")]
    training = [ROOT / "bench" / f"{name}.py" for name in TRAINING]
    for path in sorted([*sources, *how, *training]):
        digest.update(path.read_bytes())
    return _environment(form, digest.hexdigest(), lambda: ["--no-deps", str(_wheel(form, target, digest.hexdigest()))])


def _wheel(form: str, target: str, digest: str) -> Path:
    """Built once for this checkout, whichever interpreter it is then installed for."""
    wheels = CACHE / f"wheels-{form}-{digest}"
    pattern = "*-none-any.whl" if form == "pure" else "*-cp*.whl"
    if not list(wheels.glob(pattern)):
        for old in CACHE.glob(f"wheels-{form}-*"):
            shutil.rmtree(old)
        _run("make", target, f"DIST={wheels}", cwd=ROOT)
    built = list(wheels.glob(pattern))
    if not built:
        raise Unbuildable(f"make {target} gives no {form} wheel here")
    return built[0]


def _environment(name: str, version: str, packages: Callable[[], Sequence[str]]) -> Path:
    """One of its own for ``python()``, in which ``packages`` are. It needs no pip: ours installs there."""
    chosen = python()
    key = hashlib.blake2s(f"{version} {chosen.path} {chosen.version}".encode(), digest_size=6).hexdigest()
    place = CACHE / f"{name}-{key}"
    made = place / "bin" / "python"
    if not (place / "complete").exists():
        for old in CACHE.glob(f"{name}-*"):
            shutil.rmtree(old)
        wanted = packages()
        _run(chosen.path, "-m", "venv", "--without-pip", str(place))
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(made))
        _run(*pip, "install", "--quiet", *wanted)
        (place / "complete").touch()
    return made


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
    "pure": lambda: _estab("pure", "wheel-pure"),
    "compiled": lambda: _estab("compiled", "wheel"),
    "slirp4netns": lambda: _installed("slirp4netns", "slirp4netns"),
    "pasta": lambda: _installed("pasta", "passt"),
}
