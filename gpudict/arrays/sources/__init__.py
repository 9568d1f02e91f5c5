"""Rows that are read as they are needed: from arrays on a disk, sparse matrices, files, iterables.

A *table* has a shape and is read in slices: a file a kind, here; `stream` makes batches of one.
"""
