"""What a penalty must have, by what is asked of it.

Every penalty has a value and a prox. A `RowPenalty` is separable: the rows of Z do not see each
other, so finished rows can leave a batch. A `CertifiedPenalty` has bounds on how far a row is from
its optimum, which can stop a solver; a `CoordinatePenalty` is also a sum over the codes of a row.
Norms of columns are none of these: Z = Vᵀ are the atoms then, and a sum over samples couples the
rows of Z.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np

from gpudict.arrays.door import Array, array_namespace, take
from gpudict.arrays.rows import Rows
from gpudict.objective.inverses import basis, whitening
from gpudict.objective.quadratic import Quadratic, correlation


class Penalty(ABC):
    """A value and a prox.

    Attributes
    ----------
    positive : whether Z ≥ 0
    separable : whether the rows of Z do not see each other
    certified : whether `gap` is a bound
    weighable : whether it is solved where entries of X have weights, too
    problem, asked_by : what it makes a problem of, and the parameters that ask for it, in sentences
    called : its name, where it is passed as `penalty`
    """

    positive: bool
    separable: ClassVar[bool] = False
    certified: ClassVar[bool] = False
    weighable: ClassVar[bool] = False
    problem: ClassVar[str] = ""
    asked_by: ClassVar[str] = ""
    called: ClassVar[str | None] = None

    @property
    def form(self) -> type[Penalty]:
        """The type of the penalty that solvers get: its own, unless `reduced` gives another."""
        return type(self)

    @property
    def reduces(self) -> bool:
        """Whether solvers get another penalty in its place."""
        return self.form is not type(self)

    def reduced(self, q: Quadratic, Z: Array, /) -> tuple[Quadratic, Penalty, Array]:
        """Return a quadratic, penalty and codes of the same objective, for solvers of the form."""
        return q, self, Z

    def restored(self, Z: Array, /) -> Array:
        """Return the codes for what are codes of the reduced problem."""
        return Z

    @abstractmethod
    def value(self, Z: Array, /) -> Array:
        """Return the penalty of each row (separable) or column of Z."""

    @abstractmethod
    def prox(self, Z: Array, step: Array | float, /) -> Array:
        """Return the minimiser of step·value + ½‖· − Z‖², the step in the quadratic's metric."""

    def gap(self, q: Quadratic, Z: Array, corr: Array, /) -> Array:
        """Return an upper bound, for each row, on how far Z is from the optimum; inf if none."""
        xp = array_namespace(Z)
        return xp.full_like(q.sq, xp.inf)


class RowPenalty(Penalty):
    """A penalty of each row of codes alone.

    Attributes
    ----------
    support : the most atoms of a row where the penalty says so, or None
    """

    separable: ClassVar[bool] = True

    @property
    def support(self) -> int | None:
        return None

    def fitted(self, X: Array, k: int, /) -> RowPenalty:
        """Return it for rows like X and k atoms: its numbers checked, its arrays where X is.

        Raises
        ------
        TypeError, ValueError
            A number can't be used, or an array has another shape.
        """
        return self

    def at(self, X: Array, k: int, /) -> RowPenalty:
        """Return it, fitted already, for some of the rows on another device, where X is."""
        return self.fitted(X, k)

    def pull(self, corr: Array, /) -> Array:
        """Return how strongly each correlation asks for its atom."""
        return pull(corr, self.positive)

    def certificate(self, q: Quadratic, Z: Array, /) -> Array:
        """Return what `gap` does, from the residual itself, (n,)."""
        return self.gap(q, Z, q.cov)

    def closer(self, q: Quadratic, Z: Array, /) -> Array:
        """Return a bound that costs more, (n,), for rows for which the certificate is too far."""
        return self.above_least_squares(q, Z)

    def above_least_squares(self, q: Quadratic, Z: Array, /, noise: Array | float = 0.0) -> Array:
        """Return how far each row is above the least squares, (n,): a bound too, if no value < 0.

        It is ½‖r on the span of the atoms‖² + value, exact where the value is 0, and the better
        bound where the penalty is near the rounding of V r. It costs a factorisation on the host.
        Directions in which the atoms are rounding are none; `noise` is what r is known to.
        """
        if q.factors is None:
            return half_square(correlation(q, Z) @ whitening(q)) + self.value(Z)
        X, V = q.factors
        R, (span, turned, _) = X - Z @ V, basis(V)
        xp = array_namespace(Z)
        length = xp.sqrt(2 * half_square(R @ span)) + turned * xp.sqrt(2 * half_square(R))
        return 0.5 * (length + noise) ** 2 + self.value(Z)

    def cost(self, U: Rows, k: int, /) -> np.ndarray:
        """Return what rows of k codes on the host add to the objective, (n,)."""
        value: np.ndarray = self.value(U.dense(k))
        return value

    def mapped(self, f: Callable[[Array], Array], /) -> Self:
        """Return the penalty with f(a) for each array a of its numbers of rows, if it has any."""
        return self

    def of_rows(self, index: Array | slice, /) -> Self:
        """Return the penalty of some rows."""
        return self.mapped(lambda a: a[index] if isinstance(index, slice) else take(a, index))

    @property
    def rows(self) -> int | None:
        """For how many rows it has numbers, or None where they are the same for all."""
        alpha, weight = (np.shape(getattr(self, name, 0)) for name in ("alpha", "weight"))
        return min((*alpha[:1], *(weight[:1] if len(weight) == 2 else ())), default=None)

    def refuse_rows(self, what: str, /) -> None:
        """Raise if it has numbers of rows, where there are none to go with them."""
        if self.of_rows(slice(0)) is not self:
            raise ValueError(
                f"penalty has numbers for each row, and {what} came. Pass one with the same "
                "numbers for all rows."
            )

    def astype(self, dtype: Any, /) -> Self:
        """Return the penalty with its numbers of rows in a dtype."""
        return self.mapped(lambda a: array_namespace(a).astype(a, dtype, copy=False))


class CertifiedPenalty(RowPenalty):
    """A penalty with bounds on objective − optimum, each a law: bound ≥ f(Z) − min f."""

    certified: ClassVar[bool] = True
    problem: ClassVar[str] = "the lasso"
    asked_by: ClassVar[str] = "alpha"

    @abstractmethod
    def gap(self, q: Quadratic, Z: Array, corr: Array, /) -> Array:
        """Return a bound for each row from sums that cancel, (n,): what a solver steers by."""

    @abstractmethod
    def certificate(self, q: Quadratic, Z: Array, /) -> Array:
        """Return a bound for each row from the residual itself, (n,): what users get."""


class CoordinatePenalty(CertifiedPenalty):
    """A penalty that is a sum over the codes of a row, so that each can be solved alone."""

    def of_atoms(self, index: slice, /) -> Self:
        """Return the penalty of the codes of some atoms: another one if it tells them apart."""
        return self


def checked(penalty: Any) -> CertifiedPenalty | None:
    """Return a penalty that was passed, or None."""
    if penalty is not None and not isinstance(penalty, CertifiedPenalty):
        raise TypeError(
            f"penalty must be a penalty of codes, but a {type(penalty).__name__} came. Pass for "
            "instance gpudict.ElasticNet(alpha, ridge), or alpha for the lasso."
        )
    return penalty


def pull(corr: Array, positive: bool) -> Array:
    """Return how strongly each correlation asks for its atom: |corr|, or corr if z ≥ 0."""
    return corr if positive else array_namespace(corr).abs(corr)


def half_square(R: Array) -> Array:
    """Return ½‖r‖² of each row."""
    return 0.5 * array_namespace(R).sum(R * R, axis=1)


def indicator(feasible: Array, Z: Array) -> Array:
    """Return 0 where feasible and inf elsewhere, in the dtype of Z."""
    xp = array_namespace(Z)
    zero = xp.zeros(feasible.shape, dtype=Z.dtype, device=Z.device)
    return xp.where(feasible, zero, xp.full_like(zero, xp.inf))
