"""Whether a parameter is what it was."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpudict.arrays.door import is_array, no_graph, to_host


def same(a: Any, b: Any) -> bool:
    """Whether two values of a parameter are one, or equal arrays."""
    if a is b or a is None or b is None:
        return a is b
    if any(is_array(v) or isinstance(v, list | tuple) for v in (a, b)):
        x, y = (to_host(no_graph(v)) if is_array(v) else np.asarray(v) for v in (a, b))
        return np.array_equal(x, y)
    return bool(a == b)
