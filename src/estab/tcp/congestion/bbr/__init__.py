"""BBR version 3 (draft-ietf-ccwg-bbr): a model of the path instead of a reaction to each loss.

The model is the bandwidth, the round-trip time without queue, and bounds on what is in flight that losses have taught.
It paces by the first, sizes the window by the product, and spends most of its time a little below both; now and then it
asks for more bandwidth (``probe_bw``) and for an empty queue (``probe_rtt``).

Three things differ from the draft, each said where it is: a round between the probes lowers the bounds only where it
loses more than a probe may (``Bounds.lost_much``); where a loss is the reason to ask how much was lost, that segment is
not counted (``bounds.loses_too_much``); two ProbeRTT lie forty round trips apart at least (``filters.MinRtt``).
"""

from estab.tcp.congestion.bbr.control import Bbr

__all__ = ["Bbr"]
