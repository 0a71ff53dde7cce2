"""Tests that need a network of their own: the function runs again in a fresh namespace, in another process.

Root needs ``unshare -n``; an ordinary user gets a user namespace too (``unshare -Urn``). Nothing touches the
network that the tests were started in. What is missing is a skip that names the command which would provide it;
with ``ESTAB_REQUIRE_ALL=1`` it is a failure.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.where import PATHS

TUN = "/dev/net/tun"


def missing(what: str, command: str) -> NoReturn:
    """Skip the test, or fail it where everything is required."""
    text = f"{what} is missing; it would be provided by: {command}"
    if os.environ.get("ESTAB_REQUIRE_ALL") == "1":
        pytest.fail(text, pytrace=False)
    pytest.skip(text)


def require_program(name: str, command: str) -> str:
    """The path of a program, or a skip that says how to install it."""
    path = shutil.which(name)
    return path if path else missing(name, command)


def run(function: Callable[..., Any], *args: Any, timeout: float = 180, **kwargs: Any) -> Any:
    """Call a function of a test module in a new network namespace with ``lo`` up; the test fails as it fails.

    Arguments and result go through JSON. timeout: seconds until the process is killed and the test fails."""
    prefix = _unshare_command()
    source = inspect.getsourcefile(inspect.unwrap(function))
    call = json.dumps({"file": source, "name": function.__name__, "args": args, "kwargs": kwargs})
    path = [*PATHS, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path)}
    command = [*prefix, sys.executable, "-W", "error", str(Path(__file__).resolve()), call]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as expired:
        pytest.fail(f"{function.__name__} took longer than {timeout} s\n{expired.stdout}\n{expired.stderr}")
    if done.returncode:
        pytest.fail(f"{function.__name__} failed in its namespace\n{done.stdout}\n{done.stderr}", pytrace=False)
    return json.loads(done.stdout.splitlines()[-1])


def require_tun() -> None:
    """A skip where no TUN device can be opened."""
    if not os.path.exists(TUN):
        missing(TUN, "modprobe tun (in a container: start it with --device /dev/net/tun)")
    if not os.access(TUN, os.R_OK | os.W_OK):
        missing(f"permission to open {TUN}", f"sudo chmod 666 {TUN}")


def isolated_with_tun(test: Callable[..., None]) -> Callable[..., None]:
    """Decorator: like ``isolated``, for a test that opens a TUN device."""

    @functools.wraps(test)
    def outside(*args: Any, **kwargs: Any) -> None:
        require_tun()
        run(test, *args, **kwargs)

    return outside


def isolated(test: Callable[..., None]) -> Callable[..., None]:
    """Decorator: the test runs in a network namespace of its own. Its parameters have to be JSON; no fixtures."""

    @functools.wraps(test)
    def outside(*args: Any, **kwargs: Any) -> None:
        run(test, *args, **kwargs)

    return outside


def _unshare_command() -> list[str]:
    require_program("unshare", "apt-get install -y util-linux")
    prefix = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        missing(f"permission for {' '.join(prefix)}", "sudo sysctl kernel.unprivileged_userns_clone=1, or run as root")
    return prefix


def _inside(call: dict[str, Any]) -> None:
    """What the process in the namespace does."""
    import socket  # noqa: PLC0415 (only here)

    from estab.links import netlink  # noqa: PLC0415 (the parent needs no package to skip)

    # What a script runs in the background ignores SIGINT, and so would every command that a test starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    netlink.set_link(socket.if_nametoindex("lo"))
    spec = importlib.util.spec_from_file_location(Path(call["file"]).stem, call["file"])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    function = inspect.unwrap(getattr(module, call["name"]))
    result = function(*call["args"], **call["kwargs"])
    sys.stdout.write("\n" + json.dumps(result) + "\n")


if __name__ == "__main__":
    _inside(json.loads(sys.argv[1]))
