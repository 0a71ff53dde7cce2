"""What a lesson is, and how it is run: scenes on the real stack, each of which judges what it saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from estab.lessons.stage import Finding, Outcome, Stage
from estab.mutations import MUTATIONS
from estab.sim.record import Passage
from estab.tcp.config import SECOND

Play = Callable[[Stage], Finding]

_PAUSE = SECOND
"""Between two scenes, so that the times of one lesson never run back."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One network, from its first packet to its last. ``defences``: what can be removed to see this scene break."""

    title: str
    play: Play
    defences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lesson:
    """``shows`` in one line; ``text`` explains it; ``learned`` is what holds when every scene ran as expected."""

    name: str
    shows: str
    text: str
    learned: str
    scenes: tuple[Scene, ...]

    @property
    def defences(self) -> tuple[str, ...]:
        """Names of the mutations that this lesson can be run without."""
        return tuple(dict.fromkeys(name for scene in self.scenes for name in scene.defences))

    def run(self, without: str | None = None) -> Result:
        """Play every scene; or with a defence removed those that show what it is for.

        Raises ``ValueError`` when the lesson has no such defence."""
        if without is not None and without not in self.defences:
            known = ", ".join(self.defences) or "none"
            raise ValueError(f"the lesson {self.name!r} cannot be run without {without!r}; its defences: {known}")
        result = Result(self, without)
        start = 0
        for scene in self.scenes:
            if without is None or without in scene.defences:
                stage = Stage(None if without is None else MUTATIONS[without], start)
                finding = scene.play(stage)
                stage.finish()
                result.played.append(Played(scene, stage, finding))
                start = stage.end + _PAUSE
        return result


class Played(NamedTuple):
    """A scene that was run."""

    scene: Scene
    stage: Stage
    finding: Finding


@dataclass(slots=True)
class Result:
    """What came of one run of a lesson."""

    lesson: Lesson
    without: str | None
    played: list[Played] = field(default_factory=list)

    @property
    def outcome(self) -> Outcome:
        """``BROKEN``: what is said to break did break, in every scene that was run."""
        wanted = Outcome.AS_EXPECTED if self.without is None else Outcome.BROKEN
        return wanted if all(each.finding.outcome is wanted for each in self.played) else Outcome.UNEXPECTED

    @property
    def ok(self) -> bool:
        """The lesson showed what it is there to show."""
        return self.outcome is not Outcome.UNEXPECTED

    @property
    def what(self) -> str:
        """One sentence: what was learned, what broke, or what went otherwise than expected."""
        if self.outcome is Outcome.AS_EXPECTED:
            return self.lesson.learned
        if self.outcome is Outcome.BROKEN:
            return self.played[0].finding.what
        return next(each.finding.what for each in self.played if each.finding.outcome is Outcome.UNEXPECTED)

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What was measured, scene by scene."""
        return [fact for each in self.played for fact in each.stage.facts]

    @property
    def segments(self) -> Iterator[Passage]:
        """Every TCP segment of every scene, in the order in which they were sent."""
        for each in self.played:
            yield from each.stage.segments

    def as_json(self) -> dict[str, object]:
        """A value for ``json.dumps``: lesson, without, outcome, what and the segments."""
        return {
            "lesson": self.lesson.name,
            "without": self.without,
            "outcome": self.outcome.value,
            "what": self.what,
            "segments": [passage.row(each.stage.left) for each in self.played for passage in each.stage.segments],
        }


__all__ = ["Lesson", "Play", "Played", "Result", "Scene"]
