"""What ``make wheel`` trains the compiled form with, in small: whoever changes what it uses hears of it here."""

from __future__ import annotations

import pytest

from bench import training
from bench.peers.inside import MILLISECOND, Bulk, Conversations
from estab.wire.link import FULL_OFFLOAD, NO_OFFLOAD, Offload


def test_datagrams_go_there_and_back() -> None:
    training.datagrams(3)


def test_round_trips_cross_a_device_without_rights() -> None:
    training.round_trips_on_a_device(10)


def test_conversations_cross_a_device_without_rights() -> None:
    training.conversations_on_a_device(5)


@pytest.mark.parametrize("offload", [FULL_OFFLOAD, NO_OFFLOAD], ids=["offload", "plain"])
def test_bulk_crosses_a_device_without_rights(offload: Offload) -> None:
    training.bulk_on_a_device(offload, 3)


def test_conversations_over_ipv6_end() -> None:
    line = Conversations(1, MILLISECOND, ends=training.V6, loss=0.02)
    training.conversations(line, 5)
    assert line.server.stack.counters["PassiveOpens"] >= 5


def test_bulk_fills_a_line_that_loses() -> None:
    line = Bulk(1, MILLISECOND, loss=0.01)
    training.bulk(line, 200 * MILLISECOND)
    assert line.client.stack.counters["RetransSegs"]
