from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estab.wire import ip, udp
from estab.wire.fragments import SECOND, Reassembler
from estab.wire.packet import Fragment, Packet, ParseError
from tests.wire.samples import FAMILIES, V4, V6, read

PAYLOAD = bytes(range(256)) * 20


def cut(
    family: tuple[bytes, bytes], identification: int = 1, mtu: int = 1280, payload: bytes = PAYLOAD
) -> list[Packet]:
    """A datagram in pieces, as they come from a wire."""
    whole = udp.build(*family, 1, 2, payload, ttl=50)
    return [read(piece.tobytes()) for piece in ip.fragment_packet(whole, mtu, identification)]


def piece(family: tuple[bytes, bytes], offset: int, size: int, more: bool, identification: int = 1) -> Packet:
    """One fragment with a place of our choice, which no honest sender may have used."""
    packet = read(ip.header(*family, 17, size) + bytes(size))
    packet.fragment = Fragment(identification, offset, more)
    return packet


def refusal(reassembler: Reassembler, packet: Packet) -> str:
    with pytest.raises(ParseError) as caught:
        reassembler.add(packet, 0)
    return caught.value.reason


def nothing_kept(reassembler: Reassembler) -> bool:
    return reassembler.snapshot(0) == ((), ()) and reassembler.next_deadline() is None


@given(st.sampled_from(FAMILIES), st.randoms(use_true_random=False), st.integers(256, 1500), st.booleans())
def test_any_order_with_duplicates(family, random, mtu: int, duplicates: bool) -> None:  # type: ignore[no-untyped-def]
    payload = PAYLOAD[: random.randrange(mtu, len(PAYLOAD))]
    pieces = cut(family, mtu=mtu, payload=payload)
    last = random.randrange(len(pieces))
    others = pieces[:last] + pieces[last + 1 :]
    if duplicates:
        others += random.sample(others, len(others) // 2)
    random.shuffle(others)
    reassembler = Reassembler()
    assert [reassembler.add(each, 0) for each in others] == [None] * len(others)
    whole = reassembler.add(pieces[last], 5)
    assert whole is not None
    assert udp.parse(whole) == (1, 2, payload)
    assert (whole.src, whole.dst, whole.ttl, whole.fragment) == (*family, 50, None)
    assert nothing_kept(reassembler)


def test_what_is_no_fragment_passes() -> None:
    packet = read(udp.build(*V4, 1, 2, b"").tobytes())
    assert Reassembler().add(packet, 0) is packet


def test_datagrams_do_not_mix() -> None:
    reassembler = Reassembler()
    streams = [cut(V4, 1), cut(V4, 2), cut(V4[::-1], 1), cut(V6, 1), cut(V6, 0x10001)]
    done = [reassembler.add(each, 0) for group in zip(*streams, strict=True) for each in group]
    assert sum(whole is not None for whole in done) == 5
    assert nothing_kept(reassembler)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "second",
    [(8, 16, True), (0, 8, True), (0, 24, True), (16, 16, True), (0, 16, False), (24, 8, False)],
)
def test_an_overlap_kills_the_datagram(family: tuple[bytes, bytes], second: tuple[int, int, bool]) -> None:
    """RFC 5722 §4, RFC 8200 §4.5; also those that were still to come."""
    reassembler = Reassembler()
    reassembler.add(piece(family, 8, 16, True), 0)
    if second == (24, 8, False):
        reassembler.add(piece(family, 24, 16, True), 0)
    if second == (8, 16, True):  # the same place, other bytes
        packet = piece(family, *second)
        packet.head = bytes(packet.head[:-1]) + b"X"
    elif second == (0, 8, True):
        packet = piece(family, 0, 16, True)
    elif second == (0, 16, False):
        packet = piece(family, 0, 8, False)
    else:
        packet = piece(family, *second)
    assert refusal(reassembler, packet) == "ip-fragment-overlap"
    assert reassembler.add(piece(family, 0, 8, True), 0) is None
    assert reassembler.add(piece(family, 24, 8, False), 0) is None
    assert reassembler.expire(60 * SECOND) == 0
    assert nothing_kept(reassembler)


@pytest.mark.parametrize("late", [(32, 8, True), (24, 8, True), (40, 8, False), (16, 8, True)])
def test_nothing_comes_after_the_end(late: tuple[int, int, bool]) -> None:
    reassembler = Reassembler()
    reassembler.add(piece(V4, 16, 16, False), 0)
    assert refusal(reassembler, piece(V4, *late)) == "ip-fragment-overlap"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("bad", [(8, 9, True), (0, 0, True), (8, 0, False), (65528, 8, False), (65504, 40, False)])
def test_bad_lengths(family: tuple[bytes, bytes], bad: tuple[int, int, bool]) -> None:
    reassembler = Reassembler()
    assert refusal(reassembler, piece(family, *bad)) == "ip-fragment-length"
    assert nothing_kept(reassembler)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_whole_that_is_too_long_for_its_header(family: tuple[bytes, bytes]) -> None:
    """The fragments fit, the datagram does not: in IPv4 by its header, in IPv6 by an extension header."""
    chain = bytes((44, 0, 1, 4, 0, 0, 0, 0))
    reassembler = Reassembler()
    reassembler.add(piece(family, 32768, 32767 - 7, False), 0)
    first = piece(family, 0, 32768, True)
    if family is V6:
        data = chain + bytes((17, 0, 0, 1, 0, 0, 0, 1)) + bytes(32768)
        first = read(ip.header(*V6, 60, len(data)) + data)
    assert refusal(reassembler, first) == "ip-fragment-length"


def test_an_extension_header_before_the_fragment_header_stays() -> None:
    pieces = cut(V6)
    chain = bytes((44, 0, 1, 4, 0, 0, 0, 0))
    longer = [
        read(ip.header(*V6, 60, len(data) + 8) + chain + data) for data in (bytes(each.head[40:]) for each in pieces)
    ]
    reassembler = Reassembler()
    *_, whole = [reassembler.add(each, 0) for each in longer]
    assert whole is not None
    assert whole.transport == 48
    assert udp.parse(whole).payload == PAYLOAD


def test_a_fragment_in_a_fragment_is_refused() -> None:
    """RFC 8200 §4.5: the reassembled packet must not be a fragment again."""
    inner = bytes((17, 0, 0, 9, 0, 0, 0, 7)) + bytes(32)
    packets = []
    for offset, data in ((0, inner[:24]), (24, inner[24:])):
        more = offset == 0
        data = bytes((44, 0, 0, offset | more, 0, 0, 0, 1)) + data
        packets.append(read(ip.header(*V6, 44, len(data)) + data))
    reassembler = Reassembler()
    reassembler.add(packets[0], 0)
    assert refusal(reassembler, packets[1]) == "ip-fragment-nested"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("codepoints", "expected"), [((2, 2), 2), ((2, 3), 3), ((3, 1), 3), ((0, 0), 0)])
def test_a_mark_on_one_is_a_mark_on_the_whole(
    family: tuple[bytes, bytes], codepoints: tuple[int, int], expected: int
) -> None:
    """RFC 3168 §5.3."""
    reassembler = Reassembler()
    packets = marked(family, codepoints)
    assert reassembler.add(packets[0], 0) is None
    whole = reassembler.add(packets[1], 0)
    assert whole is not None
    assert (whole.ecn, whole.ce, whole.dscp) == (expected, expected == 3, 11)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_mark_beside_a_fragment_that_could_not_have_one(family: tuple[bytes, bytes]) -> None:
    reassembler = Reassembler()
    packets = marked(family, (0, 3))
    reassembler.add(packets[0], 0)
    assert refusal(reassembler, packets[1]) == "ip-fragment-ecn"


def marked(family: tuple[bytes, bytes], codepoints: tuple[int, int]) -> list[Packet]:
    made = []
    for codepoint in codepoints:
        whole = udp.build(*family, 1, 2, bytes(2000), dscp=11, ecn=codepoint)
        made.append(ip.fragment_packet(whole, 1500, 1)[len(made)])
    return [read(packet.tobytes()) for packet in made]


def test_timeouts() -> None:
    reassembler = Reassembler(timeout_v4=30, timeout_v6=60)
    assert reassembler.next_deadline() is None
    reassembler.add(piece(V6, 0, 8, True), 10)
    assert reassembler.next_deadline() == 70
    reassembler.add(piece(V4, 0, 8, True), 20)
    reassembler.add(piece(V4, 8, 8, True), 45)
    assert reassembler.next_deadline() == 50
    assert reassembler.expire(49) == 0
    assert reassembler.expire(50) == 1
    assert reassembler.next_deadline() == 70
    assert reassembler.expire(70) == 1
    assert nothing_kept(reassembler)


def test_a_flood_of_beginnings_is_bounded() -> None:
    """FragmentSmack: the oldest goes, the newest can still be completed."""
    reassembler = Reassembler(max_datagrams=8)
    for identification in range(1000):
        assert reassembler.add(piece(FAMILIES[identification % 2], 0, 8, True, identification), identification) is None
    kept = [key[3] for queue in reassembler.snapshot(0) for key, *_ in queue]  # type: ignore[attr-defined]
    assert sorted(kept) == list(range(992, 1000))
    assert reassembler.evicted == 992
    *_, whole = [reassembler.add(each, 1000) for each in cut(V4, 5000)]
    assert whole is not None


def test_a_flood_of_bytes_is_bounded() -> None:
    reassembler = Reassembler(max_bytes=10_000)
    for identification in range(100):
        reassembler.add(piece(V4, 0, 1000, True, identification), identification)
    kept = reassembler.snapshot(0)[0]  # type: ignore[index]
    assert [key[3] for key, *_ in kept] == list(range(92, 100))
    assert reassembler.add(piece(V4, 1000, 20_000, True, 99), 0) is None
    assert [key[3] for key, *_ in reassembler.snapshot(0)[0]] == [99]  # type: ignore[index]


def test_a_datagram_of_too_many_crumbs_is_dropped() -> None:
    reassembler = Reassembler(max_fragments=10)
    for index in range(10):
        reassembler.add(piece(V4, 16 * index, 8, True), 0)
    assert refusal(reassembler, piece(V4, 1600, 8, True)) == "ip-fragment-count"
    assert reassembler.add(piece(V4, 1600, 8, True), 0) is None


@pytest.mark.parametrize("family", FAMILIES)
def test_a_snapshot_goes_on_where_it_was_taken(family: tuple[bytes, bytes]) -> None:
    pieces = cut(family)
    reassembler = Reassembler()
    reassembler.add(piece(family, 8, 8, True, 77), 0)
    refusal(reassembler, piece(family, 0, 16, True, 77))
    for each in pieces[1:]:
        reassembler.add(each, 100)
    value = reassembler.snapshot(200)
    assert hash(value) == hash(value)
    copy = Reassembler()
    copy.restore(value, 1_000_200)
    assert copy.snapshot(1_000_200) == value
    deadline = reassembler.next_deadline()
    assert deadline is not None
    assert copy.next_deadline() == deadline + 1_000_000
    whole = copy.add(pieces[0], 1_000_300)
    assert whole is not None
    assert udp.parse(whole).payload == PAYLOAD
    assert copy.add(piece(family, 16, 8, False, 77), 1_000_300) is None
