"""Errors of scikit-learn's checks, which say of which parameter they speak."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Let scikit-learn's errors say of which parameter they speak, and what to do."""
    try:
        yield
    except (TypeError, ValueError) as error:
        if re.search(rf"\b{name}\b", said := str(error).strip()):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            f"{name} can't be used: {said.rstrip('.')}. Pass {name} as a dense two-dimensional "
            "array of finite real numbers."
        ) from error
