"""Names of hosts: numeric addresses, and a table that the user gives."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from estab.wire.address import parse_scoped

SocketAddress = tuple[str, int] | tuple[str, int, int, int]
"""As the ``socket`` module has them: (host, port), and for IPv6 (host, port, flow info, scope id)."""


def resolve(name: str, hosts: Mapping[str, str]) -> tuple[str, int]:
    """(address in text, family 4 or 6). There is no DNS: raises ``socket.gaierror`` for a name not in ``hosts``."""
    text = hosts.get(name, name)
    try:
        packed, _ = parse_scoped(text)
    except ValueError:
        where = "is not in the table of hosts" if text is name else f"stands for {text!r} in the table of hosts"
        raise socket.gaierror(
            socket.EAI_NONAME, f"{name!r} is not a numeric address and {where}; names are not looked up elsewhere"
        ) from None
    return text, 4 if len(packed) == 4 else 6


def socket_address(address: str, port: int) -> SocketAddress:
    """An address and a port as asyncio's ``get_extra_info("peername")`` gives them."""
    if ":" not in address:
        return address, port
    host, _, zone = address.partition("%")
    return host, port, 0, int(zone or 0)
