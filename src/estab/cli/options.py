"""The options that several commands share, and what their values mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from estab.cli.errors import explained
from estab.wire.address import Prefix, parse_address, parse_prefix

DEFAULT_TUN: Final = "estab0"
DEFAULT_ADDRESS: Final = "10.64.0.2/24"

NOTHING: Final = "0"
"""No loss, no delay."""

_UNITS: Final = {"": 1_000_000, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
_LONGEST_DELAY: Final = 60 * 1_000_000_000


def parse_loss(text: str) -> float:
    """``"0.05"`` or ``"5%"`` as a probability. Raises ``ValueError``."""
    number, percent = text.removesuffix("%"), text.endswith("%")
    try:
        chance = float(number) / (100 if percent else 1)
    except ValueError:
        chance = -1.0
    if not 0 <= chance <= 1:
        raise ValueError(f"{text!r} is no probability: 0.05 or 5% is expected")
    return chance


def parse_delay(text: str) -> int:
    """``"20ms"``, ``"0.5s"``, ``"300us"`` or ``"20"`` (ms) in nanoseconds. Raises ``ValueError``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(us|ms|s|)", text)
    delay = int(float(match[1]) * _UNITS[match[2]]) if match else -1
    if not 0 <= delay <= _LONGEST_DELAY:
        raise ValueError(f"{text!r} is no delay of at most a minute: 20ms, 0.5s or 300us is expected")
    return delay


def kernel_side(address: str) -> str:
    """The first other address of the same prefix, which the kernel gets on a device that we create.

    Raises ``ValueError`` when there is none."""
    prefix = parse_prefix(address)
    size = len(prefix.address)
    host_bits = size * 8 - prefix.length
    if host_bits < 2:
        raise ValueError(f"{address} leaves no address for the kernel: give it a prefix, as in /24")
    first = (int.from_bytes(prefix.address, "big") >> host_bits << host_bits) + 1
    other = first + 1 if first.to_bytes(size, "big") == prefix.address else first
    return str(Prefix(other.to_bytes(size, "big"), prefix.length))


def read_hosts(path: Path) -> dict[str, str]:
    """Names and addresses from a file like ``/etc/hosts``; the first line that has a name counts.

    Raises ``OSError``, and ``ValueError`` for a line that begins with no address."""
    table: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            parse_address(words[0])
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
        for name in words[1:]:
            table.setdefault(name.lower(), words[0])
    return table


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """Which device, which addresses of ours, and what the way there is like."""

    tun: str
    addresses: Sequence[str]
    pcap: Path | None
    loss: float
    delay: int
    """ns, in each direction."""
    seed: int
    hosts: Mapping[str, str]
    trace: Path | None = None

    @classmethod
    def parse(  # noqa: PLR0917 (in the order of the commands' own parameters)
        cls,
        tun: str,
        address: Sequence[str] | None,
        pcap: Path | None,
        loss: str,
        delay: str,
        seed: int,
        hosts: Path | None = None,
        trace: Path | None = None,
    ) -> LinkOptions:
        """What the options say. Raises ``CommandError``."""
        addresses = address or (DEFAULT_ADDRESS,)
        with explained("--address"):
            for each in addresses:
                kernel_side(each)
        with explained("--loss"):
            chance = parse_loss(loss)
        with explained("--delay"):
            duration = parse_delay(delay)
        with explained("--hosts"):
            table = {} if hosts is None else read_hosts(hosts)
        return cls(tun, addresses, pcap, chance, duration, seed, table, trace)


_NETWORK: Final = "Network"

Tun = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="The TUN device: attached to if it exists, otherwise created (which needs the privilege).",
        rich_help_panel=_NETWORK,
    ),
]
Address = Annotated[
    list[str] | None,
    typer.Option(
        "--address",
        metavar="ADDRESS/BITS",
        help="Our address; may be repeated, one of each family for instance. On a device that is created, the "
        f"kernel gets the first other address of the prefix. [default: {DEFAULT_ADDRESS}]",
        show_default=False,
        rich_help_panel=_NETWORK,
    ),
]
Pcap = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write every packet to a pcapng file.", rich_help_panel=_NETWORK),
]
Loss = Annotated[
    str,
    typer.Option(
        metavar="P",
        help="Lose packets each way with this probability: 0.05 or 5%.",
        show_default=False,
        rich_help_panel=_NETWORK,
    ),
]
Delay = Annotated[
    str,
    typer.Option(
        metavar="TIME",
        help="Hold packets up this long each way: 20ms, 0.5s.",
        show_default=False,
        rich_help_panel=_NETWORK,
    ),
]
Seed = Annotated[int, typer.Option(help="What is lost depends on this number.", rich_help_panel=_NETWORK)]
Hosts = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Names and addresses, in the format of /etc/hosts.",
        rich_help_panel=_NETWORK,
    ),
]
Trace = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write what our sender believes, segment by segment, as JSON lines: see estab plot.",
        rich_help_panel=_NETWORK,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, on the last line of standard output.")]
