"""scapy as an independent reader of what we build."""

from __future__ import annotations

import warnings
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from scapy.layers.inet import ICMP, IP, TCP, UDP
    from scapy.layers.inet6 import IPv6

__all__ = ["ICMP", "IP", "TCP", "UDP", "IPv6", "dissect", "recomputed"]


def dissect(data: bytes) -> Any:
    """The packet as scapy reads it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (IP if data[0] >> 4 == 4 else IPv6)(data)


def recomputed(data: bytes) -> bytes:
    """The packet as scapy would write it with its checksums worked out anew: the network's and the transport's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        packet = dissect(data)
        for layer in (packet, packet.payload):
            for name in ("chksum", "cksum"):
                if name in layer.fields:
                    delattr(layer, name)
        return bytes(packet)
