"""What happens in a namespace is told outside."""

from __future__ import annotations

import socket

import pytest

from tests import netns


def add(left: int, right: int) -> dict[str, object]:
    return {"sum": left + right, "interfaces": [name for _, name in socket.if_nameindex()]}


def fail() -> None:
    raise AssertionError("seen inside")


def test_arguments_and_result_pass_and_the_network_is_empty() -> None:
    assert netns.run(add, 2, right=3) == {"sum": 5, "interfaces": ["lo"]}


def test_a_failure_inside_is_a_failure_outside() -> None:
    with pytest.raises(pytest.fail.Exception, match="seen inside"):
        netns.run(fail)


def test_what_is_missing_is_a_skip_or_where_all_is_required_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ESTAB_REQUIRE_ALL", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"no-such-program is missing.*: apt-get install it"):
        netns.require_program("no-such-program", "apt-get install it")
    monkeypatch.setenv("ESTAB_REQUIRE_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match="no-such-program is missing"):
        netns.require_program("no-such-program", "apt-get install it")
