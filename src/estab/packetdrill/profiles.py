"""The host that scripts are written for: a deployed stack, with the settings that their preparation makes."""

from __future__ import annotations

from typing import Any, Final

from estab.tcp.config import KIB, MIB, Config, Ecn

_PREPARED: Final[dict[str, dict[str, Any]]] = {
    # Scripts are written for these shifts: 8, 6 and 6.
    "linux": {
        "receive_buffer_start": 270_000,
        "receive_buffer_max": 15 * MIB,
        "fast_open_queue": 4096,
        "ecn": Ecn.ACCEPT,
    },
    "linux-3.x": {"receive_buffer_max": 3 * MIB},
    "freebsd": {"receive_buffer_start": 64 * KIB, "receive_buffer_max": 2 * MIB},
}


def prepared(profile: Config) -> Config:
    """The profile as scripts expect it."""
    return profile.but(**_PREPARED.get(profile.profile, {}))
