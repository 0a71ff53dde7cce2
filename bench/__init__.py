"""The figures that the README publishes: ``python -m bench`` measures them against the kernel of this machine."""
