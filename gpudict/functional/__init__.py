"""scikit-learn's function face: its signatures, keyword for keyword, over `translation`.

Thin on purpose, one function a file: it checks, and hands on. Where the behaviour differs from
scikit-learn's, the README's table says so and why.
"""

from gpudict.functional._dict_learning import dict_learning
from gpudict.functional._dict_learning_online import dict_learning_online
from gpudict.functional._sparse_encode import sparse_encode

__all__ = ["dict_learning", "dict_learning_online", "sparse_encode"]
