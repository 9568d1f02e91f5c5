"""The dictionary's half-step as a function: statistics of the codes and atoms in, atoms out.

With what a code is, it makes the recipe that batch and online learning share.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

from gpudict.arrays import parameters
from gpudict.arrays.batches import memory_error_saying
from gpudict.arrays.devices import chosen
from gpudict.arrays.door import Array, array_namespace, bytes_each, is_launch_bound, precise
from gpudict.arrays.phases import phase
from gpudict.arrays.saying import say
from gpudict.arrays.threads import quiet
from gpudict.coding.alpha.target import Aim, aim_of
from gpudict.coding.plan import Plan, penalty_of
from gpudict.coding.silence import say_silent
from gpudict.learning.codes import LITTLE
from gpudict.objective.penalties.columns import UnitSphere
from gpudict.objective.penalties.contract import CertifiedPenalty, RowPenalty, checked
from gpudict.objective.quadratic import Quadratic, astype
from gpudict.solvers.base import IterativeSolver, Place, RowSolver
from gpudict.solvers.host._products import FEW
from gpudict.solvers.loop import stepped
from gpudict.solvers.registry import find, update_names

ALONE = 2**28  # multiplications k·k·d up to which BLAS has one thread
WIDEST = 8192  # atoms, of which the sums over rows take half a gigabyte
ON_THE_SPHERE = "sphere_"  # what the names of the solvers of updates begin with


class DictionaryStep(NamedTuple):
    """How the atoms are updated: a solver on the sphere, its steps, the sign; by which name."""

    solver: IterativeSolver[Any, Any]
    penalty: UnitSphere
    steps: int
    name: str = "auto"

    def __call__(self, q: Quadratic, V: Array) -> Array:
        """Return the updated atoms for the statistics of the codes; an atom without a use stays."""
        (k, d), q = V.shape, astype(q, V.dtype)
        if q.gram is not None and q.gram.ndim == 1:  # each atom has its optimum
            with phase("update"):
                Z = array_namespace(V).where(q.gram > 0, self.penalty.prox(q.cov, 0.0), V.T)
            return Z.T
        compiled = self.solver.place is Place.HOST
        with phase("update"), precise(V), nullcontext() if compiled else one_thread(k, d):
            Z = stepped(self.solver, q, self.penalty, V.T, self.steps)
        return Z.T

    def by_sums(self, where: str) -> DictionaryStep:
        """Return it where there are sums of codes alone, or raise if it needs the codes.

        `where` ends the sentence "and …".
        """
        if self.solver.turns_codes:
            raise ValueError(
                f"dictionary_update={self.name!r} updates codes with the atoms, and {where}. Pass "
                "'sweep' or 'mm', or X as one array to learn, without devices."
            )
        return self


def one_thread(k: int, d: int) -> AbstractContextManager[Any]:
    """Return the context in which BLAS has one thread, if k·k·d products are not worth more."""
    return quiet() if k * k * d <= ALONE else nullcontext()


def updates() -> tuple[str, ...]:
    """Return what `dictionary_update` may be."""
    return ("auto", *(name.removeprefix(ON_THE_SPHERE) for name in update_names()))


def dictionary_step(name: str, X: Array, *, positive: bool) -> DictionaryStep:
    """Return the update of that name; 'auto' is mm where a launch costs more than work."""
    asked = parameters.choice(name, "dictionary_update", updates())
    if name == "auto":
        name = "mm" if is_launch_bound(X) else "sweep"
    penalty = UnitSphere(bool(positive))
    solver = find(f"{ON_THE_SPHERE}{name}", penalty, X)
    assert isinstance(solver, IterativeSolver)
    return DictionaryStep(solver, penalty, solver.max_iter, asked)


class Recipe(NamedTuple):
    """How to learn: k atoms, what a code is, how the atoms are updated, and who codes.

    Without `devices` rows are coded where they are. `alpha` is that of the plan; where there is an
    `aim` it has yet to be found.
    """

    k: int
    plan: Plan
    update: DictionaryStep
    n_jobs: int | None = None
    devices: tuple[Any, ...] = ()
    alpha: float | None = None
    aim: Aim | None = None

    def at(self, alpha: float) -> Recipe:
        """Return the recipe for another alpha."""
        penalty = penalty_of((self.k, self.k), alpha, None, 0.0, self.plan.penalty.positive)
        return self._replace(plan=self.plan.having(penalty), alpha=alpha)

    def quietly(self, n: int, d: int) -> AbstractContextManager[Any]:
        """Return the context of an iteration: to give BLAS its threads takes time each time."""
        compiled = isinstance(self.plan.solver, RowSolver)
        some = n * self.k * (self.k + d) > LITTLE or self.k**2 * d > FEW  # or BLAS is left alone
        return one_thread(self.k, d) if compiled and some else nullcontext()

    @property
    def positive(self) -> bool:
        """Whether the atoms are non-negative."""
        return self.update.penalty.positive


def memory_to_learn(X: Array, recipe: Recipe) -> AbstractContextManager[Any]:
    """Return the context that says what memory was needed for, if it can't be learned from X."""
    (n, d), k = X.shape, recipe.k

    def needs() -> str:
        return (
            f"X {(n, d)} came, of which {bytes_each(X) * n * d:,} bytes are copied, and with {k} "
            f"atoms the codes take {bytes_each(X) * n * k:,} if they are dense. Pass fewer atoms, "
            "or batches of rows to learn_online, or free memory."
        )

    return memory_error_saying(needs, X, tried="")


def recipe_for(
    X: Array,
    n_components: int | None,
    *,
    alpha: float | None,
    penalty: CertifiedPenalty | None = None,
    n_nonzero_coefs: int | None = None,
    target_error: float = 0.0,
    target_nonzeros: float | None = None,
    explained_variance: float | None = None,
    solver: str = "cd",
    dictionary_update: str = "auto",
    code_tol: float | None = None,
    code_max_iter: int | None = None,
    positive_code: bool = False,
    positive_dict: bool = False,
    n_jobs: int | None = None,
    devices: Any = None,
    weighted: bool = False,
) -> Recipe:
    """Return the recipe that the parameters of a learner ask for, for data such as X.

    `weighted` says that entries of X have weights.
    """
    k = X.shape[1] if n_components is None else parameters.count(n_components, "n_components")
    given: RowPenalty | None = checked(penalty)
    if given is not None:
        given.refuse_rows("rows to learn from")
        given = given.fitted(X[:1, :], k)
    shape, limits = (k, X.shape[1]), (n_nonzero_coefs, target_error, positive_code)
    others: dict[str, Any] = {
        "n_nonzero_coefs": n_nonzero_coefs,
        "target_error": target_error or None,
    }
    others |= {"alpha": alpha, "penalty": penalty}
    aim = aim_of(target_nonzeros, explained_variance, shape, weighted=weighted, **others)
    alpha = alpha if aim is None else 1.0  # until it is found
    problem = penalty_of(shape, alpha, *limits, given=given)
    limited: dict[str, Any] = {"tol": code_tol, "max_iter": code_max_iter, "weighted": weighted}
    plan = Plan.of(X, k, problem, solver=solver, **limited)
    step = dictionary_step(dictionary_update, X, positive=positive_dict)
    if step.solver.turns_codes and problem.certified:
        raise ValueError(
            f"dictionary_update={dictionary_update!r} is for pursuits, and a penalty came, whose "
            "codes it would take from their optimum. Pass n_nonzero_coefs or target_error, or "
            "'sweep' or 'mm'."
        )
    if weighted:
        step.by_sums("entries of X have weights or are missing")
    places = chosen(devices, X)
    step = step.by_sums("devices came") if places else step
    return Recipe(k, plan, step, n_jobs, places, alpha, aim)


def warn_of_silence(samples: Any, recipe: Recipe, *, first: bool = False) -> None:
    """Warn that alpha left every code zero, always: nothing but chance has moved the atoms.

    `first` says that there were other samples after these.
    """
    called = recipe.plan.penalty.called
    if called is not None:
        say(f"penalty={called}(…) leaves every code zero. Pass one with a smaller alpha.")
    elif recipe.plan.penalty.certified:
        say_silent(samples.longest(), f"norm of a sample{' among the first' * first}")


def warn_of_width(k: int) -> None:
    """Warn of more atoms than learning from rows in chunks is meant for."""
    if k > WIDEST:
        say(
            f"Learning from rows in chunks is meant for up to {WIDEST:,} atoms, and {k:,} came: a "
            f"worker sends {8 * k * k:,} bytes of sums a step, and holds several such sums. Pass "
            "fewer atoms, or see that each has the memory."
        )
