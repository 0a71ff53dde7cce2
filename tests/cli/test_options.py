"""What the shared options mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from estab.cli.options import DEFAULT_ADDRESS, LinkOptions, kernel_side, parse_delay, parse_loss, read_hosts


@pytest.mark.parametrize(("text", "chance"), [("0", 0.0), ("0.25", 0.25), ("5%", 0.05), ("100%", 1.0), ("1", 1.0)])
def test_loss(text: str, chance: float) -> None:
    assert parse_loss(text) == chance


@pytest.mark.parametrize("text", ["", "%", "-1", "1.01", "101%", "nan", "much"])
def test_no_loss(text: str) -> None:
    with pytest.raises(ValueError, match="is no probability"):
        parse_loss(text)


@pytest.mark.parametrize(
    ("text", "delay"),
    [("0", 0), ("20", 20_000_000), ("20ms", 20_000_000), ("1.5ms", 1_500_000), ("300us", 300_000), ("60s", 60 * 10**9)],
)
def test_delay(text: str, delay: int) -> None:
    assert parse_delay(text) == delay


@pytest.mark.parametrize("text", ["", "ms", "-1", "1m", "61s", "1e3", "٣ms x"])
def test_no_delay(text: str) -> None:
    with pytest.raises(ValueError, match="is no delay"):
        parse_delay(text)


@pytest.mark.parametrize(
    ("ours", "kernels"),
    [
        ("10.64.0.2/24", "10.64.0.1/24"),
        ("10.64.0.1/24", "10.64.0.2/24"),
        ("10.64.0.77/30", "10.64.0.78/30"),
        ("fd64::2/64", "fd64::1/64"),
        ("fd64::1/64", "fd64::2/64"),
    ],
)
def test_the_kernel_gets_the_first_other_address(ours: str, kernels: str) -> None:
    assert kernel_side(ours) == kernels


@pytest.mark.parametrize("ours", ["10.0.0.1", "10.0.0.1/31", "fd64::1/128"])
def test_a_prefix_without_room_for_the_kernel(ours: str) -> None:
    with pytest.raises(ValueError, match="leaves no address"):
        kernel_side(ours)


def test_hosts(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("# nobody\n\n10.0.0.1\tOne uno # eins\nfd00::2 two\n10.0.0.9 one\n10.0.0.3\n")
    assert read_hosts(path) == {"one": "10.0.0.1", "uno": "10.0.0.1", "two": "fd00::2"}


def test_a_bad_line_among_the_hosts_is_named(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("10.0.0.1 one\nlocalhost 127.0.0.1\n")
    with pytest.raises(ValueError, match=r"hosts, line 2: 'localhost' is not an IPv4 or IPv6 address"):
        read_hosts(path)


def test_no_address_means_the_default_one() -> None:
    options = LinkOptions.parse("t0", None, None, "0", "0", 0)
    assert list(options.addresses) == [DEFAULT_ADDRESS]
    assert LinkOptions.parse("t0", ["10.1.0.2/16"], None, "0", "0", 0).addresses == ["10.1.0.2/16"]
