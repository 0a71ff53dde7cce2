"""Many objects without full collections over all of them."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from estab.drivers.collector import without_pauses


@pytest.fixture
def nothing_frozen() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("nothing_frozen")
def test_what_survives_the_young_generations_is_not_walked_again() -> None:
    with without_pauses():
        kept = [[] for _ in range(1000)]  # type: ignore[var-annotated]
        gc.collect(1)
        assert gc.get_freeze_count() > len(kept)
        assert not any(each is kept for each in gc.get_objects(generation=2))


@pytest.mark.usefixtures("nothing_frozen")
def test_without_it_a_full_collection_walks_everything() -> None:
    kept = [[] for _ in range(1000)]  # type: ignore[var-annotated]
    gc.collect(1)
    assert any(each is kept for each in gc.get_objects(generation=2))
    assert not gc.get_freeze_count()


@pytest.mark.usefixtures("nothing_frozen")
def test_at_the_end_everything_is_collected_as_before() -> None:
    before = list(gc.callbacks)
    with without_pauses():
        gc.collect(1)
    assert not gc.get_freeze_count()
    assert gc.callbacks == before


@pytest.mark.usefixtures("nothing_frozen")
def test_young_garbage_is_still_collected() -> None:
    with without_pauses():
        cycle: list[object] = []
        cycle.append(cycle)
        del cycle
        assert gc.collect(1)
