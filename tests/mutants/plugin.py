"""Runs the tests of this process without one defence: `python -m pytest -p tests.mutants.plugin --mutate NAME …`.

``--verdict FILE`` writes which tests failed, as JSON. It is an error when the mutation took no effect.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from estab.mutations.install import Absence, install

ABSENCE = pytest.StashKey[Absence]()
FAILED = pytest.StashKey[set[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--mutate", metavar="NAME", help="run without this defence of estab.mutations")
    parser.addoption("--verdict", metavar="FILE", type=Path, help="write there which tests failed, as JSON")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Before any test, and any ``conftest.py``, imports estab."""
    name = early_config.known_args_namespace.mutate
    early_config.stash[FAILED] = set()
    if name is not None:
        early_config.stash[ABSENCE] = install(name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> object:
    report = yield
    if report.failed:
        item.config.stash[FAILED].add(item.nodeid.partition("[")[0])
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    stash = session.config.stash
    if session.config.option.verdict is not None:
        session.config.option.verdict.write_text(json.dumps(sorted(stash[FAILED])), encoding="utf-8")
    if ABSENCE in stash and not stash[ABSENCE].took_effect():
        raise pytest.UsageError("the mutation took no effect: nothing that it changes was loaded, or asked")
