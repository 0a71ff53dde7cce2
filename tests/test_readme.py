"""What the README shows works as it stands."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def test_the_example_in_virtual_time_runs() -> None:
    [simulated] = [code for code in examples() if "estab.simulate(" in code]
    exec(compile(simulated, "README.md", "exec"), {"__name__": "readme"})


def test_the_other_examples_compile() -> None:
    for code in examples():
        compile(code, "README.md", "exec")
