"""What the option lines of a script and the caller say about the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from estab.packetdrill.syntax import ScriptError
from estab.packetdrill.values import UnsupportedError
from estab.wire.address import parse_address

MICROSECOND: Final = 1000


class Settings(NamedTuple):
    """Times in ns, sizes in bytes."""

    ip_version: str = "ipv4"
    """``ipv4``, ``ipv6``, or ``ipv4-mapped-ipv6``: IPv6 sockets that speak IPv4."""
    mtu: int = 1500
    tolerance: int = 4000 * MICROSECOND
    tolerance_percent: float = 12.5
    """Of the time since the event before, where that is more."""
    local_ip: str = ""
    remote_ip: str = ""
    bind_port: int = 8080
    connect_port: int = 8080
    strict_segments: bool = False
    """An expected packet is one packet, not the sum of several."""
    ts_tick: int = 0
    """ns of a tick of our timestamps; 0: their values are not compared."""
    ts_ecr_scaled: bool = False
    non_fatal: frozenset[str] = frozenset()
    """``packet``, ``syscall``: differences there are only told."""
    udp_encapsulation: bool = False
    """Segments travel in UDP datagrams, and have so much less room."""

    @property
    def v6(self) -> bool:
        """Packets are IPv6."""
        return self.ip_version == "ipv6"

    @property
    def local(self) -> bytes:
        return parse_address(self.local_ip or ("fd3d:a0b:17d6::1" if self.v6 else "192.168.0.1"))

    @property
    def remote(self) -> bytes:
        return parse_address(self.remote_ip or ("2001:db8::1" if self.v6 else "192.0.2.1"))


def _address(text: str) -> str:
    """Raises ``ValueError``."""
    host = text.partition("/")[0]
    parse_address(host)
    return host


def _between(text: str, least: int, most: int) -> int:
    """Raises ``ValueError``."""
    value = int(text)
    if not least <= value <= most:
        raise ValueError
    return value


def _share(text: str) -> float:
    """Raises ``ValueError``."""
    value = float(text)
    if not 0 <= value <= _LARGEST_SHARE:
        raise ValueError
    return value


_LARGEST_SHARE: Final = 10_000
_VERSIONS: Final = {
    "ipv4": "ipv4",
    "ipv6": "ipv6",
    "ipv4-mapped-ipv6": "ipv4-mapped-ipv6",
    "ipv4_mapped_ipv6": "ipv4-mapped-ipv6",
}
_TAKEN: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "ip_version": ("ip_version", _VERSIONS.__getitem__),
    "mtu": ("mtu", lambda text: _between(text, 68, 65_535)),
    "tolerance_usecs": ("tolerance", lambda text: int(text) * MICROSECOND),
    "tolerance_percent": ("tolerance_percent", _share),
    "local_ip": ("local_ip", _address),
    "remote_ip": ("remote_ip", _address),
    "local_ipv4": ("local_ip", _address),
    "local_ipv6": ("local_ip", _address),
    "bind_port": ("bind_port", lambda text: _between(text, 1, 65_535)),
    "connect_port": ("connect_port", lambda text: _between(text, 1, 65_535)),
    "strict_segments": ("strict_segments", lambda text: text not in ("0", "false")),
    "tcp_ts_tick_usecs": ("ts_tick", lambda text: int(text) * MICROSECOND),
    "tcp_ts_ecr_scaled": ("ts_ecr_scaled", lambda text: text not in ("0", "false")),
    "udp_encapsulation": ("udp_encapsulation", lambda text: text not in ("0", "no", "false")),
    "non_fatal": ("non_fatal", lambda text: frozenset(text.split(","))),
}
_OF_NO_CONSEQUENCE: Final = frozenset(
    ("gateway_ip", "mss", "define", "verbose", "debug", "dry_run", "init_scripts", "fm_filename", "wire_server_dev",
     "netmask_ip", "speed", "persistent_tun_dev", "tun_dev", "so_filename", "send_omit_free", "no_cleanup")
)  # fmt: skip
"""They concern the machine that a script usually runs on."""


def apply_options(settings: Settings, options: Iterable[tuple[str, str]]) -> Settings:
    """The settings with option lines taken in; later ones win. Raises ``UnsupportedError``, ``ScriptError``."""
    for name, value in options:
        if name in _TAKEN:
            field, convert = _TAKEN[name]
            try:
                settings = settings._replace(**{field: convert(value)})
            except (ValueError, KeyError):
                raise ScriptError(1, 1, f"--{name}={value} makes no sense") from None
        elif name not in _OF_NO_CONSEQUENCE:
            raise UnsupportedError(f"--{name}")
    size = 16 if settings.v6 else 4
    if len(settings.local) != size or len(settings.remote) != size:
        raise ScriptError(1, 1, f"the addresses are not of {settings.ip_version}")
    return settings
