"""Bytes to values and back: everything that knows what a header looks like, and nothing that knows what it means.

``packet`` and ``link`` are the contracts between a packet pipe and its user. ``ip``, ``tcp``, ``udp`` and ``icmp``
parse and build; ``options`` is the registry of TCP options; ``segmentation`` cuts super-packets and completes
checksums; ``fragments`` puts IP fragments together; ``sequence``, ``checksum`` and ``address`` are the small
arithmetic below them. Malformed bytes raise ``packet.ParseError``, nothing else.
"""
