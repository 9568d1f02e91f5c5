"""The sums that a dictionary needs of rows, which never have to move: made, merged, used, kept.

With codes U of rows X, all that the update of the atoms sees is A = UᵀU and B = UᵀX. They are sums
over rows, so those of parts of the data are added: of days, of processes, of machines.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from gpudict.arrays import check, parameters
from gpudict.arrays.door import Array, asarray_like, is_array, read, to_host
from gpudict.arrays.home import home
from gpudict.arrays.plain import array_like
from gpudict.arrays.saying import in_batches_saying
from gpudict.coding.alpha.largest import alpha_max
from gpudict.coding.silence import say_silent
from gpudict.learning.blocks import Blocks
from gpudict.learning.far import Far
from gpudict.learning.source import Source
from gpudict.learning.sums import Sums, of_codes
from gpudict.learning.sums_file import read_sums, write_sums
from gpudict.learning.updates import Recipe, dictionary_step, memory_to_learn, recipe_for
from gpudict.objective.quadratic import Quadratic

NUMBERS = 2**22  # of a batch of rows, or of their codes


class Statistics(Sums):
    """What there is to know of rows and their codes to improve the dictionary.

    Every field is a sum over rows, so two are merged by adding them, field by field; the arrays are
    NumPy's on the host, in float64.

    Attributes
    ----------
    gram : (k, k), A = UᵀU
    cov : (d, k), XᵀU, which is Bᵀ
    squares : (d,), the squares of X, feature by feature
    uses : (k,) of int64, in how many rows the code of each atom is not zero
    rows : how many there are
    total : the sum of their weights; each row counts so often in what is above `uses`, and in cost
    cost : the objective of the codes, for the atoms that they were made with
    gap : that objective − optimum is at most this; inf for pursuits
    missed : rows whose code did not reach its tolerance
    """

    @classmethod
    def of(
        cls,
        X: Any,
        V: Array,
        /,
        *,
        alpha: float | None = None,
        n_nonzero_coefs: int | None = None,
        target_error: float = 0.0,
        solver: str = "cd",
        code_tol: float | None = None,
        code_max_iter: int | None = None,
        positive_code: bool = False,
        sample_weight: Any = None,
        batch_size: int | None = None,
        n_jobs: int | None = None,
        devices: Any = None,
    ) -> Statistics:
        """Code rows over atoms, and return their statistics; the codes are not kept.

        Parameters
        ----------
        X : array (n, d), a stream, or an iterable of arrays (b, d)
            Data, as in `learn_online`.
        V : array (k, d)
            The atoms. NumPy's are moved to where the rows are.
        batch_size : int, optional
            Rows that are coded at a time; many by default.
        sample_weight : array-like (n,), optional
            How much each sample counts.
        alpha, n_nonzero_coefs, target_error, solver, code_tol, code_max_iter, positive_code, \
n_jobs, devices
            As in `learn`.

        Returns
        -------
        Statistics
            Of all rows.

        Raises
        ------
        TypeError, ValueError
            Input that can't be used; the message says what came, what is needed and what to do.

        References
        ----------
        Mairal, Bach, Ponce and Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html,
        section 3.2.

        Examples
        --------
        >>> import numpy as np, gpudict
        >>> X, V, _ = gpudict.datasets.make_sparse_coded_signal(
        ...     n_samples=60, n_components=8, n_features=10, n_nonzero_coefs=2, random_state=0)
        >>> monday = gpudict.Statistics.of(X[:40], V, alpha=0.1)
        >>> both = monday.merge(gpudict.Statistics.of(X[40:], V, alpha=0.1))
        >>> both.rows, both.update(V).shape
        (60, (8, 10))
        """
        V = array_like(V, "V")
        size = NUMBERS // max(V.shape) if batch_size is None else batch_size
        source = Source.of(X, parameters.count(size, "batch_size"), sample_weight)
        first = source.first.X
        with home(first):
            if type(V) is np.ndarray:
                V = asarray_like(V, first)
            V = check.atoms(V, "V", like=first)
            check.shaped(V, "V", (None, first.shape[1]), "an atom has as many features as a row")
            recipe = recipe_for(
                first,
                V.shape[0],
                alpha=alpha,
                n_nonzero_coefs=n_nonzero_coefs,
                target_error=target_error,
                solver=solver,
                code_tol=code_tol,
                code_max_iter=code_max_iter,
                positive_code=positive_code,
                n_jobs=n_jobs,
                devices=devices,
            )
            if isinstance(source.first, Far):
                found = cls(*source.first.by(recipe).sums(V))
                _say_if_silent(found, source.first.chunks, V, recipe)
                return found
            parts = (of_batch(rows, V, recipe) for _, rows in source.batches(1, None))
            with in_batches_saying():
                return reduce(Statistics.merge, parts)

    def update(
        self, V: Array, *, dictionary_update: str = "auto", positive_dict: bool = False
    ) -> Array:
        """Return atoms that are better for the codes: the objective of the same codes is no higher.

        Parameters
        ----------
        V : array (k, d)
            The atoms that the rows were coded with, of any library and device.
        dictionary_update : str
            As in `learn`.
        positive_dict : bool
            Ask for atoms ≥ 0.

        Returns
        -------
        array (k, d)
            Atoms of norm 1, where V is. Those which no code uses are as they were.
        """
        V = check.matrix(V if is_array(V) else array_like(V, "V"), "V")
        d, k = self.cov.shape
        check.shaped(V, "V", (k, d), "the statistics are of so many atoms and features")
        with home(V):
            q = Quadratic(*(asarray_like(a, V) for a in (self.cov, self.squares, self.gram)))
            update = dictionary_step(dictionary_update, V, positive=positive_dict)
            return update.by_sums("statistics have none")(q, V)

    def save(self, path: Any) -> None:
        """Write them to a file of the safetensors format, all of it or nothing, with a checksum.

        Parameters
        ----------
        path : str or path-like
            The file to write.

        Raises
        ------
        OSError
            It can't be written; what was there before is as it was.
        """
        write_sums(path, self._asdict())

    @classmethod
    def load(cls, path: Any) -> Statistics:
        """Read what `save` wrote. Nothing of the file is executed.

        Parameters
        ----------
        path : str or path-like
            The file.

        Returns
        -------
        Statistics
            Those that were saved, bit for bit.

        Raises
        ------
        ValueError
            The file has no statistics, is damaged, or is one of a newer format.
        """
        return cls(**read_sums(path))


def of_batch(samples: Any, V: Array, recipe: Recipe) -> Statistics:
    """Code samples over atoms, and return their statistics."""
    with memory_to_learn(samples.X, recipe):
        blocks = Blocks.of(samples, recipe)
        there = blocks.everywhere(V)
        made, q = blocks.coded(there, blocks.taken(None))
        cost = sum(read(told.cost)[0] for told in blocks.told(there, made))
        found = Statistics(*of_codes(blocks.blocks, made, q, cost))
    _say_if_silent(found, samples.X, V, recipe)
    return found


def _say_if_silent(found: Statistics, rows: Any, V: Array, recipe: Recipe) -> None:
    """Warn if no code uses an atom."""
    penalty = recipe.plan.penalty
    if penalty.certified:
        zeros = not found.uses.any()
        top = alpha_max(rows, to_host(V), positive=penalty.positive) if zeros else None
        say_silent(top, "entry of X Vᵀ")
