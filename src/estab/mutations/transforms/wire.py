"""Taken out of what reads and writes packets."""

from __future__ import annotations

from typing import Final

from estab.mutations.transform import Transform

WIRE: Final = (
    Transform(
        "tcp-checksum-not-verified",
        "A segment with a wrong checksum is read like any other.",
        "RFC 9293 §3.1",
        "wire.tcp",
        "if total % 65535:",
        "if False:",
    ),
    Transform(
        "sack-permitted-not-known",
        "The SACK-permitted option is as unknown as any other.",
        "RFC 2018 §2",
        "wire.options",
        '    KIND_SACK_PERMITTED: Codec("sack_permitted", (2,), _parse_sack_permitted, _emit_sack_permitted),\n',
        "",
    ),
)
