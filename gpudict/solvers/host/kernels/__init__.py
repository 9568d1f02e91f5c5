"""The compiled loops of the host, in what Numba understands of Python."""
