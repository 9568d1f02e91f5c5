"""Instances of every penalty: its laws are tested on these. A new penalty is a row here."""

from __future__ import annotations

import numpy as np

from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.objective.penalties.columns import UnitBall, UnitSphere
from gpudict.objective.penalties.l1 import L1
from gpudict.objective.penalties.least_squares import LeastSquares

ROWS = 6  # of the codes that the penalties with a number a row are for
PENALTIES = {
    "l1": L1(0.3),
    "l1, positive": L1(0.3, positive=True),
    "l1, a row": L1(np.linspace(0.05, 0.8, ROWS)),
    "least squares": LeastSquares(),
    "cardinality": Cardinality(2),
    "cardinality, positive": Cardinality(2, positive=True),
    "sphere": UnitSphere(),
    "sphere, positive": UnitSphere(True),
    "ball": UnitBall(),
    "ball, positive": UnitBall(True),
}
