"""Where this process has estab from: the checkout's ``src``, or the place where a wheel was installed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import estab

ROOT: Final = Path(__file__).parent.parent
PATHS: Final = (str(Path(estab.__file__).parent.parent), str(ROOT))
"""What a process that a test starts has to search, for the same estab and for ``tests``."""
