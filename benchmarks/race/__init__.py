"""The race: problems, methods and tasks are files, found by their names; the judge is no runner.

`python -m benchmarks.race` times methods on a task and writes a file, `.report` makes tables and
pictures of those files, `.scaling` and `.compiling` time how an encode grows and a first use.
"""
