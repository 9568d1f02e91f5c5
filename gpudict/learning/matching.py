"""`match_atoms`: which atom of one dictionary is which of another, up to order and sign."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gpudict.arrays import check
from gpudict.arrays.door import (
    Array,
    array_namespace,
    asarray_like,
    index_like,
    precise,
    to_host,
)
from gpudict.arrays.home import at_home
from gpudict.objective.coherence import unit


class Matched(NamedTuple):
    """What `match_atoms` returns, for each of m atoms of the reference.

    Attributes
    ----------
    order : (m,), the number of the atom of V that is matched with it
    signs : (m,), 1 or -1: V[order] * signs[:, None] is the reference, as near as can be
    cosines : (m,), of the two, 0 or more: 1 is the same atom
    """

    order: Array
    signs: Array
    cosines: Array


@at_home
def match_atoms(V: Any, reference: Any, /) -> Matched:
    """Match atoms with those of a reference, one with one, by the largest sum of |cosines|.

    Learning ends in a local minimum, in an order and with signs that mean nothing. How near the
    cosines of dictionaries from several seeds are to 1 says how stable the atoms are.

    Parameters
    ----------
    V : array (k, d)
        Atoms, of any norm.
    reference : array (m, d)
        Atoms to find again, m ≤ k, of the library and device of V. With k = m each is matched.

    Returns
    -------
    Matched
        For each atom of the reference its `order` in V, the `signs`, and the `cosines`.

    Raises
    ------
    TypeError, ValueError
        Input that can't be used; the message says what came, what is needed and what to do.

    References
    ----------
    Kuhn (1955), The Hungarian method for the assignment problem; as SciPy has it: Crouse (2016), On
    implementing 2D rectangular assignment algorithms, section III.

    Examples
    --------
    >>> import numpy as np, gpudict
    >>> reference = np.array([[1.0, 0.0], [0.6, 0.8]])
    >>> found = gpudict.match_atoms(np.array([[-0.6, -0.8], [0.8, 0.6]]), reference)
    >>> found.order, found.signs, found.cosines.round(2)
    (array([1, 0]), array([ 1., -1.]), array([0.8, 1. ]))
    """
    from scipy.optimize import linear_sum_assignment

    V = check.atoms(V, "V", like=check.matrix(V, "V", finite=False))
    reference = check.atoms(reference, "reference", like=V)
    why = "its atoms have as many features as those of V"
    check.shaped(reference, "reference", (None, V.shape[1]), why)
    k, m = V.shape[0], reference.shape[0]
    if m > k:
        raise ValueError(
            f"reference has {m} atoms and V {k}, so some would have none of their own. Pass the "
            "smaller dictionary as the reference."
        )
    with precise(V):
        cosines = to_host(unit(reference) @ array_namespace(V).matrix_transpose(unit(V)))
    _, order = linear_sum_assignment(np.abs(cosines), maximize=True)
    matched = cosines[np.arange(m), order]
    signs = np.where(matched < 0, -1.0, 1.0)
    return Matched(index_like(order, V), asarray_like(signs, V), asarray_like(np.abs(matched), V))
