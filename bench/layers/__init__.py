"""What each layer costs by itself: ``make bench-layers``."""
