"""Bad bytes raise ``ParseError`` or mean something; nothing else happens."""

from __future__ import annotations

import random

import pytest

from estab.wire import icmp, ip, tcp, udp
from estab.wire.fragments import Reassembler
from estab.wire.packet import PROTO_ICMP, PROTO_ICMPV6, PROTO_TCP, PROTO_UDP, Checksum, Packet, ParseError
from estab.wire.segmentation import complete_checksum, split
from tests.wire.samples import valid_packets

PACKETS = valid_packets()
READERS = {PROTO_TCP: tcp.parse, PROTO_UDP: udp.parse, PROTO_ICMP: icmp.parse, PROTO_ICMPV6: icmp.parse}


def understand(data: bytes, checksum: Checksum) -> bool:
    """Everything that a stack does with bytes from a link; whether they were understood."""
    packet = Packet(data, (), checksum)
    try:
        ip.parse(packet)
        if packet.fragment is not None:
            Reassembler().add(packet, 0)
        elif packet.protocol in READERS:
            repr(READERS[packet.protocol](packet))
    except ParseError as error:
        assert error.reason
        return False
    return True


def test_the_samples_are_valid() -> None:
    assert all(understand(data, Checksum.RAW) for data in PACKETS)


@pytest.mark.parametrize("checksum", [Checksum.RAW, Checksum.VERIFIED])
def test_every_truncation_is_refused(checksum: Checksum) -> None:
    for data in PACKETS:
        for size in range(min(len(data), 700)):
            assert not understand(data[:size], checksum)


@pytest.mark.parametrize("checksum", [Checksum.RAW, Checksum.VERIFIED])
def test_every_flipped_bit(checksum: Checksum) -> None:
    for data in PACKETS:
        for bit in range(min(len(data), 120) * 8):
            flipped = bytearray(data)
            flipped[bit >> 3] ^= 0x80 >> (bit & 7)
            understand(bytes(flipped), checksum)


@pytest.mark.req("RFC9293-MUST-3")
def test_a_flipped_bit_behind_the_addresses_is_caught() -> None:
    """By the checksum, for what has one; a fragment's covers the whole datagram."""
    for data in PACKETS:
        packet = Packet(data)
        ip.parse(packet)
        if packet.fragment is not None:
            continue
        for bit in range(packet.transport * 8, min(len(data), 120) * 8):
            flipped = bytearray(data)
            flipped[bit >> 3] ^= 0x80 >> (bit & 7)
            assert not understand(bytes(flipped), Checksum.RAW)


@pytest.mark.parametrize("checksum", [Checksum.RAW, Checksum.VERIFIED, Checksum.PARTIAL])
def test_random_mutations(checksum: Checksum) -> None:
    rng = random.Random(20)
    for _ in range(4000):
        data = bytearray(rng.choice(PACKETS))
        for _ in range(rng.randrange(1, 6)):
            data[rng.randrange(min(len(data), 90))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        cut = bytes(data[: rng.randrange(len(data) + 1)]) if rng.random() < 0.2 else bytes(data)
        understand(cut, checksum)
        for size in (0, 3):
            try:
                for piece in split(Packet(cut[:200], (), checksum, size, 2)):
                    complete_checksum(piece)
            except ParseError as error:
                assert error.reason
