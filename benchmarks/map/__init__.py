"""The map: work of many kinds on many data sets, and where gpudict stands in each.

`rows.py` is the table of what is run, a row a line; `sets.py` has the data, a function a set. The
methods, their turns on the clock and the judge are the race's.
"""
