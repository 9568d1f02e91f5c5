"""`write_report`: what a model is, learned and makes of data, as one page."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from gpudict._version import __version__
from gpudict._writing import check_place, write_whole
from gpudict.tools.report.sections import contents

NEEDED = ("jinja2", "matplotlib")


def write_report(
    path: Any, model: Any, X: Any = None, *, shape: tuple[int, ...] | None = None
) -> None:
    """Write a report of a model: one HTML file without scripts, and with all that it shows.

    Parameters
    ----------
    path : str or path-like
        The file to write, whole or not at all.
    model : fitted estimator or Learned
        Such as `gpudict.load` returns.
    X : array (n, d), frame, sparse matrix, stream or Dask array, optional
        Data to judge the model by: they are coded by its `transform`, batch by batch.
    shape : (h, w) or (h, w, 3), optional
        The image that an atom is, as in `gpudict.plotting.plot_atoms`.

    Raises
    ------
    TypeError, ValueError
        The model is none or is not fitted, or X does not fit it.
    ModuleNotFoundError
        jinja2 or matplotlib is not installed.
    OSError
        The file can't be written; it is told before X is read, if it is known by then.

    Examples
    --------
    >>> import tempfile, numpy as np, gpudict
    >>> from gpudict.tools.report import write_report
    >>> X = np.random.default_rng(0).standard_normal((50, 9))
    >>> model = gpudict.DictionaryLearning(12, alpha=0.5, max_iter=3).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_report(f"{folder}/report.html", model, X)
    """
    if absent := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise ModuleNotFoundError(
            f"A report needs {' and '.join(absent)}, not installed here. Install what it needs "
            f"with: python -m pip install {' '.join(NEEDED)}",
            name=absent[0],
        )
    import jinja2

    check_place(path)
    found = contents(model, X, shape)
    text = Path(__file__).with_name("page.html").read_text("utf-8")
    page = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).from_string(text)
    write_whole(path, page.render(**found, version=__version__).encode())
