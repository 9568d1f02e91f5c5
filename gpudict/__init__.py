"""Dictionary learning and sparse coding on any array: NumPy, CuPy, PyTorch, JAX.

    min over U, V   ½‖X − U V‖²_F + alpha·‖U‖₁,₁   with ‖V_k‖₂ = 1 for every atom k

`DictionaryLearning`, `dict_learning` and their relatives have scikit-learn's names and signatures;
`learn`, `learn_online` and `encode` are the same solvers with their certificates. The names are
loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gpudict._version import __version__ as __version__

if TYPE_CHECKING:
    import gpudict.datasets as datasets
    import gpudict.tools.plotting as plotting
    from gpudict.arrays.sources.stream import stream
    from gpudict.coding.alpha.largest import alpha_max
    from gpudict.coding.alpha.path import encode_path
    from gpudict.coding.certify import certify
    from gpudict.coding.encode import encode
    from gpudict.coding.metrics import CodeMetrics, code_metrics
    from gpudict.estimators import (
        DictionaryLearning,
        MiniBatchDictionaryLearning,
        MiniBatchSparsePCA,
        SparseCoder,
        SparsePCA,
        load,
    )
    from gpudict.functional import dict_learning, dict_learning_online, sparse_encode
    from gpudict.learning.learn import learn
    from gpudict.learning.learn_online import learn_online
    from gpudict.learning.matching import Matched, match_atoms
    from gpudict.learning.records import Learned
    from gpudict.learning.statistics import Statistics
    from gpudict.objective.penalties.elastic_net import ElasticNet
    from gpudict.objective.penalties.group_l2 import GroupL2
    from gpudict.objective.penalties.l1 import L1
    from gpudict.objective.penalties.weighted_l1 import WeightedL1
    from gpudict.solvers.records import Solution, Status

_MODULES = {"datasets": "datasets", "plotting": "tools.plotting"}
_HOMES = {
    "CodeMetrics": "coding.metrics",
    "DictionaryLearning": "estimators",
    "ElasticNet": "objective.penalties.elastic_net",
    "GroupL2": "objective.penalties.group_l2",
    "L1": "objective.penalties.l1",
    "Learned": "learning.records",
    "Matched": "learning.matching",
    "MiniBatchDictionaryLearning": "estimators",
    "MiniBatchSparsePCA": "estimators",
    "Solution": "solvers.records",
    "SparseCoder": "estimators",
    "SparsePCA": "estimators",
    "Statistics": "learning.statistics",
    "Status": "solvers.records",
    "WeightedL1": "objective.penalties.weighted_l1",
    "alpha_max": "coding.alpha.largest",
    "certify": "coding.certify",
    "code_metrics": "coding.metrics",
    "dict_learning": "functional",
    "dict_learning_online": "functional",
    "encode": "coding.encode",
    "encode_path": "coding.alpha.path",
    "learn": "learning.learn",
    "learn_online": "learning.learn_online",
    "load": "estimators",
    "match_atoms": "learning.matching",
    "sparse_encode": "functional",
    "stream": "arrays.sources.stream",
}

__all__ = [
    "L1",
    "CodeMetrics",
    "DictionaryLearning",
    "ElasticNet",
    "GroupL2",
    "Learned",
    "Matched",
    "MiniBatchDictionaryLearning",
    "MiniBatchSparsePCA",
    "Solution",
    "SparseCoder",
    "SparsePCA",
    "Statistics",
    "Status",
    "WeightedL1",
    "alpha_max",
    "certify",
    "code_metrics",
    "datasets",
    "dict_learning",
    "dict_learning_online",
    "encode",
    "encode_path",
    "learn",
    "learn_online",
    "load",
    "match_atoms",
    "plotting",
    "sparse_encode",
    "stream",
]


if not TYPE_CHECKING:  # a type checker knows the names, and no others

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return importlib.import_module(f"gpudict.{_MODULES[name]}")
        if name in _HOMES:
            home = importlib.import_module(f"gpudict.{_HOMES[name]}")
            return globals().setdefault(name, getattr(home, name))
        raise AttributeError(f"module 'gpudict' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({name for name in globals() if name.startswith("__")} | {*__all__})
