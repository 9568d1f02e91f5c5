"""How much memory a batch may take: little on the host, a share of what is free on a device."""

from __future__ import annotations

from gpudict.arrays.backends import backend_of
from gpudict.arrays.door import Array, array_namespace, is_launch_bound

HOST_WORKSPACE = 48 * 2**20  # bytes of a batch; a few of them run side by side
# Of a device a batch takes a share of what is free, the rest being for what a library allocates
# unasked. More than 4 GiB would not be faster: an operation on the dense rows of such a batch moves
# some hundred MB, and that takes tens of times as long as its start.
DEVICE_SHARE, DEVICE_WORKSPACE = 0.5, 2**32
UNASKED_WORKSPACE = 2**31  # where a device does not say what is free


def sorting(x: Array) -> int:
    """Return the bytes that an argsort takes for each entry of x, beside a copy of it."""
    return backend_of(array_namespace(x)).sorting


def workspace(x: Array, taken: int = 0) -> int:
    """Return the bytes that a batch like x may take beside the data and what will be `taken`."""
    if not is_launch_bound(x):
        return HOST_WORKSPACE
    free = backend_of(array_namespace(x)).free_memory(x)
    if free is None:
        return UNASKED_WORKSPACE
    return max(0, min(DEVICE_WORKSPACE, int(DEVICE_SHARE * (free - taken))))
