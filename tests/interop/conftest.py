"""With ESTAB_LOSS our end of every conversation loses packets; what that cannot be asked of says why."""

from __future__ import annotations

import pytest

from tests.interop.ours import LOSS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not LOSS:
        return
    for item in items:
        for mark in item.iter_markers("lossless"):
            item.add_marker(pytest.mark.skip(reason=f"not with loss: {mark.args[0]}"))
