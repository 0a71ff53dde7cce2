"""Which addresses are ours, and which of them a new connection speaks from."""

from __future__ import annotations

import errno
from collections.abc import Iterable

from estab.wire.address import (
    Prefix,
    format_address,
    is_broadcast,
    is_loopback,
    is_multicast,
    is_unspecified,
    parse_prefix,
)


class Addresses:
    """A set of prefixes. ``"10.0.0.2/24"`` names one host on a network, ``"10.0.0.0/24"`` the whole network.

    A prefix whose host bits are all zero stands for every host in it (``"0.0.0.0/0"``: for all). Groups are nobody's;
    loopback addresses never cross a link (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3), so none is in a range or a peer's.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self.prefixes: list[Prefix] = [parse_prefix(text) for text in texts]
        self.hosts: list[Prefix] = [prefix for prefix in self.prefixes if not _is_network(prefix)]
        self.families: dict[int, list[Prefix]] = {
            size: [prefix for prefix in self.hosts if len(prefix.address) == size] for size in (4, 16)
        }
        self.ranges: list[Prefix] = [prefix for prefix in self.prefixes if _is_network(prefix)]
        self.own: dict[bytes, bytes] = {prefix.address: prefix.address for prefix in self.hosts}
        """Each as the object that connections share."""
        self.broadcasts: set[bytes | None] = {prefix.broadcast for prefix in self.hosts}

    def accepts(self, address: bytes) -> bool:
        """A packet to this address is for us."""
        if address in self.own:
            return True
        if self.is_group(address) or is_loopback(address):
            return False
        return any(prefix.contains(address) for prefix in self.ranges)

    def is_group(self, address: bytes) -> bool:
        """Broadcast, directed broadcast, multicast or unspecified: not one host's address."""
        if is_multicast(address) or is_broadcast(address) or is_unspecified(address):
            return True
        return address in self.broadcasts

    def is_valid_peer(self, address: bytes) -> bool:
        """Nobody speaks from a group, an unspecified or a loopback address, or from ours (MUST-57, MUST-63)."""
        return address not in self.own and not self.is_group(address) and not is_loopback(address)

    def source_for(self, remote: bytes) -> bytes:
        """Our address on the remote's network, or else the first of its family. Raises ``OSError(ENETUNREACH)``."""
        hosts = self.families[len(remote)]
        if not hosts or (is_loopback(remote) and remote not in self.own):
            raise OSError(errno.ENETUNREACH, f"no address of this host can reach {format_address(remote)}")
        if len(hosts) > 1:
            for prefix in hosts:
                if prefix.contains(remote):
                    return prefix.address
        return hosts[0].address


def _is_network(prefix: Prefix) -> bool:
    bits = len(prefix.address) * 8
    host_bits = bits - prefix.length
    return host_bits > 0 and not int.from_bytes(prefix.address, "big") & ((1 << host_bits) - 1)
