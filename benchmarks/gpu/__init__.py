"""Measure gpudict on a real GPU, by one command: `python -m benchmarks.gpu`.

It checks the numbers against the CPU, times all contestants in turn, sets the cost model beside the
measurement, and writes a JSON file with all that is known of the device.
"""
