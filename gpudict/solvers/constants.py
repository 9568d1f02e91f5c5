"""What the compiled solvers of the host and of CUDA are tuned by: one table for both languages.

The host computes in float64 whatever the data, but for what a pursuit chooses its atoms by; CUDA in
the dtype of the data. Where a constant depends on the dtype there is a row for each.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

EPS = {name: float(np.finfo(name).eps) for name in ("float32", "float64")}
FAINT = 1e-280  # of ‖x‖²: below it rounding is not what it is for numbers
SUMS = 5  # of a row, which the kernel of residuals hands to that of certificates
STATUS = ("SOLVED", "CROWDED", "UNSETTLED")  # of a row on CUDA; crowded: it needs more places


class Lasso(NamedTuple):
    """Of the active set of a row.

    Attributes
    ----------
    FIRST : atoms admitted to an empty set
    MORE, SHARE : those admitted later: so many, or the set's size over SHARE
    STALE : times that M is made anew
    TINY : beyond alpha, relative: a pull that is rounding
    LOOSE : of alpha, by which the set may be off its optimum after a walk, or M is made anew
    FLOOR : of an atom's squared norm: with less outside the span of the set it depends on it
    """

    FIRST: int
    MORE: int
    SHARE: int
    STALE: int
    TINY: float
    LOOSE: float
    FLOOR: float


class Pursuit(NamedTuple):
    """Of the pursuit of a row.

    Attributes
    ----------
    TINY : of ‖x‖‖v‖: a pull that is rounding
    HARD : of an atom's squared norm: with less outside the span of the set the row is given up
    FLOOR : and with less than that the atom is barred, as one that depends on the set
    NEAR : of ‖x‖²: a target below it too
    """

    TINY: float
    HARD: float
    FLOOR: float
    NEAR: float


class Sphere(NamedTuple):
    """Of the update of an atom.

    Attributes
    ----------
    EPS : of the largest entry of A: a weight that is rounding
    NORMAL : the smallest number that has all its digits
    """

    EPS: float
    NORMAL: float


LASSO = {
    "float32": Lasso(6, 4, 3, 20, 4 * EPS["float32"], LOOSE=1e-3, FLOOR=1e-5),
    "float64": Lasso(6, 4, 3, 20, 4 * EPS["float64"], LOOSE=1e-9, FLOOR=1e-10),
}
PURSUIT = {
    "float32": Pursuit(8 * EPS["float32"], HARD=1e-3, FLOOR=64 * EPS["float32"], NEAR=1e-3),
    "float64": Pursuit(8 * EPS["float64"], HARD=1e-6, FLOOR=64 * EPS["float64"], NEAR=1e-10),
}
SPHERE = {name: Sphere(EPS[name], float(np.finfo(name).smallest_normal)) for name in EPS}
