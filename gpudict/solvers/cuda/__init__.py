"""Solvers of CUDA devices, a warp a row, in CUDA C: a file each, ending in `SOLVER`."""
