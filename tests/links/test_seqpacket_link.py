"""The cable between two processes."""

from __future__ import annotations

import pytest

from estab.links.conformance import check_link
from estab.links.seqpacket import seqpacket_pair
from estab.wire.packet import Packet


def test_conforms() -> None:
    check_link(seqpacket_pair)


def test_the_end_of_the_other_end_is_told_after_what_it_sent() -> None:
    left, right = seqpacket_pair()
    assert left.send([Packet(b"last"), Packet(b"words")], 0) == 2
    left.close()
    assert [packet.head for packet in right.receive(0, 16)] == [b"last", b"words"]
    with pytest.raises(BrokenPipeError):
        right.receive(0, 16)
    assert right.send([Packet(b"nobody")], 0) == 1
    assert right.send_errors == 1
    right.close()


def test_a_closed_link_is_closed() -> None:
    left, right = seqpacket_pair()
    left.close()
    left.close()
    assert left.fileno() == -1
    with pytest.raises(OSError, match="Bad file"):
        left.receive(0, 1)
    with pytest.raises(OSError, match="Bad file"):
        left.send([Packet(b"x")], 0)
    right.close()
