"""Property tests: the same examples in every run and no time limit, unless a campaign asks for others."""

from __future__ import annotations

from hypothesis import Phase, settings

settings.register_profile("estab", derandomize=True, deadline=None)
settings.register_profile("campaign", deadline=None, print_blob=True)
# Without a defence an example that fails is enough; nobody reads the smallest one.
settings.register_profile("mutant", derandomize=True, deadline=None, phases=[Phase.explicit, Phase.generate])
settings.load_profile("estab")
