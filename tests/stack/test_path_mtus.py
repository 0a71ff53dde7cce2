"""What one connection has learned about the size of packets."""

from __future__ import annotations

import random

import pytest

from estab.stack.stack import Stack
from estab.wire.address import parse_address


@pytest.mark.req("RFC4821-04")
def test_a_path_mtu_is_that_of_one_host() -> None:
    stack = Stack(addresses=["10.0.0.1/24"], rng=random.Random(1))
    stack.remember_path_mtu(parse_address("10.0.0.2"), 1300, 0)
    assert stack.open(("10.0.0.2", 80), 0).path.mtu == 1300
    assert stack.open(("10.0.0.3", 80), 0).path.mtu == 1500
