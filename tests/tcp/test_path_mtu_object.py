"""PathMtu without a connection: RFC 1191, RFC 8201, RFC 4821."""

import pytest

from estab.tcp.config import MODERN
from estab.tcp.pmtu import PathMtu


def path(link: int = 1500, known: int = 1500, ipv6: bool = False) -> PathMtu:
    return PathMtu(MODERN, link, known, ipv6)


def test_begins_with_what_is_known() -> None:
    assert path().mtu == 1500
    assert path(known=1300).mtu == 1300
    assert path(link=1400, known=1500).mtu == 1400


@pytest.mark.parametrize(
    ("claimed", "believed"), [(1400, True), (1500, False), (1600, False), (552, True), (551, False), (0, False)]
)
def test_icmp_v4(claimed, believed) -> None:
    subject = path()
    assert subject.on_icmp(claimed) is believed
    assert subject.mtu == (claimed if believed else 1500)


@pytest.mark.parametrize(("claimed", "believed"), [(1280, True), (1279, False)])
def test_icmp_v6_floor(claimed, believed) -> None:
    """RFC 8200 §5: no link takes less than 1280."""
    assert path(ipv6=True).on_icmp(claimed) is believed


@pytest.mark.req("RFC4821-02", "RFC4821-05", "RFC4821-06", "RFC4821-07", "RFC4821-10", "RFC8899-05")
def test_black_hole_falls_to_the_base_and_searches_upwards() -> None:
    subject = path()
    assert subject.next_probe() == 0
    assert subject.on_black_hole()
    assert subject.mtu == 1024
    sizes, snd_una = [], 0
    while (size := subject.next_probe()) and len(sizes) < 5:
        sizes.append(size)
        subject.probe_sent(size, snd_una, snd_una + size)
        assert subject.next_probe() == 0, "one probe at a time"
        if size <= 1337:
            snd_una += size
            assert subject.on_acknowledged(snd_una)
        else:
            subject.on_probe_lost()
            assert not subject.next_probe()
            subject.resume()
    assert sizes == [1262, 1381, 1322, 1352]
    assert 1337 - 32 <= subject.mtu <= 1337


def test_at_the_base_there_is_no_black_hole() -> None:
    subject = path(known=1000)
    assert not subject.on_black_hole()
    assert subject.mtu == 1000


@pytest.mark.req("RFC5927-12", "RFC8504-01")
def test_v6_never_below_1280() -> None:
    subject = path(ipv6=True)
    assert subject.on_black_hole()
    assert subject.mtu == 1280


def test_a_probe_is_acknowledged_by_its_last_byte_only() -> None:
    subject = path()
    subject.on_black_hole()
    subject.probe_sent(1262, 3778, 5000)
    assert not subject.on_acknowledged(4999)
    assert subject.mtu == 1024
    assert subject.on_acknowledged(5000)
    assert subject.mtu == 1262


@pytest.mark.parametrize(
    ("span", "proof"), [((1000, 3778), True), ((5000, 6000), True), ((3778, 4762), False), ((4762, 5000), False)]
)
def test_a_probe_that_was_sent_again_proves_nothing(span, proof) -> None:
    """It goes again in smaller packets: RFC 4821 §7.6.2."""
    subject = path()
    subject.on_black_hole()
    subject.probe_sent(1262, 3778, 5000)
    if subject.was_repeated(*span):
        subject.on_probe_lost()
    assert subject.on_acknowledged(5000) is proof
    assert subject.mtu == (1262 if proof else 1024)


def test_the_link_shrinks_and_grows() -> None:
    subject = path()
    assert subject.on_link(1400)
    assert subject.mtu == 1400
    assert subject.on_link(9000)
    assert subject.mtu == 9000


def test_after_a_while_the_search_begins_again() -> None:
    """RFC 4821 §7.3: the path may have become better."""
    subject = path()
    subject.on_icmp(1300)
    assert subject.next_probe() == 0
    assert subject.raise_again()
    assert 1300 < subject.next_probe() <= 1500
    assert not path().raise_again()
