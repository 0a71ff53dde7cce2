"""What the tests against the kernel need: each is here, or skipped with the command that provides it."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def missing(what: str, remedy: str) -> NoReturn:
    """Skip, or fail where everything is required."""
    line = f"{what} is missing: {remedy}"
    if os.environ.get("ESTAB_REQUIRE_ALL"):
        pytest.fail(line)
    pytest.skip(line)


@pytest.mark.parametrize(
    ("tool", "package"),
    [("curl", "curl"), ("ip", "iproute2"), ("ss", "iproute2"), ("tshark", "tshark"), ("unshare", "util-linux")],
)
def test_tool_is_installed(tool: str, package: str) -> None:
    if shutil.which(tool) is None:
        missing(tool, f"apt-get install {package}")


def test_tun_can_be_opened() -> None:
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except FileNotFoundError:
        missing("/dev/net/tun", "modprobe tun (in a container: start it with --device /dev/net/tun)")
    except PermissionError:
        missing("the permission to open /dev/net/tun", "chmod 0666 /dev/net/tun")
