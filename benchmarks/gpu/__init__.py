"""Meet a GPU, and measure gpudict on it: `python -m benchmarks.gpu --first-contact`, and without.

`contact` finds out, in minutes, whether all that runs on the card is right, and what it costs;
`whole` times all contestants in turn, and sets the cost model beside the measurement.
"""
