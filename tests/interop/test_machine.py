"""What the tests against the kernel need: each is here, or skipped with the command that provides it."""

from __future__ import annotations

import pytest

from tests.netns import require_program, require_tun


@pytest.mark.parametrize(
    ("program", "package"),
    [("curl", "curl"), ("ip", "iproute2"), ("ss", "iproute2"), ("tshark", "tshark"), ("unshare", "util-linux")],
)
def test_program_is_installed(program: str, package: str) -> None:
    require_program(program, f"apt-get install -y {package}")


def test_tun_can_be_opened() -> None:
    require_tun()
