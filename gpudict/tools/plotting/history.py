"""Learning: the objective after each iteration, and how far better codes could have lowered it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from gpudict.arrays import parameters
from gpudict.arrays.chunks import is_chunked
from gpudict.arrays.door import to_host
from gpudict.tools.plotting.look import BLUE, INK, VERMILION, axes_of, dressed, whole_numbers
from gpudict.tools.plotting.reading import numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FALL = 10.0  # from which ratio on a logarithm shows more


class Course(NamedTuple):
    """What is known of a run.

    Attributes
    ----------
    objective : (n_iter,)
    gap : (n_iter,), the largest of a row's code, relative to ½‖x‖²; None where it is not known
    last : the sum of the gaps of the codes that were kept, or None; of batch learning
    online : whether the objective is that of mini-batches, per sample
    """

    objective: np.ndarray
    gap: np.ndarray | None = None
    last: float | None = None
    online: bool = False

    @classmethod
    def of(cls, given: Any) -> Self | None:
        """Return what a model, a list of `Progress` or an array of objectives tells, or None."""
        past = getattr(given, "past_", getattr(given, "past", None))
        found = getattr(given, "history_", None) or getattr(given, "error_", None)
        if found is None and not hasattr(given, "fit"):
            found = getattr(given, "history", given)
        if found is None or not len(found):
            return None
        if hasattr(found[0], "objective"):
            objective = np.array([one.objective for one in found], np.float64)
            gap = np.array([one.gap for one in found], np.float64)
        else:
            objective, gap = numbers(found, "history", None, "iterations"), None
        online = past is not None
        return cls(objective, gap, None if online else _total(given), online)

    @property
    def best(self) -> int:
        """The iteration whose atoms were kept: that of the lowest objective, or online the last."""
        return self.objective.size - 1 if self.online else int(np.argmin(self.objective))

    def bounds(self, energy: float | None) -> np.ndarray | None:
        """Return how far, at most, the codes of each iteration were from the optimum, (n_iter,).

        A row's gap is at most the largest relative one times ½‖x‖², of which energy is the sum.
        None where that is not known.
        """
        if self.gap is None or energy is None or not np.isfinite(self.gap).all():
            return None
        return np.asarray(self.gap * parameters.number(energy, "energy"))


def _total(given: Any) -> float | None:
    """Return the sum of the gaps that a model keeps of its codes."""
    gaps = getattr(given, "dual_gap_", getattr(given, "gap", None))
    if gaps is None or is_chunked(gaps) or not gaps.shape[0]:
        return None
    total = float(np.sum(to_host(gaps), dtype=np.float64))
    return total if np.isfinite(total) else None


def plot_history(
    history: Any,
    what: str = "objective",
    *,
    energy: float | None = None,
    scale: str = "auto",
    ax: Axes | None = None,
) -> Axes:
    """Draw the objective of each iteration with the band of its certificate.

    The band goes from objective − total gap to the objective: what better codes could have gained,
    at most, with the atoms that the codes were computed with. It says nothing about other atoms.

    Parameters
    ----------
    history : list of Progress, fitted estimator, Learned, or array (n_iter,)
        What happened; an array is of objectives alone.
    what : 'objective', 'excess' or 'gap'
        The objective; by how much it is above the lowest, and the total gap beside it; or the
        largest gap of a row, relative to ½‖x‖².
    energy : float, optional
        ½‖X‖²_F, or of an online learner its mean over the samples: the band of an iteration is its
        largest relative gap times that. Without it the band is known of the lowest objective alone,
        where the model holds the gaps of all rows.
    scale : 'auto', 'linear' or 'log'
        Of what is drawn. 'auto' is 'log' but for an objective that stays above a tenth of its
        largest. Numbers that are not above 0 are not drawn then.
    ax : matplotlib.axes.Axes, optional
        Where to draw; those of a new figure of pyplot by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes with a line of what was asked for.

    Raises
    ------
    TypeError, ValueError
        There is no history.

    References
    ----------
    The gap: Fercoq, Gramfort and Salmon (2015), Mind the duality gap, eq. 5.

    Examples
    --------
    >>> import numpy as np, gpudict
    >>> from matplotlib.figure import Figure
    >>> X = np.random.default_rng(0).standard_normal((30, 6))
    >>> learned = gpudict.learn(X, 4, alpha=0.5, max_iter=3, tol=0.0)
    >>> ax = gpudict.plotting.plot_history(
    ...     learned, energy=0.5 * (X**2).sum(), ax=Figure().add_subplot())
    >>> len(ax.lines[0].get_xdata())
    3
    """
    what = parameters.choice(what, "what", ("objective", "excess", "gap"))
    scale = parameters.choice(scale, "scale", ("auto", "linear", "log"))
    course = Course.of(history)
    if course is None:
        raise ValueError(
            f"This {type(history).__name__} has no history: there was no iteration, or it learns "
            "nothing. Call fit, or pass the history itself."
        )
    if what == "gap" and course.gap is None:
        raise ValueError("Objectives alone came, and of them no gaps are known. Pass the history.")
    ax, y = axes_of(ax), course.objective
    name = f"objective{' per sample' if course.online else ''}"
    if scale == "auto":
        steep = 0 < FALL * y.min(initial=np.inf) <= y.max(initial=0)
        scale = "log" if what != "objective" or steep else "linear"
    if what == "objective":
        _line(ax, y, label="objective")
        _band(ax, course, course.bounds(energy))
    elif what == "excess":
        _line(ax, _above(y - y.min(initial=np.inf)), label="objective − lowest")
        if (total := course.bounds(energy)) is not None:
            _line(ax, _above(total), color=VERMILION, linestyle="--", label="total gap, at most")
        _legend(ax)
        name += " above the lowest"
    else:
        _line(ax, _above(course.gap), color=VERMILION)
        name = "largest gap of a row / ½‖x‖²"
    if scale == "log":
        _decades(ax)
    whole_numbers(ax.xaxis)
    return dressed(ax, "mini-batch" if course.online else "iteration", name, _title(course))


def _line(ax: Axes, y: np.ndarray, color: str = BLUE, **look: Any) -> None:
    """Draw numbers over the iterations, counted from 1."""
    look |= {"linewidth": 1.8, "marker": "o" if y.size <= 50 else "", "markersize": 4}
    ax.plot(np.arange(1, y.size + 1), y, color=color, **look)


def _band(ax: Axes, course: Course, total: np.ndarray | None) -> None:
    """Draw the band below the objective, or a bar of it where only one iteration's is known."""
    y, look = course.objective, {"color": VERMILION, "label": "down to objective − total gap"}
    if total is not None:
        x = np.arange(1, y.size + 1)
        ax.fill_between(x, y - total, y, alpha=0.3, linewidth=0, **look)  # type: ignore[arg-type]
    elif course.last is not None:
        at = course.best
        ax.vlines(at + 1, y[at] - course.last, y[at], linewidth=6, **look)
    else:
        return
    _legend(ax)


def _decades(ax: Axes) -> None:
    """Let the y axis be logarithmic, and whole powers of ten its ends."""
    drawn = np.concatenate([line.get_ydata() for line in ax.lines]).astype(np.float64)
    drawn = drawn[np.isfinite(drawn) & (drawn > 0)]
    if drawn.size:
        ax.set_yscale("log")
        ax.yaxis.set_minor_formatter("")
        ends = np.floor(np.log10(drawn.min())), np.ceil(np.log10(drawn.max()))
        ax.set_ylim(10.0 ** ends[0], 10.0 ** max(ends[1], ends[0] + 1))


def _legend(ax: Axes) -> None:
    ax.legend(frameon=False, labelcolor=INK, fontsize="small")


def _above(y: np.ndarray | None) -> np.ndarray:
    """Return the numbers that are above 0 and finite, NaN for others: they are not drawn."""
    y = np.asarray(y)
    return np.where((y > 0) & np.isfinite(y), y, np.nan)


def _title(course: Course) -> str:
    if course.gap is None or not np.isfinite(course.gap[-1]):
        return ""
    return f"largest gap of a row {course.gap[-1]:.1e} · ½‖x‖²"
