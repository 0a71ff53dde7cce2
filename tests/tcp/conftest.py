"""Every test that asks for ``talk`` runs once in each mode of a conversation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from tests.conversation import MODES, Conversation, Mode


@pytest.fixture(params=MODES, ids=lambda mode: mode.name)
def talk(request: pytest.FixtureRequest) -> Callable[..., Conversation]:
    """Makes conversations: ``talk()``, ``talk(config)``, ``talk(v6=True)``."""
    mode: Mode = request.param
    return partial(Conversation, mode)
