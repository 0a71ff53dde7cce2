"""One connection: what did we learn (``arrives``) → facts → what do we do now (``plan``).

Read RFC 9293 §3.10.7 beside ``arrives.py``, RFC 9293 §3.8 beside ``plan.py``.

Sequence numbers are absolute integers in this room; 32 bits exist on the wire only. Times are nanoseconds.
"""
