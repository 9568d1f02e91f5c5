"""Instances of every penalty: its laws are tested on these. A new penalty is a row here."""

from __future__ import annotations

import numpy as np

from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.objective.penalties.columns import UnitBall, UnitSphere
from gpudict.objective.penalties.elastic_net import ElasticNet
from gpudict.objective.penalties.group_l2 import GroupL2
from gpudict.objective.penalties.l1 import L1
from gpudict.objective.penalties.least_squares import LeastSquares
from gpudict.objective.penalties.weighted_l1 import WeightedL1

ROWS = 6  # of the codes that the penalties with a number a row are for
_ROWS = np.zeros((ROWS, 1))
_WEIGHTS = np.array([0.5, 1, 3, 0.2, 1])
_EACH = np.outer(np.linspace(0.3, 2, ROWS), _WEIGHTS)
_EACH[np.arange(5), np.arange(5)] = np.inf
_OUT = np.array([0.5, 1, 3, np.inf, 1])
_FREE = np.array([0.5, 0, 3, np.inf, 1])
PENALTIES = {
    "l1": L1(0.3),
    "l1, positive": L1(0.3, positive=True),
    "l1, a row": L1(np.linspace(0.05, 0.8, ROWS)),
    "least squares": LeastSquares(),
    "elastic net": ElasticNet(0.3, 0.2),
    "elastic net, positive, a row": ElasticNet(np.linspace(0.05, 0.8, ROWS), 0.2, positive=True),
    "ridge alone": ElasticNet(0.0, 0.2),
    "weights": WeightedL1(0.3, _WEIGHTS).fitted(_ROWS, 5),
    "weights, positive, a row": WeightedL1(np.linspace(0.05, 0.8, ROWS), _WEIGHTS, True).fitted(
        _ROWS, 5
    ),
    "weights, one excluded, one free": WeightedL1(0.3, _FREE).fitted(_ROWS, 5),
    "weights, one excluded": WeightedL1(0.3, _OUT).fitted(_ROWS, 5),
    "weights of rows": WeightedL1(0.3, _EACH).fitted(_ROWS, 5),
    "groups": GroupL2(0.3, [0, 1, 0, 2, 1]).fitted(_ROWS, 5),
    "groups, positive": GroupL2(0.3, [0, 1, 0, 2, 1], True).fitted(_ROWS, 5),
    "groups, a row": GroupL2(np.linspace(0.05, 0.8, ROWS), list("abaca")).fitted(_ROWS, 5),
    "cardinality": Cardinality(2),
    "cardinality, positive": Cardinality(2, positive=True),
    "sphere": UnitSphere(),
    "sphere, positive": UnitSphere(True),
    "ball": UnitBall(),
    "ball, positive": UnitBall(True),
}
