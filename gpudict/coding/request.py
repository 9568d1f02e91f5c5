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
    weight : (n, d), of the entries of X, or None
    """

    X: Array
    V: Array
    init: Any = None
    gram: Array | None = None
    cov: Array | None = None
    weight: Array | None = None

    @property
    def factors(self) -> tuple[Array, ...]:
        """X, V, and the weights of entries if there are any."""
        return (self.X, self.V) if self.weight is None else (self.X, self.V, self.weight)

    @property
    def weighed(self) -> Array:
        """The rows w∘x, whose products with the atoms are those of x as it is seen, (n, d)."""
        return self.X if self.weight is None else self.X * self.weight

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
        cov, weight = (None if a is None else a[here, :] for a in (self.cov, self.weight))
        return self._replace(X=self.X[here, :], init=init, cov=cov, weight=weight)

    def shared_gram(self, limit: int) -> Array | None:
        """Return the Gram of the atoms; None with weights, or of more atoms than the limit."""
        if self.gram is not None or self.weight is not None:
            return self.gram
        return gram_of(self.V) if self.V.shape[0] <= limit or not self.is_products else None

    def quadratic(self, gram: Array | None) -> Quadratic:
        """Return the quadratic of all rows, given the shared Gram."""
        if self.is_products:
            return by_factors(*self.factors)._replace(gram=gram)
        xp, X = array_namespace(self.X), self.X
        cov = X @ xp.matrix_transpose(self.V) if self.cov is None else self.cov
        return Quadratic(cov, xp.sum(X * X, axis=1), gram)
