"""estab beside the kernel on the same lossy path: ``python -m bench.loss``."""
