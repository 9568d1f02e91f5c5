"""What alternating learning begins with: of an array, of rows in chunks, or of a checkpoint."""

from __future__ import annotations

from typing import Any, NamedTuple

from gpudict.arrays.door import Array, array_namespace, copied, device, in_rows
from gpudict.learning.atoms import enough, start
from gpudict.learning.checkpoint import Stored
from gpudict.learning.course import Course, course_of
from gpudict.learning.far import Far
from gpudict.learning.row_space import Space, narrowed
from gpudict.learning.samples import Samples
from gpudict.learning.updates import Recipe, one_thread


class Begun(NamedTuple):
    """Rows, the space that atoms are in, atoms, and codes if any are."""

    rows: Samples | Far
    space: Space
    course: Course
    V: Array
    U: Array | None


def begun(
    samples: Samples | Far,
    recipe: Recipe,
    dict_init: Any,
    code_init: Any,
    rng: Any,
    stored: Stored | None,
) -> Begun:
    """Return what learning begins with, or goes on from where something is stored."""
    rest = (recipe, dict_init, code_init, rng, stored)
    return _near(samples, *rest) if isinstance(samples, Samples) else _far(samples, *rest)


def _near(
    samples: Samples, recipe: Recipe, dict_init: Any, code_init: Any, rng: Any, stored: Any
) -> Begun:
    """Return rows of an array as learning begins with them, or as it goes on."""
    with one_thread(*sorted(samples.X.shape)):  # of which an SVD is not worth more
        samples, first, space = narrowed(samples, dict_init, recipe)
        samples = samples._replace(X=in_rows(samples.X))
        if stored is not None:
            course = course_of(stored, samples, recipe)
            return Begun(samples, space, course, course.atoms, None)
        V, U = start(samples, recipe.k, first, code_init, rng, positive=recipe.positive)
        return Begun(samples, space, Course([]), V, U)


def _far(rows: Far, recipe: Recipe, dict_init: Any, code_init: Any, rng: Any, stored: Any) -> Begun:
    """Return rows in chunks as learning begins with them, or as it goes on."""
    if code_init is not None:
        raise ValueError(
            "code_init came with rows in chunks, whose codes stay where the rows are. Pass "
            "dict_init alone: the first codes follow from it."
        )
    if stored is not None:
        course = course_of(stored, rows, recipe)
        return Begun(rows, Space(), course, course.atoms, None)
    k, positive = recipe.k, recipe.positive
    V = rows.started(enough(rows.X, k), dict_init, k, rng, positive=positive)
    return Begun(rows, Space(), Course([]), V, None)


def zeros(rows: Samples | Far, U: Array | None, recipe: Recipe) -> tuple[Array, Array]:
    """Return codes that no iteration has made, zeros unless some came, and their gaps."""
    X, xp = rows.X, array_namespace(rows.X)
    zero = xp.zeros((), dtype=X.dtype, device=device(X))
    U = xp.broadcast_to(zero, (X.shape[0], recipe.k)) if U is None else U
    return copied(U), xp.full_like(X[:, 0], float("inf"))
