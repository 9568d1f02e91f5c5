"""Solvers of the host, compiled by Numba: a file each, ending in `SOLVER`, over `kernels`."""
