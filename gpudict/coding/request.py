"""For which arrays codes are wanted."""

from __future__ import annotations

from typing import Any, NamedTuple

from gpudict.arrays.door import Array, array_namespace
from gpudict.arrays.rows import Rows
from gpudict.objective.quadratic import Quadratic, by_factors, gram_of


class Request(NamedTuple):
    """Rows to code and atoms to code them with, all of them checked.

    A caller's own `gram` or `cov` take the place of V Vᵀ or X Vᵀ, in the certificate too: they need
    not be products of X and V, so nothing else is made of X and V then.

    Attributes
    ----------
    X : (n, d), the rows
    V : (k, d), the atoms
    init : (n, k), or Rows of the host, codes to start from, or None
    gram, cov : (k, k) and (n, k), or None
    """

    X: Array
    V: Array
    init: Any = None
    gram: Array | None = None
    cov: Array | None = None

    @property
    def is_products(self) -> bool:
        """Whether gram and cov are products of X and V."""
        return self.gram is None and self.cov is None

    def of_rows(self, here: slice) -> Request:
        """Return the request for some of the rows."""
        if here == slice(0, self.X.shape[0]):
            return self
        init = self.init
        if init is not None:
            init = init.cut(here) if isinstance(init, Rows) else init[here, :]
        cov = None if self.cov is None else self.cov[here, :]
        return self._replace(X=self.X[here, :], init=init, cov=cov)

    def shared_gram(self, limit: int) -> Array | None:
        """Return the Gram of the atoms; None if there are more of them than the limit."""
        if self.gram is not None:
            return self.gram
        return gram_of(self.V) if self.V.shape[0] <= limit or not self.is_products else None

    def quadratic(self, gram: Array | None) -> Quadratic:
        """Return the quadratic of all rows, given the shared Gram."""
        if self.is_products:
            return by_factors(self.X, self.V)._replace(gram=gram)
        xp, X = array_namespace(self.X), self.X
        cov = X @ xp.matrix_transpose(self.V) if self.cov is None else self.cov
        return Quadratic(cov, xp.sum(X * X, axis=1), gram)
