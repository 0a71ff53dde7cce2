"""Which addresses are ours."""

import errno

import pytest

from estab.stack.addresses import Addresses
from estab.wire.address import parse_address


def test_one_host_on_a_network() -> None:
    ours = Addresses(["10.0.0.2/24", "fd00::2/64"])
    assert ours.accepts(parse_address("10.0.0.2"))
    assert ours.accepts(parse_address("fd00::2"))
    assert not ours.accepts(parse_address("10.0.0.3"))
    assert not ours.accepts(parse_address("10.0.0.255"))


def test_a_whole_network_and_everything() -> None:
    network = Addresses(["192.0.2.0/24"])
    assert network.accepts(parse_address("192.0.2.77"))
    assert not network.accepts(parse_address("192.0.3.1"))
    everything = Addresses(["0.0.0.0/0", "::/0"])
    assert everything.accepts(parse_address("198.51.100.9"))
    assert everything.accepts(parse_address("2001:db8::1"))


@pytest.mark.parametrize(
    ("peer", "valid"),
    [
        ("10.0.0.3", True),
        ("10.0.0.2", False),
        ("10.0.0.255", False),
        ("255.255.255.255", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
        ("fd00::3", True),
        ("ff02::1", False),
        ("::", False),
    ],
)
def test_who_can_be_a_peer(peer, valid) -> None:
    """RFC 9293 MUST-57, MUST-63; ours as a source is a LAND attack."""
    assert Addresses(["10.0.0.2/24", "fd00::2/64"]).is_valid_peer(parse_address(peer)) is valid


def test_the_source_is_on_the_network_of_the_destination() -> None:
    ours = Addresses(["10.0.0.2/24", "192.0.2.5/24", "fd00::2/64"])
    assert ours.source_for(parse_address("192.0.2.9")) == parse_address("192.0.2.5")
    assert ours.source_for(parse_address("8.8.8.8")) == parse_address("10.0.0.2")
    assert ours.source_for(parse_address("2001:db8::1")) == parse_address("fd00::2")


def test_no_address_of_the_family() -> None:
    with pytest.raises(OSError) as raised:
        Addresses(["10.0.0.2/24"]).source_for(parse_address("fd00::1"))
    assert raised.value.errno == errno.ENETUNREACH
