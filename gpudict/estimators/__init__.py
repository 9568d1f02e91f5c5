"""scikit-learn's estimators over `translation`: the same names, on any array library.

Glue on purpose, one estimator a file. `_base` checks input and follows X, `_learner` fits, `_coder`
and `_projector` transform, `_tasks` speaks scikit-learn's callback protocol, `_files` writes and
reads models, `_exchange` passes them to scikit-learn and back.
"""

from gpudict.estimators._files import load
from gpudict.estimators.dictionary_learning import DictionaryLearning
from gpudict.estimators.mini_batch_dictionary_learning import MiniBatchDictionaryLearning
from gpudict.estimators.mini_batch_sparse_pca import MiniBatchSparsePCA
from gpudict.estimators.sparse_coder import SparseCoder
from gpudict.estimators.sparse_pca import SparsePCA

__all__ = [
    "DictionaryLearning",
    "MiniBatchDictionaryLearning",
    "MiniBatchSparsePCA",
    "SparseCoder",
    "SparsePCA",
    "load",
]
