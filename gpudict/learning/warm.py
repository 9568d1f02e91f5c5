"""Codes that stay where they were made, for the next time that the same rows are coded there.

They are a start and nothing else: where they are missing, for a worker has died or a chunk has
moved, rows are coded from zeros, to the same codes within their tolerance. So nothing is lost with
them, and what is learned depends on the rows and the atoms alone.
"""

from __future__ import annotations

from collections import OrderedDict, deque

import numpy as np

from gpudict.learning.codes import Codes

RUNS = 4  # of which codes are held in a process: one that ended badly is forgotten so
_KEPT: OrderedDict[str, dict[int, Codes]] = OrderedDict()
_OVER: deque[str] = deque(maxlen=64)  # runs that ended: what was still at work keeps nothing

Warm = bool | np.ndarray  # whether to start from what is kept, but for atoms that are dead, (k,)


def kept(run: str, number: int, warm: Warm) -> Codes | None:
    """Return the codes of a chunk of a run, if they are here and wanted."""
    codes = None if warm is False else _KEPT.get(run, {}).get(number)
    return codes.without(warm) if codes is not None and isinstance(warm, np.ndarray) else codes


def keep(run: str, number: int, codes: Codes) -> None:
    """Hold the codes of a chunk of a run, if it has a name: other runs see a chunk once."""
    if not run or run in _OVER:
        return
    _KEPT.setdefault(run, {})[number] = codes
    _KEPT.move_to_end(run)
    while len(_KEPT) > RUNS:
        _KEPT.popitem(last=False)


def forget(run: str) -> None:
    """Let go of the codes of a run."""
    _OVER.append(run)
    _KEPT.pop(run, None)
