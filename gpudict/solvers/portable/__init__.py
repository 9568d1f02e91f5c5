"""Solvers of any array library, in the functions of the standard: a file each, ending in `SOLVER`.

They see a whole batch of rows and wait for nothing; what names begin with `_` they share.
"""
