"""The goodput table has not changed, and holds what is promised of it."""

from __future__ import annotations

import pytest

from tests.goodput import snapshot
from tests.goodput.__main__ import chosen
from tests.goodput.cell import CONTROLS, RTTS, Cell, cells, measure

ROWS = snapshot.read()
CHECKED = [cell for cell in ROWS if cell.rate_mbit == 1 and cell.rtt_ms < RTTS[-1] and cell.loss in ("0", "1%")]
"""One cell in ten, of those that take least to make."""

PAYLOAD = 1448 / 1500
"""The share of a full packet that is the application's."""


def test_a_control_is_in_the_table_with_all_its_cells() -> None:
    controls = tuple(control for control in CONTROLS if control in {cell.control for cell in ROWS})
    assert controls
    assert list(ROWS) == list(cells(controls))
    assert 10 * len(CHECKED) == len(ROWS)


@pytest.mark.parametrize("cell", CHECKED, ids=lambda cell: "-".join(map(str, cell)))
def test_a_cell_is_as_it_was(cell: Cell) -> None:
    """If the change is meant: ``make goodput``, and let somebody approve the difference."""
    assert snapshot.line(cell, measure(cell)) == ROWS[cell]


def test_without_loss_the_path_is_full_after_the_start() -> None:
    """95 % of what the path can carry of payload, over the second half."""
    steady = {cell: snapshot.steady(row) for cell, row in ROWS.items() if cell.loss == "0"}
    assert [cell for cell, rate in steady.items() if rate < 0.95 * PAYLOAD * cell.rate_mbit] == []


def test_words_choose_cells() -> None:
    assert len(chosen(())) == len(list(cells()))
    assert {cell[:3] for cell in chosen(("bbr", "cubic", "20ms", "loss=1%", "1M"))} == {(20, "1%", 1)}
    assert {cell.control for cell in chosen(("bbr", "cubic", "20ms", "loss=1%", "1M"))} == {"bbr", "cubic"}


def test_a_word_that_chooses_nothing_is_refused() -> None:
    with pytest.raises(SystemExit, match="no cell is called 3ms"):
        chosen(("3ms",))
