"""What can be done with a socket without waiting."""

from __future__ import annotations

from enum import IntFlag


class Poll(IntFlag):
    """The bits of poll(2). ``HUP`` and ``ERR`` are there whether asked for or not."""

    NOTHING = 0
    IN = 0x001
    """``recv`` gives bytes or end of file, ``accept`` a connection."""
    PRI = 0x002
    """Urgent data can be read."""
    OUT = 0x004
    """``send`` takes bytes, or fails at once."""
    ERR = 0x008
    """An error waits to be told."""
    HUP = 0x010
    """Both directions are closed."""
    RDHUP = 0x2000
    """The peer sends nothing more, or nobody reads."""
