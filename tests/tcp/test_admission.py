"""What is dropped before any state is looked at: lengths, checksums, options (RFC 9293 §3.1, MUST-3, -7, -64)."""

from __future__ import annotations

import pytest

from tests.conversation import ACK, SYN, Conversation
from tests.tcp import states
from tests.tcp.states import reach
from tests.tcp.test_bad_input import repaired

IP_HEADER = {False: 20, True: 40}


def dropped_for(t: Conversation, data: bytes) -> str:
    """The one counter that a dropped packet raised; nothing else may have happened."""
    before = dict(t.stack.counters)
    state = t.state
    t.inject_bytes(data)
    t.expect_nothing()
    assert t.state == state
    (name,) = (name for name, count in t.stack.counters.items() if count != before.get(name, 0))
    return name


@pytest.fixture(params=[False, True], ids=["v4", "v6"])
def v6(request):
    return request.param


@pytest.fixture
def t(v6):
    t = Conversation(v6=v6)
    reach(t, states.ESTABLISHED)
    return t


def changed(t: Conversation, v6: bool, offset: int, new: bytes, data: bytes = b"odd") -> bytes:
    """A valid segment with other bytes at ``offset`` of its TCP header, and a checksum that fits."""
    packet = t.segment_bytes(ACK, seq=1, ack=1, data=data)
    at = IP_HEADER[v6] + offset
    return repaired(packet[:at] + new + packet[at + len(new) :], v6)


@pytest.mark.parametrize("words", [0, 1, 2, 3, 4, 6, 15])
def test_the_data_offset(t, v6, words):
    """CVE-2020-35684: shorter than the header, or beyond the segment."""
    assert dropped_for(t, changed(t, v6, 12, bytes((words << 4,)))) == "tcp-header-length"


@pytest.mark.parametrize("size", range(20))
def test_a_segment_shorter_than_its_header(t, v6, size):
    packet = t.segment_bytes(ACK, seq=1, ack=1)[: IP_HEADER[v6] + size]
    assert dropped_for(t, repaired(packet, v6)) == "tcp-truncated"


def with_ip_length(t: Conversation, length: int) -> bytes:
    packet = bytearray(t.segment_bytes(ACK, seq=1, ack=1, data=b"odd"))
    if len(t.ours) == 16:
        packet[4:6] = length.to_bytes(2, "big")
    else:
        packet[2:4] = length.to_bytes(2, "big")
        packet[10:12] = b"\0\0"
        packet[10:12] = (65_535 - int.from_bytes(packet[:20], "big") % 65_535).to_bytes(2, "big")
    return bytes(packet)


@pytest.mark.parametrize(
    ("length", "reason"),
    [(0, "ip-length"), (19, "ip-length"), (20, "tcp-truncated"), (44, "ip-length"), (65_535, "ip-length")],
)
def test_a_total_length_that_lies(length, reason):
    """CVE-2021-31401: less than the header, or more than there is."""
    t = Conversation()
    reach(t, states.ESTABLISHED)
    assert dropped_for(t, with_ip_length(t, length)) == reason


@pytest.mark.parametrize(
    ("length", "reason"),
    [(0, "tcp-truncated"), (19, "tcp-truncated"), (22, "tcp-checksum"), (24, "ip-length"), (65_535, "ip-length")],
)
def test_a_payload_length_that_lies(length, reason):
    t = Conversation(v6=True)
    reach(t, states.ESTABLISHED)
    assert dropped_for(t, with_ip_length(t, length)) == reason


@pytest.mark.req("RFC9293-MUST-3")
@pytest.mark.parametrize("value", [0, 0xFFFF, 1, 0x8000])
@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_there_is_no_segment_without_a_checksum(t, v6, value, size):
    """In UDP over IPv4 zero means that there is none; TCP knows no such thing."""
    packet = bytearray(t.segment_bytes(ACK, seq=1, ack=1, data=b"x" * size))
    at = IP_HEADER[v6] + 16
    assert int.from_bytes(packet[at : at + 2], "big") != value
    packet[at : at + 2] = value.to_bytes(2, "big")
    assert dropped_for(t, bytes(packet)) == "tcp-checksum"


@pytest.mark.req("RFC9293-MUST-3")
def test_the_checksum_covers_the_addresses(t, v6):
    packet = bytearray(t.segment_bytes(ACK, seq=1, ack=1))
    packet[15 if not v6 else 23] ^= 4  # the source's last byte
    if not v6:
        packet[10:12] = b"\0\0"
        packet[10:12] = (65_535 - int.from_bytes(packet[:20], "big") % 65_535).to_bytes(2, "big")
    assert dropped_for(t, bytes(packet)) == "tcp-checksum"


@pytest.mark.req("RFC9293-MUST-7")
@pytest.mark.parametrize(
    "options",
    [
        b"\xff\x00\x00\x00",
        b"\xff\x01\x00\x00",
        b"\x02\x04\x05\xb4\x08\x00\x01\x01",
        b"\x01\x01\x01\x08",
        b"\xff\x05\x00\x00",
    ],
)
@pytest.mark.parametrize("place", [states.LISTEN, states.SYN_SENT, states.ESTABLISHED, states.TIME_WAIT], ids=str)
def test_options_whose_lengths_lie(v6, place, options):
    """CVE-2020-24337: a length of 0 or 1 must not be walked for ever, one beyond the header not be read."""
    t = Conversation(v6=v6)
    n = reach(t, place)
    packet = t.segment_bytes(SYN | ACK, seq=n.rcv, ack=n.nxt)
    at = IP_HEADER[v6] + 20
    words = 5 + len(options) // 4
    crafted = packet[: at - 8] + bytes((words << 4,)) + packet[at - 7 : at] + options
    assert dropped_for(t, repaired(crafted, v6)) == "tcp-option-length"


@pytest.mark.parametrize("length", [0, 1, 3, 5])
def test_an_option_of_the_wrong_length(t, v6, length):
    options = (b"\x02" + bytes((length,)) + b"\x05\xb4\x00\x00\x00\x00")[:8]
    packet = t.segment_bytes(ACK, seq=1, ack=1)
    at = IP_HEADER[v6] + 20
    crafted = packet[: at - 8] + bytes((7 << 4,)) + packet[at - 7 : at] + options
    assert dropped_for(t, repaired(crafted, v6)) == ("tcp-option-length" if length < 2 else "tcp-option-mss")


@pytest.mark.req("RFC9293-MUST-6")
def test_an_unknown_option_is_skipped(t, v6):
    """MUST-6: one that has a length."""
    packet = t.segment_bytes(ACK, seq=1, ack=1)
    at = IP_HEADER[v6] + 20
    crafted = packet[: at - 8] + bytes((7 << 4,)) + packet[at - 7 : at] + b"\xaa\x06\1\2\3\4\1\0" + b"text"
    t.inject_bytes(repaired(crafted, v6))
    assert t.receive() == b"text"
