"""The UDP tunnel over the loopback interface."""

from __future__ import annotations

import pytest

from estab.links.conformance import check_link
from estab.links.udp import UdpLink
from estab.wire.packet import Packet
from tests.netns import isolated


def pair(host: str = "127.0.0.1") -> tuple[UdpLink, UdpLink]:
    """Two ends that know each other; the second binds first, so that the first knows its port."""
    placeholder = UdpLink((host, 0), (host, 9))
    right = UdpLink((host, 0), placeholder.address)
    address, target = placeholder.address, right.address
    placeholder.close()
    return UdpLink(address, target), right


@isolated
def test_conforms() -> None:
    check_link(pair)


@isolated
def test_a_peer_that_is_not_there_is_no_error() -> None:
    left, right = pair()
    right.close()
    for _ in range(3):
        assert left.send([Packet(b"hello")], 0) == 1
        assert left.receive(0, 4) == []
    left.close()


@isolated
def test_a_packet_that_no_datagram_can_hold_is_lost_and_counted() -> None:
    left, right = pair()
    assert left.send([Packet(bytes(65535)), Packet(b"fits")], 0) == 2
    assert left.send_errors == 1
    assert [packet.head for packet in right.receive(0, 4)] == [b"fits"]
    left.close()
    right.close()


def test_names_are_refused() -> None:
    with pytest.raises(OSError, match=r"not known|not supported|No address"):
        UdpLink(("127.0.0.1", 0), ("localhost", 9))
