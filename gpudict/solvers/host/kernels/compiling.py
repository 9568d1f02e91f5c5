"""How the loops of the host are compiled, and when what was compiled before is used again.

Numba keeps what it compiled in a folder, and takes it from there while the function's own file is
unchanged. But what is inlined comes from other files: so here the key has the contents of all.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from pathlib import Path
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache

FAST = {"reassoc", "contract", "arcp", "nsz"}  # NaN and infinity keep their meaning
OPTIONS = {"fastmath": FAST, "error_model": "numpy"}

inner = njit(inline="always", **OPTIONS)


@functools.cache
def digest() -> str:
    """Return a hash of everything that is compiled."""
    here = Path(__file__).parent
    read = [here.parents[1] / "constants.py", *sorted(here.glob("*.py"))]
    return hashlib.sha256(b"\0".join(f.read_bytes() for f in read)).hexdigest()


digest()  # of what is imported now: a file may change before the first call compiles it


class _Cache(FunctionCache):  # type: ignore[misc]
    """Numba's cache with one more part to its key."""

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        return (*super()._index_key(sig, codegen), digest())


def compiled(function):
    """Compile the function when it is first called; kept in a cache where one can be written."""
    made = njit(nogil=True, **OPTIONS)(function)
    with contextlib.suppress(RuntimeError):  # no folder can be written
        made._cache = _Cache(function)
    return made
