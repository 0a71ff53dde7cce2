"""Fourteen lessons on the life of a TCP connection, each a deterministic scenario on the real stack.

``run("close")`` plays one; ``run("close", "fin-out-of-order")`` plays what shows a defence without it;
``render(result)`` is the result as text, ``result.as_json()`` as a value.
"""

from __future__ import annotations

from typing import Final

from estab.lessons import (
    close,
    half_close,
    handshake,
    lost_last_ack,
    lost_syn,
    old_data,
    old_duplicate_syn,
    random_isn,
    reset,
    simultaneous,
    time_wait_cost,
    time_wait_length,
    transfer,
    two_generals,
)
from estab.lessons.lesson import Lesson, Result
from estab.lessons.render import render
from estab.lessons.stage import Outcome

LESSONS: Final[dict[str, Lesson]] = {
    module.LESSON.name: module.LESSON
    for module in (
        two_generals,
        handshake,
        lost_syn,
        old_duplicate_syn,
        random_isn,
        transfer,
        close,
        half_close,
        simultaneous,
        lost_last_ack,
        time_wait_length,
        old_data,
        time_wait_cost,
        reset,
    )
}
"""In the order in which they build on each other."""


def run(name: str, without: str | None = None) -> Result:
    """Play a lesson, or what shows one of its defences without it.

    Raises ``ValueError`` for a lesson that is not there, or that has no such defence."""
    lesson = LESSONS.get(name)
    if lesson is None:
        raise ValueError(f"there is no lesson {name!r}; there are: {', '.join(LESSONS)}")
    return lesson.run(without)


__all__ = ["LESSONS", "Lesson", "Outcome", "Result", "render", "run"]
