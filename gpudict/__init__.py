"""Dictionary learning and sparse coding on any array: NumPy, CuPy, PyTorch, JAX.

    min over U, V   ½‖X − U V‖²_F + alpha·‖U‖₁,₁   with ‖V_k‖₂ = 1 for every atom k

`DictionaryLearning`, `dict_learning` and their relatives have scikit-learn's names and signatures;
`learn`, `learn_online` and `encode` are the same solvers with their certificates. The names are
loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "DictionaryLearning": "estimators",
    "Learned": "learning",
    "MiniBatchDictionaryLearning": "estimators",
    "MiniBatchSparsePCA": "estimators",
    "Solution": "loop",
    "SparseCoder": "estimators",
    "SparsePCA": "estimators",
    "dict_learning": "functional",
    "dict_learning_online": "functional",
    "encode": "coding",
    "learn": "learning",
    "learn_online": "online",
    "load": "estimators",
    "sparse_encode": "functional",
}
_MODULES = ("datasets",)

__all__ = [*sorted(_HOMES), *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"gpudict.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(f"gpudict.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'gpudict' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
