"""estab beside other TCP stacks, in one run: ``python -m bench.peers``. Every program here is ours."""
