"""A path that takes larger packets than before."""

import pytest

from estab.tcp.config import MODERN
from estab.tcp.congestion import CONTROLS


@pytest.mark.req("RFC4821-03")
@pytest.mark.parametrize("name", CONTROLS)
def test_a_larger_segment_size_does_not_open_the_window(name) -> None:
    """RFC 4821 §4: the window counts bytes, and their number stays."""
    control = CONTROLS[name](MODERN, 1000)
    before = control.cwnd
    control.on_mss(1400)
    assert (control.mss, control.cwnd) == (1400, before)
