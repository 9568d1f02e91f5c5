"""`code_metrics`: how well codes stand for data, and how they use the atoms, whoever made them.

The names are those of SAEBench, whose formulas are for codes that are not negative; here a code of
either sign is one that is not 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from gpudict.arrays.door import Array, array_namespace, asarray_like, read
from gpudict.arrays.home import at_home
from gpudict.coding.tally import tallied
from gpudict.objective.coherence import largest_cosines


class CodeMetrics(NamedTuple):
    """What `code_metrics` returns; x̂ = uV is what a code u stands for, means are over rows.

    Attributes
    ----------
    explained_variance : 1 − Σ‖x − x̂‖² / Σ‖x − mean x‖²; below 0 where the mean of the rows
        is nearer to them, as it is where all codes are zero
    mse : mean ‖x − x̂‖², a row's; SAEBench divides it once more, by the rows of a batch
    cossim : mean ⟨x, x̂⟩ / (‖x‖‖x̂‖), 0 where one of them is 0
    l2_ratio : mean ‖x̂‖ / ‖x‖, 0 where x is 0; below 1 codes are shrunk
    l0, l1 : means of a row's non-zeros, and of ‖u‖₁
    frac_alive : share of the atoms that some row uses
    freq_over_1_percent, freq_over_10_percent : share of the atoms that more rows than that use
    average_max_decoder_cosine_sim : the mean over atoms of max_decoder_cosine_sim
    coherence : the largest |cosine| of two atoms
    feature_density : (k,), the share of the rows that use each atom
    max_decoder_cosine_sim : (k,), each atom's largest cosine with another, with its sign
    """

    explained_variance: float
    mse: float
    cossim: float
    l2_ratio: float
    l0: float
    l1: float
    frac_alive: float
    freq_over_1_percent: float
    freq_over_10_percent: float
    average_max_decoder_cosine_sim: float
    coherence: float
    feature_density: Array
    max_decoder_cosine_sim: Array


@at_home
def code_metrics(X: Any, V: Array, Z: Any, /) -> CodeMetrics:
    """Measure codes Z of data X over the atoms in the rows of V, whoever made them.

    Parameters
    ----------
    X : array (n, d) or (…, d), a stream, or a Dask array
        Data, as in `encode`. What a decoder adds to all rows, a bias, is to be subtracted.
    V : array (k, d)
        Atoms, of the library and device of X, of any norm.
    Z : array (n, k) or (…, k), sparse matrix, or what is sliced along its rows
        Codes: as `encode` returns them, or in what it writes them into (`out`). Of a Dask array a
        Dask array. A batch of rows at a time is made dense, and never more.

    Returns
    -------
    CodeMetrics
        The measures, by SAEBench's names; its documentation has the formula of each.

    Raises
    ------
    TypeError, ValueError
        Input that can't be used; the message says what came, what is needed and what to do.

    References
    ----------
    Karvonen et al. (2025), SAEBench, https://arxiv.org/abs/2503.09532, section 3; coherence: Donoho
    and Elad (2003), Optimally sparse representation in general dictionaries, section 1.

    Examples
    --------
    >>> import numpy as np, gpudict
    >>> X = np.array([[3.0, 0.0], [0.0, 2.0], [1.0, 0.0]])
    >>> Z = gpudict.encode(X, np.eye(2), alpha=0.5).Z
    >>> found = gpudict.code_metrics(X, np.eye(2), Z)
    >>> round(found.explained_variance, 4), found.l0, found.feature_density.round(2)
    (0.8977, 1.0, array([0.67, 0.33]))
    """
    (fit, size, used), V = tallied(X, V, Z)
    n = fit.rows
    top, coherence = largest_cosines(V)
    density = used / n
    cosine, largest = read(array_namespace(V).mean(top), coherence)
    return CodeMetrics(
        explained_variance=fit.explained_variance,
        mse=fit.error / n,
        cossim=fit.cosine / n,
        l2_ratio=fit.ratio / n,
        l0=float(used.sum()) / n,
        l1=size / n,
        frac_alive=float((used > 0).mean()),
        freq_over_1_percent=float((density > 0.01).mean()),
        freq_over_10_percent=float((density > 0.1).mean()),
        average_max_decoder_cosine_sim=cosine,
        coherence=largest,
        feature_density=asarray_like(density, V),
        max_decoder_cosine_sim=top,
    )
