"""Benchmarks: the same problems for every competitor, timed in turn and judged from outside.

A file in `problems` is a data set, a file in `methods` a competitor; both are found by their names.
`python -m benchmarks.race` times methods on a problem and writes `results/NAME.json`,
`python -m benchmarks.race.report` makes a table and a picture of those files, and
`python -m benchmarks.models.device` estimates what an encode would cost on a GPU.
"""
