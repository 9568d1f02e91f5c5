"""Warnings, at the line of the user's that called the library."""

from __future__ import annotations

import sys
import warnings


def say(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line that called the library."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(("gpudict.", "sklearn.")):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level + 1)
