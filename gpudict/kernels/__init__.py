"""Compiled fast paths behind the laws of the portable solvers: for the host, by Numba.

`GPUDICT_KERNELS=portable` in the environment turns them off. Where Numba cannot be imported they
are off too, and the log says so once.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import os


@functools.cache
def usable() -> bool:
    """Whether the compiled paths of the host can run."""
    if os.environ.get("GPUDICT_KERNELS") == "portable":
        return False
    if importlib.util.find_spec("numba") is None:
        logging.getLogger(__name__).warning(
            "numba is not installed: the portable solvers run instead of the compiled ones."
        )
        return False
    return True
