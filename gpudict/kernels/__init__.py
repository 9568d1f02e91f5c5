"""Compiled fast paths behind the laws of the portable solvers: by Numba for the host, and `cuda`.

`GPUDICT_KERNELS=portable` in the environment turns them off. Where Numba cannot be imported those
of the host are off too, and the log says so once.
"""

from __future__ import annotations

import functools
import importlib
import logging
import os


def allowed() -> bool:
    """Whether compiled paths are wanted."""
    return os.environ.get("GPUDICT_KERNELS") != "portable"


@functools.cache
def usable() -> bool:
    """Whether the compiled paths of the host can run."""
    try:
        importlib.import_module("numba")
    except ImportError as error:  # it is not there, or refuses this NumPy
        logging.getLogger(__name__).warning(
            "numba can't be imported (%s): the portable solvers run, not the compiled ones.", error
        )
        return False
    return True
