"""Wide data: with fewer samples than features, every atom is a sum of samples.

The update of an atom adds up rows of X and other atoms, so that from a start in the space of the
rows no atom leaves it. In an orthonormal basis Q (r, d) of that space X = L Q and V = W Q, and
‖X − U V‖ = ‖L − U W‖, ‖V_k‖ = ‖W_k‖: the same problem, with r features in place of d. Only atoms
that are clipped at zero leave the space.

Halko, Martinsson and Tropp (2011), https://doi.org/10.1137/090771806, section 5, do so for the SVD.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from gpudict.arrays.door import Array, array_namespace, copied, precise
from gpudict.learning.atoms import given
from gpudict.learning.samples import Samples
from gpudict.learning.updates import Recipe

WIDE = 2  # features for each dimension of the space, from which the basis pays
SHORT = 8  # dimensions for each atom, to which it does without an SVD whose first half it is


class Space(NamedTuple):
    """Where atoms are: in the span of a basis (r, d), or anywhere where there is none."""

    basis: Array | None = None

    def lifted(self, W: Array) -> Array:
        """Return atoms (k, d) of their coordinates (k, r), as an array of its own."""
        if self.basis is None:
            return copied(W)
        with precise(W):
            return W @ self.basis


def narrowed(samples: Samples, dict_init: Any, recipe: Recipe) -> tuple[Samples, Any, Space]:
    """Return the samples and the atoms to start from in their space, and the space.

    They are as they came where the data are not wide, have weights of entries, or atoms can leave
    the space. The basis is
    the one whose triangle L has no negative diagonal, so that each backend makes the same.
    """
    X, first = samples.X, given(dict_init, samples.X)
    xp, (n, d), drawn = array_namespace(X), X.shape, isinstance(first, str)
    r = n if drawn else n + first.shape[0]
    paid = first == "svd" if drawn else False
    spares = d >= WIDE * r and (paid or r <= SHORT * recipe.k)
    weighted = samples.entries is not None
    if weighted or recipe.positive or not spares or not hasattr(xp, "linalg"):
        return samples, first, Space()
    with precise(X):
        Q, R = triangle(xp.matrix_transpose(X if drawn else xp.concat([X, first])))
    basis, rows = xp.matrix_transpose(Q), xp.matrix_transpose(R)
    return samples._replace(X=rows[:n, :]), first if drawn else rows[n:, :], Space(basis)


def triangle(X: Array) -> tuple[Array, Array]:
    """Return Q and R with X = Q R, the triangle R without a negative diagonal."""
    xp = array_namespace(X)
    Q, R = xp.linalg.qr(X)
    diagonal = xp.linalg.diagonal(R)
    ones = xp.ones_like(diagonal)
    ahead = xp.where(diagonal < 0, -ones, ones)
    return Q * ahead, R * ahead[:, None]
