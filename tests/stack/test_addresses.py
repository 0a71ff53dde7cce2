"""Which addresses are ours."""

import errno
import random

import pytest

from estab.stack.addresses import Addresses
from estab.stack.stack import Stack
from estab.wire.address import parse_address
from estab.wire.packet import Packet
from estab.wire.tcp import SYN, Segment, build


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


@pytest.mark.parametrize("loopback", ["127.0.0.1", "::1"])
def test_a_loopback_address_is_its_owners_alone(loopback) -> None:
    address = parse_address(loopback)
    everything = Addresses(["0.0.0.0/0", "::/0", "10.0.0.2/24", "fd00::2/64"])
    assert not everything.accepts(address)
    with pytest.raises(OSError) as raised:
        everything.source_for(address)
    assert raised.value.errno == errno.ENETUNREACH
    owner = Addresses([loopback])
    assert owner.accepts(address)
    assert owner.source_for(address) == address


@pytest.mark.parametrize(
    ("peer", "valid"),
    [
        ("10.0.0.3", True),
        ("10.0.0.2", False),
        ("10.0.0.255", False),
        ("255.255.255.255", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
        ("127.0.0.1", False),
        ("::1", False),
        ("fd00::3", True),
        ("ff02::1", False),
        ("::", False),
    ],
)
def test_who_can_be_a_peer(peer, valid) -> None:
    """RFC 9293 MUST-57, MUST-63; ours as a source is a LAND attack."""
    assert Addresses(["10.0.0.2/24", "fd00::2/64"]).is_valid_peer(parse_address(peer)) is valid


@pytest.mark.req("RFC9293-MUST-43")
def test_a_connection_speaks_from_the_address_that_is_asked_for() -> None:
    stack = Stack(addresses=["10.0.0.2/24", "192.0.2.5/24"], rng=random.Random(1))
    stack.open(("10.0.0.9", 80), 0, local=("192.0.2.5", 0))
    (packet,) = stack.transmit(0)
    assert packet.src == parse_address("192.0.2.5")


@pytest.mark.req("RFC9293-MUST-44")
def test_the_source_is_on_the_network_of_the_destination() -> None:
    ours = Addresses(["10.0.0.2/24", "192.0.2.5/24", "fd00::2/64"])
    assert ours.source_for(parse_address("192.0.2.9")) == parse_address("192.0.2.5")
    assert ours.source_for(parse_address("8.8.8.8")) == parse_address("10.0.0.2")
    assert ours.source_for(parse_address("2001:db8::1")) == parse_address("fd00::2")


def test_no_address_of_the_family() -> None:
    with pytest.raises(OSError) as raised:
        Addresses(["10.0.0.2/24"]).source_for(parse_address("fd00::1"))
    assert raised.value.errno == errno.ENETUNREACH


GROUPS = ("10.0.0.255", "255.255.255.255", "224.0.0.1", "0.0.0.0", "ff02::1", "::")


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_is_nobodys_address(group) -> None:
    """RFC 9293 MUST-57: also where every address is ours."""
    everything = Addresses(["10.0.0.2/24", "0.0.0.0/0", "::/0"])
    assert not everything.accepts(parse_address(group))


@pytest.mark.req("RFC9293-MUST-46")
@pytest.mark.parametrize("group", GROUPS)
def test_a_connection_to_a_group_is_refused_at_the_call(group) -> None:
    """RFC 9293 MUST-46."""
    stack = Stack(addresses=["10.0.0.2/24", "fd00::2/64"], rng=random.Random(1))
    with pytest.raises(OSError) as raised:
        stack.open((group, 80), 0)
    assert raised.value.errno == errno.ENETUNREACH
    assert stack.transmit(0) == []


@pytest.mark.req("RFC9293-MUST-57", "RFC9293-MUST-63", "RFC1122-10")
@pytest.mark.parametrize(
    ("source", "destination"),
    [
        *(("10.0.0.3" if "." in group else "fd00::3", group) for group in GROUPS),
        *((group, "10.0.0.2" if "." in group else "fd00::2") for group in GROUPS),
        ("10.0.0.2", "10.0.0.2"),
    ],
)
def test_a_syn_to_or_from_a_group_gets_no_answer(source, destination) -> None:
    """RFC 9293 MUST-57, MUST-63; the last one is a LAND attack."""
    stack = Stack(addresses=["10.0.0.2/24", "fd00::2/64", "0.0.0.0/0", "::/0"], rng=random.Random(1))
    stack.listen(80)
    for port in (80, 81):
        segment = Segment(1, 0, SYN, 1000, source_port=4000, destination_port=port)
        stack.receive([Packet(build(segment, parse_address(source), parse_address(destination)).tobytes())], 0)
    assert stack.transmit(0) == []
    assert stack.connections == {}
    assert stack.counters["IpInAddrErrors"] + stack.counters["IpInSourceErrors"] == 2
