"""Learning from data: the parameters, the `fit` and the record that four estimators share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import Any, Self, TypeVar

from sklearn.callback import CallbackSupportMixin
from sklearn.callback import with_callbacks as _with_callbacks

from gpudict.arrays.home import at_home
from gpudict.estimators._base import Estimator
from gpudict.learning.checkpoint import EVERY, Checkpoint
from gpudict.learning.records import Learned

Fit = TypeVar("Fit", bound=Callable[..., Any])


def with_callbacks(fit: Fit) -> Fit:
    """Let scikit-learn's callbacks see a fit; its decorator has no types."""
    watched: Fit = _with_callbacks(fit)
    return watched


@contextmanager
def old_or_new(learner: Any) -> Iterator[None]:
    """Bring back what the learner was, if learning ends in an error or an interrupt.

    That is the attributes of a fit, the length of its record, and where its draws are.
    """
    before = {name: value for name, value in vars(learner).items() if _of_fit(name)}
    length, draws = len(before.get("history_", ())), before.get("rng_")
    rewind = None if draws is None else _rewind(draws)
    try:
        yield
    except BaseException:
        others = {name: value for name, value in vars(learner).items() if not _of_fit(name)}
        learner.__dict__ = others | before
        if rewind is not None:
            rewind()
        del before.get("history_", [])[length:]
        raise


def _of_fit(name: str) -> bool:
    return name == "_started" or (name.endswith("_") and not name.startswith("_"))


def _rewind(draws: Any) -> Callable[[], object]:
    """Return what brings NumPy's Generator or RandomState back to where it is now."""
    if hasattr(draws, "get_state"):
        return partial(draws.set_state, draws.get_state())
    return partial(setattr, draws.bit_generator, "state", draws.bit_generator.state)


@dataclass(eq=False, repr=False)
class Learner(CallbackSupportMixin, Estimator):
    """Learns from X; `_learn` of a subclass keeps what comes of it."""

    n_components: int | None = None
    _: KW_ONLY
    alpha: float = 1
    max_iter: int = 1000
    tol: float = 1e-8
    n_jobs: int | None = None
    verbose: int = False
    random_state: Any = None

    @with_callbacks
    @at_home
    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        checkpoint: Any = None,
        checkpoint_every: float = EVERY,
        resume: bool = False,
    ) -> Self:
        """Learn from X.

        Parameters
        ----------
        X : array (n, d)
            Data, a sample a row, of any library, or an array-like. Its library and device become
            those of the estimator.
        y : ignored
            Not used, present for scikit-learn's conventions.
        sample_weight : array-like (n,), optional
            How much each sample counts, 2 as if it were there twice.
        checkpoint : str or path-like, optional
            A file that learning is kept in as it goes on, as in `learn`.
        checkpoint_every : float
            Seconds from one write to the next.
        resume : bool
            Go on from the checkpoint, if it is there.

        Returns
        -------
        self
            This estimator.
        """
        with old_or_new(self):
            kept = Checkpoint.of(checkpoint, checkpoint_every, resume, self.random_state)
            self._learn(X, y, sample_weight, "fit", kept)
        return self

    def _learn(
        self, X: Any, y: Any, sample_weight: Any, method: str, kept: Checkpoint | None
    ) -> Any:
        raise TypeError(f"{type(self).__name__} does not learn: use one of its subclasses.")

    def _keep(self, learned: Learned) -> None:
        """Keep what every learner tells of its fit."""
        self.n_iter_, self.history_ = learned.n_iter, learned.history
        self.converged_ = learned.converged
