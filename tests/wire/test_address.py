from __future__ import annotations

import pytest

from estab.wire import address as a


@pytest.mark.parametrize("text", ["10.0.0.1", "255.255.255.255", "::", "fd00::1", "fe80::1"])
def test_an_address_comes_back(text: str) -> None:
    assert a.format_address(a.parse_address(text)) == text


def test_a_scope_id_is_a_zone() -> None:
    assert a.parse_scoped("fe80::1%7") == (a.parse_address("fe80::1"), 7)
    assert a.parse_scoped("fe80::1") == (a.parse_address("fe80::1"), 0)
    assert a.format_address(a.parse_address("fe80::1"), 7) == "fe80::1%7"


@pytest.mark.parametrize("text", ["", "10.0.0", "10.0.0.256", "host", "fe80::1%2", "10.0.0.1%1", " 10.0.0.1"])
def test_a_bad_address_is_one_clear_line(text: str) -> None:
    with pytest.raises(ValueError, match="address") as caught:
        a.parse_address(text)
    assert "\n" not in str(caught.value)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("text", ["fe80::1%eth0", "fe80::1%", "10.0.0.1%1", "fe80::1%4294967296"])
def test_a_bad_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="zone"):
        a.parse_scoped(text)


@pytest.mark.parametrize(
    "text", ["10.0.0.2/33", "10.0.0.2/", "10.0.0.2/x", "fd00::/129", "10.0.0.2/-1", "10.0.0.2/2/4"]
)
def test_a_bad_prefix_is_one_clear_line(text: str) -> None:
    with pytest.raises(ValueError, match="bad length"):
        a.parse_prefix(text)


@pytest.mark.parametrize(
    ("prefix", "inside", "outside"),
    [
        ("10.0.0.2/24", ["10.0.0.0", "10.0.0.255"], ["10.0.1.2", "::"]),
        ("10.0.0.2", ["10.0.0.2"], ["10.0.0.3"]),
        ("0.0.0.0/0", ["0.0.0.0", "255.1.2.3"], ["::1"]),
        ("fd00::2/64", ["fd00::ffff"], ["fd00:0:0:1::2", "10.0.0.2"]),
        ("::/0", ["::", "ffff::"], ["1.2.3.4"]),
        ("10.0.0.2/31", ["10.0.0.3"], ["10.0.0.4"]),
    ],
)
def test_a_prefix_contains(prefix: str, inside: list[str], outside: list[str]) -> None:
    parsed = a.parse_prefix(prefix)
    assert all(parsed.contains(a.parse_address(text)) for text in inside)
    assert not any(parsed.contains(a.parse_address(text)) for text in outside)


def test_a_prefix_keeps_the_host_and_prints_itself() -> None:
    assert str(a.parse_prefix("10.0.0.2/24")) == "10.0.0.2/24"
    assert str(a.parse_prefix("fd00::2")) == "fd00::2/128"


@pytest.mark.parametrize(
    ("prefix", "address", "expected"),
    [
        ("10.0.0.2/24", "10.0.0.255", True),
        ("10.0.0.2/24", "10.0.0.254", False),
        ("10.0.0.2/24", "10.0.1.255", False),
        ("10.0.0.2/31", "10.0.0.3", False),
        ("10.0.0.2/32", "10.0.0.2", False),
        ("0.0.0.0/0", "10.255.255.255", False),
        ("fd00::2/64", "fd00::ffff:ffff:ffff:ffff", False),
    ],
)
def test_directed_broadcast(prefix: str, address: str, expected: bool) -> None:
    assert (a.parse_prefix(prefix).broadcast == a.parse_address(address)) is expected


@pytest.mark.parametrize(
    ("question", "yes", "no"),
    [
        (a.is_multicast, ["224.0.0.1", "239.255.255.255", "ff02::1"], ["223.1.1.1", "240.0.0.1", "fe80::1"]),
        (a.is_broadcast, ["255.255.255.255"], ["255.255.255.254", "ff02::1"]),
        (a.is_unspecified, ["0.0.0.0", "::"], ["0.0.0.1", "::1"]),
        (a.is_loopback, ["127.0.0.1", "127.255.0.1", "::1"], ["128.0.0.1", "::2"]),
    ],
)
def test_kinds_of_addresses(question, yes: list[str], no: list[str]) -> None:  # type: ignore[no-untyped-def]
    assert all(question(a.parse_address(text)) for text in yes)
    assert not any(question(a.parse_address(text)) for text in no)
