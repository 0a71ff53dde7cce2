"""A process without a defence: what is imported there, and the proof that it lacks something."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from estab.mutations import MUTATIONS
from estab.mutations.install import install
from tests.where import PATHS

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(PATHS)}


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_module_is_loaded_without_its_defence() -> None:
    code = """
from estab.wire.options import CODECS as before
from estab.mutations.install import install
absence = install("sack-permitted-not-known")
print(absence.took_effect())
from estab.wire.options import CODECS
print(4 in before, 4 in CODECS, absence.took_effect())
"""
    assert python(code).split() == ["False", "True", "False", "True"]


def test_rules_are_exchanged_before_anybody_sees_them() -> None:
    code = """
from estab.mutations.install import install
absence = install("fixed-isn")
from estab.sim import Network
host = Network(seed=1).host("a", "10.0.0.1/24")
print(absence.took_effect())
c = host.stack.open(("10.0.0.2", 80), 0)
print(c.iss, absence.took_effect())
"""
    assert python(code).split() == ["False", "1000", "True"]


def test_compiled_modules_are_passed_over() -> None:
    code = """
from estab.mutations.install import install
install("fixed-isn")
import estab, sys
loaded = [module for name, module in sys.modules.items() if name.partition(".")[0] == "estab"]
print({module.__spec__.loader.__class__.__name__ for module in loaded})
"""
    assert python(code) == "{'_Loader'}"


def test_a_name_that_nobody_knows_is_refused() -> None:
    with pytest.raises(KeyError):
        install("no-such-defence")


@pytest.mark.parametrize("name", ["one-msl", "no-time-wait"])
def test_figures_belong_to_whoever_makes_the_configuration(name: str) -> None:
    assert MUTATIONS[name].apply().changes_figures
    with pytest.raises(ValueError, match="changes figures"):
        install(name)
