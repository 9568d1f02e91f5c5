"""The solvers: their contract (`base`), who solves what (`registry`), and the one loop.

`portable` runs on any array, `host` and `cuda` are compiled: a file is a solver, found by its name.
"""
