"""A lesson's result as plain text."""

from __future__ import annotations

from textwrap import fill

from estab.explain import ladder
from estab.lessons.lesson import Played, Result
from estab.mutations import MUTATIONS


def render(result: Result, *, width: int = 100, ascii_only: bool = False) -> str:
    """What the lesson says, the ladder of each scene with what was found and measured, and the outcome."""
    lesson = result.lesson
    blocks = [lesson.name, "\n\n".join(fill(each, width) for each in lesson.text.split("\n\n"))]
    if result.without is not None:
        blocks.append(fill(f"Without {result.without}: {MUTATIONS[result.without].removes}", width))
    blocks += [_scene(number, each, width, ascii_only) for number, each in enumerate(result.played, 1)]
    blocks.append(fill(f"{result.outcome.value}: {result.what}", width))
    return "\n\n".join(blocks) + "\n"


def _scene(number: int, played: Played, width: int, ascii_only: bool) -> str:
    stage = played.stage
    picture = ladder(
        stage.passages,
        stage.left,
        stage.right,
        width=width,
        relative=stage.relative,
        fold=40,
        start=stage.start,
        ascii_only=ascii_only,
    )
    lines = [f"{number}. {played.scene.title}", picture]
    widest = max((len(name) for name, _ in stage.facts), default=0)
    lines += [f"   {name:<{widest}}  {value}" for name, value in stage.facts]
    lines.append(fill(played.finding.what, width, initial_indent="=> ", subsequent_indent="   "))
    return "\n".join(lines)
