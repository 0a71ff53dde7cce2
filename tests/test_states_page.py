"""The state diagram in the documents is that of the table."""

from __future__ import annotations

import re

from docs.make_states import PAGE, render
from estab.tcp.states import DIAGRAM, State


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "make docs"


def test_every_row_is_drawn() -> None:
    drawn = re.findall(r"^    ([A-Z_0-9]+) --> ([A-Z_0-9]+): (.+)$", render(), re.MULTILINE)
    table = {
        (old.value.replace("-", "_"), new.value.replace("-", "_"), fact.value) for (old, fact), new in DIAGRAM.items()
    }
    assert set(drawn) == table
    assert len(drawn) == len(DIAGRAM)


def test_every_state_is_named() -> None:
    assert all(state.value in render() for state in State)
