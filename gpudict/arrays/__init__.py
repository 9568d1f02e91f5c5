"""Arrays of any library: the door to it, checks of input, threads, batches, compressed rows.

`backends` has what the array API standard leaves to the libraries. Nothing here knows what the
arrays mean.
"""
