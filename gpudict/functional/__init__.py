"""scikit-learn's function face: its signatures, keyword for keyword, over `learn` and `encode`.

Thin on purpose, one function a file: names are translated, sequences become NumPy arrays, warnings
and reports are given. Where the behaviour differs from scikit-learn's, the README's table says so
and why.
"""

from gpudict.functional._batch import dict_learning
from gpudict.functional._encode import sparse_encode
from gpudict.functional._online import dict_learning_online

__all__ = ["dict_learning", "dict_learning_online", "sparse_encode"]
