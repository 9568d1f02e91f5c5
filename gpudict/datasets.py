"""Synthetic data with a known dictionary, on any backend; and a photograph."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpudict.arrays.door import Array, asarray_like

__all__ = ["make_sparse_coded_signal", "photograph"]


def make_sparse_coded_signal(
    n_samples: int,
    *,
    n_components: int,
    n_features: int,
    n_nonzero_coefs: int,
    random_state: Any = None,
    like: Array | None = None,
) -> tuple[Array, Array, Array]:
    """Return data = code · dictionary with a random dictionary and random sparse codes.

    The numbers are those of `sklearn.datasets.make_sparse_coded_signal` for the same seed, whatever
    the backend.

    Parameters
    ----------
    n_samples, n_components, n_features : int
        The sizes n, k and d.
    n_nonzero_coefs : int
        Non-zeros in each code.
    random_state : None, int or numpy RandomState
        Seed.
    like : array, optional
        The result gets its library, device and dtype; NumPy float64 by default.

    Returns
    -------
    data : array (n, d)
        The samples.
    dictionary : array (k, d)
        Atoms of norm 1.
    code : array (n, k)
        What the samples are made of.

    Examples
    --------
    >>> import gpudict
    >>> data, dictionary, code = gpudict.datasets.make_sparse_coded_signal(
    ...     n_samples=5, n_components=8, n_features=4, n_nonzero_coefs=2, random_state=0)
    >>> data.shape, dictionary.shape, code.shape
    ((5, 4), (8, 4), (5, 8))
    """
    from sklearn.datasets import make_sparse_coded_signal as make

    shapes = ((n_samples, n_features), (n_components, n_features), (n_samples, n_components))
    made = make(
        n_samples=n_samples,
        n_components=n_components,
        n_features=n_features,
        n_nonzero_coefs=n_nonzero_coefs,
        random_state=random_state,
    )
    arrays = [a.reshape(shape) for a, shape in zip(made, shapes, strict=True)]
    if like is not None:
        arrays = [asarray_like(a, like) for a in arrays]
    return arrays[0], arrays[1], arrays[2]


def photograph() -> np.ndarray:
    """Return the photograph of a Chinese temple that scikit-learn ships, in grey.

    By danielbuechele, CC BY 2.0. It needs Pillow.

    Returns
    -------
    numpy.ndarray (427, 640)
        The luma (ITU-R BT.601) in [0, 1], float64, on the host.
    """
    from sklearn.datasets import load_sample_image

    rgb = load_sample_image("china.jpg") / 255.0
    return np.asarray(rgb @ np.array([0.299, 0.587, 0.114]))
