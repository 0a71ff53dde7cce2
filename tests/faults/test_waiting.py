from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from estab.faults.waiting import NEVER, Waiting
from estab.wire.packet import Packet


@given(st.lists(st.one_of(st.integers(0, 9), st.none())))
def test_whatever_comes_goes_in_the_order_of_times_and_then_of_numbers(steps: list[int | None]) -> None:
    """A number comes with that time; None: the first goes."""
    waiting, model = Waiting(), []
    for number, due in enumerate(steps):
        if due is not None:
            model.append((due, number))
            waiting.add((due, number, 0, 0, Packet(b""), ""))
        elif model:
            model.sort()
            assert waiting.take()[:2] == model.pop(0)
        assert len(waiting) == len(model)
        assert waiting.due == min((due for due, _ in model), default=NEVER)
    assert [held[:2] for held in waiting.in_order()] == sorted(model)
    waiting.clear()
    assert (len(waiting), waiting.due) == (0, NEVER)
