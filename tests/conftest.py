"""Property tests: the same examples in every run and no time limit, unless a campaign asks for others."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("estab", derandomize=True, deadline=None)
settings.register_profile("campaign", deadline=None, print_blob=True)
settings.load_profile("estab")
