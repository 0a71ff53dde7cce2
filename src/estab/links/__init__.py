"""Packet pipes: memory, TUN, UDP tunnel, and a tap that writes pcapng. Each passes ``conformance.check_link``."""
