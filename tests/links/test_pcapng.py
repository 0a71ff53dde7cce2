"""Captures: what is in the file, and that tshark reads it without a complaint."""

from __future__ import annotations

import io
import struct
import subprocess
from pathlib import Path

import pytest

from estab.links.conformance import check_link
from estab.links.memory import memory_pair
from estab.links.pcapng import PcapngWriter
from estab.links.tap import PcapngTap
from estab.wire import tcp, udp
from estab.wire.link import FULL_OFFLOAD, NO_OFFLOAD, Offload
from estab.wire.packet import Packet
from tests.netns import require_program

V4 = (b"\x0a\0\0\1", b"\x0a\0\0\2")
V6 = (b"\xfd" + bytes(14) + b"\1", b"\xfd" + bytes(14) + b"\2")


def super_packet(ends: tuple[bytes, bytes]) -> Packet:
    """An unfinished TCP packet of 20,001 payload bytes in odd pieces."""
    segment = tcp.Segment(1000, 2000, tcp.ACK | tcp.PSH, 512, (b"a" * 7, b"b" * 19994))
    segment.source_port, segment.destination_port = 40000, 80
    segment.segment_size = 1440
    return tcp.build(segment, *ends, partial=True)


def blocks(data: bytes) -> list[tuple[int, bytes]]:
    """Kind and body of every block; the two lengths of each agree."""
    found = []
    while data:
        kind, length = struct.unpack_from("<II", data)
        assert struct.unpack_from("<I", data, length - 4) == (length,)
        found.append((kind, data[8 : length - 4]))
        data = data[length:]
    return found


def tshark(path: Path, *fields: str) -> list[list[str]]:
    """The fields of every packet, with all checksums verified; it has to have nothing to complain about."""
    program = require_program("tshark", "apt-get install -y tshark")
    checks = [f"-o{protocol}.check_checksum:TRUE" for protocol in ("ip", "tcp", "udp")]
    columns = [f"-e{field}" for field in (*fields, "_ws.malformed", "ip.checksum.status", "tcp.checksum.status")]
    command = [program, "-r", str(path), *checks, "-Tfields", "-Eseparator=|", *columns]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    complaints = [line for line in done.stderr.splitlines() if "Running as user" not in line]
    assert complaints == []
    rows = [line.split("|") for line in done.stdout.splitlines()]
    for row in rows:
        assert row[len(fields)] == ""
        assert set(row[len(fields) + 1 :]) <= {"", "1"}, "1 is tshark's word for a good checksum"
    return [row[: len(fields)] for row in rows]


@pytest.mark.parametrize("offload", [FULL_OFFLOAD, NO_OFFLOAD])
def test_a_tapped_link_conforms(offload: Offload) -> None:
    def pair() -> tuple[PcapngTap, PcapngTap]:
        left, right = memory_pair(offload=offload)
        return PcapngTap(left, io.BytesIO()), PcapngTap(right, io.BytesIO())

    check_link(pair)


@pytest.mark.parametrize("ends", [V4, V6])
def test_tshark_reads_an_offloaded_link_without_complaint(tmp_path: Path, ends: tuple[bytes, bytes]) -> None:
    left, right = memory_pair()
    path = tmp_path / "trace.pcapng"
    tap = PcapngTap(left, path, "estab0", origin=1_000_000_000)
    packet = super_packet(ends)
    before = packet.tobytes()
    tap.send([packet, udp.build(*ends, 1, 2, b"odd")], 5)
    assert packet.tobytes() == before, "the checksum belongs into the copy only"
    right.send([super_packet(ends[::-1])], 0)
    tap.receive(123_456_789, 9)
    rows = tshark(path, "frame.time_epoch", "frame.packet_flags_direction", "frame.interface_name", "tcp.len")
    assert [(float(row[0]), *row[1:]) for row in rows] == [
        (1.000000005, "0x00000002", "estab0", "20001"),
        (1.000000005, "0x00000002", "estab0", ""),
        (1.123456789, "0x00000001", "estab0", "20001"),
    ]
    tap.close()


def test_every_packet_is_in_the_file_when_the_call_returns(tmp_path: Path) -> None:
    left, right = memory_pair()
    path = tmp_path / "trace.pcapng"
    tap = PcapngTap(left, path)
    counts = []
    for number in range(3):
        tap.send([udp.build(*V4, 1, 2, bytes(number))], number)
        counts.append(len(blocks(path.read_bytes())))
    assert counts == [3, 4, 5]
    right.close()
    tap.close()


def test_only_what_the_link_took_is_written() -> None:
    left, _ = memory_pair(limit=2)
    file = io.BytesIO()
    tap = PcapngTap(left, file)
    assert tap.send([udp.build(*V4, 1, 2, b"x")] * 5, 0) == 2
    assert len(blocks(file.getvalue())) == 2 + 2


def test_a_full_disk_stops_the_tap_and_not_the_link() -> None:
    class FullDisk(io.BytesIO):
        def flush(self) -> None:
            if len(self.getvalue()) > 100:
                raise OSError(28, "no space left")

    left, right = memory_pair()
    tap = PcapngTap(left, FullDisk())
    packet = udp.build(*V4, 1, 2, bytes(100))
    assert [tap.send([packet], 0), tap.send([packet], 0)] == [1, 1]
    assert tap.error is not None
    assert len(right.receive(0, 9)) == 2


def test_garbage_is_written_as_it_is() -> None:
    left, right = memory_pair()
    file = io.BytesIO()
    tap = PcapngTap(left, file)
    right.send([Packet(b"\x45garbage", checksum=2)], 0)
    assert tap.receive(0, 9)[0].head == b"\x45garbage"
    assert b"\x45garbage" in blocks(file.getvalue())[-1][1]


def test_comments_and_interfaces(tmp_path: Path) -> None:
    path = tmp_path / "two.pcapng"
    with path.open("wb") as file:
        writer = PcapngWriter(file)
        assert [writer.interface("client"), writer.interface("server")] == [0, 1]
        data = udp.build(*V4, 1, 2, b"abc").tobytes()
        writer.packet(data, 1 << 40, "out", 0)
        writer.packet(data, 1 << 40, "in", 1, comment="lost — on purpose")
    rows = tshark(path, "frame.interface_name", "frame.comment")
    assert rows == [["client", ""], ["server", "lost — on purpose"]]


def test_misuse_is_told_at_the_call() -> None:
    writer = PcapngWriter(io.BytesIO())
    with pytest.raises(ValueError, match="not described"):
        writer.packet(b"", 0, "in")
    writer.interface()
    with pytest.raises(ValueError, match="no time"):
        writer.packet(b"", -1, "in")
