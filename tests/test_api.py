"""``docs/api.md`` lists what each public module offers: no name more, no name less, and every name is there.

A module is public because it is listed there; ``estab`` itself has to be.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path

API = Path(__file__).parent.parent / "docs" / "api.md"


def listed(text: str) -> dict[str, list[str]]:
    """The names of each module: ``## estab`` (backticks or not), then bullets that begin with a name in backticks.

    A bullet may show a signature, as in ``- `attach(link, *addresses)`: …``; its name is what comes before it.
    """
    modules: dict[str, list[str]] = {}
    for heading, section in re.findall(r"^## (.+?)$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL):
        if module := re.fullmatch(r"`?(estab(?:\.\w+)*)`?", heading.strip()):
            modules[module[1]] = re.findall(r"^[-*] `(\w+)", section, re.MULTILINE)
    return modules


def disagreements(name: str, names: list[str]) -> list[str]:
    """What a module's list and the module's own ``__all__`` do not agree about, a line each."""
    module = importlib.import_module(name)
    promised = getattr(module, "__all__", ())
    return [
        *(f"{name}.{one} is listed and not in __all__" for one in sorted({*names} - {*promised})),
        *(f"{name}.{one} is in __all__ and not listed" for one in sorted({*promised} - {*names})),
        *(f"{name}.{one} is listed twice" for one in sorted({*names}) if names.count(one) > 1),
        *(f"{name}.{one} does not exist" for one in sorted(promised) if not hasattr(module, one)),
    ]


def test_the_lists_are_what_the_modules_promise() -> None:
    modules = listed(API.read_text(encoding="utf-8"))
    assert modules.get("estab"), "the names of `estab` are not listed"
    assert [line for name, names in modules.items() for line in disagreements(name, names)] == []


def test_lists_are_read() -> None:
    first = "# API\n\n- `Nobody`\n\n## estab\n\n- `Stack`: one host\n- `attach(link)`\n\n"
    second = "## Notes\n\n- `Other`\n\n## `estab.sim`\n* `run`\n"
    assert listed(first + second) == {"estab": ["Stack", "attach"], "estab.sim": ["run"]}


def test_a_disagreement_is_found() -> None:
    names = list(importlib.import_module("json").__all__)
    assert disagreements("json", names) == []
    assert disagreements("json", [*names, "attic"]) == ["json.attic is listed and not in __all__"]
    assert disagreements("json", names[1:]) == [f"json.{names[0]} is in __all__ and not listed"]
    assert disagreements("json", [*names, names[0]]) == [f"json.{names[0]} is listed twice"]
