"""Benchmarks: a race against others, and a GPU that is not there, counted and priced.

`race` times the same problems for every competitor and judges what they return; `standins` are what
stands for a GPU, `models` price what they count, and `gpu` measures a real one. README.md has the
commands.
"""
