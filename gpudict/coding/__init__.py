"""Sparse coding: what a code is (a plan), for which arrays (a request), and its execution.

On the host and on a device rows go in batches through a solver, and rows that fall short through
one refinement.
"""
