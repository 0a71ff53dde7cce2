"""Source transforms: each still fits the text that it changes."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

import estab
from estab.mutations import MUTATIONS, TRANSFORMS, Transform
from estab.mutations.by_rules import BY_RULES
from estab.mutations.by_steps import BY_STEPS

PACKAGE = Path(estab.__file__).parent
SAMPLE = Transform("sample", "Nothing is checked.", "RFC 1", "tcp.sample", "check(x)", "pass")


@cache
def text_of(module: str) -> str:
    return PACKAGE.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_transform_fits_its_module(name: str) -> None:
    transform = TRANSFORMS[name]
    text = text_of(transform.module)
    ast.parse(transform.apply(text))
    assert transform.new != transform.old
    assert transform.removes.endswith(".")
    assert transform.source.startswith("RFC")
    assert transform.name == name


def test_a_name_is_one_mutation() -> None:
    assert len(MUTATIONS) == len(BY_RULES) + len(BY_STEPS)
    assert TRANSFORMS.keys().isdisjoint(MUTATIONS)


def test_a_transform_changes_one_place() -> None:
    assert SAMPLE.apply("def f(x):\n    check(x)\n") == "def f(x):\n    pass\n"


@pytest.mark.parametrize("text", ["", "check(x)\ncheck(x)\n"])
def test_a_transform_whose_text_is_not_there_once_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not once"):
        SAMPLE.apply(text)
