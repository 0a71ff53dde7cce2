"""What passed, as Wireshark sees it: nothing malformed, every checksum right."""

from __future__ import annotations

import random
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.interop.ours import FAMILY, Ours
from tests.netns import isolated_with_tun, require_program

pytestmark = pytest.mark.lossless("it sends a datagram once, and counts what the capture holds")

PORT = 5000
"""Below every ephemeral port of the kernel, which chooses the other: the reader asks the lower one what it carries."""
PAYLOAD = random.Random(1).randbytes(1_000_000)
WRONG = " || ".join(
    [
        "_ws.malformed",
        "ip.checksum.status == 0",
        "tcp.checksum.status == 0",
        "udp.checksum.status == 0",
        "icmp.checksum.status == 0",
        "icmpv6.checksum.status == 0",
    ]
)
CHECKED = ["ip.check_checksum:TRUE", "tcp.check_checksum:TRUE", "udp.check_checksum:TRUE"]


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("offload", [True, False])
@isolated_with_tun
def test_wireshark_finds_nothing_wrong(family: int, offload: bool) -> None:
    require_program("tshark", "apt-get install -y tshark")
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "run.pcapng")
        ours = Ours(family, offload=offload, capture=file)
        everything(ours)
        ours.link.close()
        assert packets(file, WRONG) == []
        # The reader really looks at them: in every protocol there are packets whose checksum it finds good.
        for protocol in ("tcp", "udp"):
            assert packets(file, f"{protocol}.checksum.status == 1")
        icmp = "icmp" if family == 4 else "icmpv6"
        assert packets(file, f"{icmp}.checksum.status == 1")
        longest = max(packets(file, "tcp"))
        assert longest > 1500 if offload else longest <= 1500


def everything(ours: Ours) -> None:
    """A transfer each way with its close, a reset, a datagram, an ICMP error."""
    flow, peer = ours.pair(PORT, active=False)
    flow.write(PAYLOAD)
    flow.finish()
    assert ours.kernel_receive(peer) == PAYLOAD
    ours.kernel_send(peer, PAYLOAD)
    peer.close()
    ours.until(lambda: flow.over)
    assert flow.received == PAYLOAD
    with pytest.raises(ConnectionRefusedError):
        ours.kernel_connect(9)
    with socket.socket(FAMILY[ours.family], socket.SOCK_DGRAM) as sender:
        sender.connect((ours.address, 9))
        sender.send(b"anybody?")
        ours.until(lambda: sender.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))


def packets(file: Path, condition: str) -> list[int]:
    """The lengths of the packets for which a display filter is true."""
    options = [argument for option in CHECKED for argument in ("-o", option)]
    # Random bytes are to be taken for bytes, whatever protocol else may live on that port.
    options += ["-d", f"tcp.port=={PORT},data"]
    command = ["tshark", "-r", str(file), *options, "-Y", condition, "-T", "fields", "-e", "frame.len"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [int(line) for line in done.stdout.splitlines()]
