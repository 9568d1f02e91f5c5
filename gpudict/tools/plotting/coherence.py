"""Coherence: how alike atoms are, by the absolute cosines between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gpudict.arrays import parameters
from gpudict.tools.plotting.look import BLUE, VERMILION, axes_of, dressed, whole_numbers
from gpudict.tools.plotting.reading import atoms_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 50
BLOCK = 512  # atoms whose cosines with all others are made at a time


def plot_coherence(V: Any, kind: str = "histogram", *, ax: Axes | None = None) -> Axes:
    """Draw the absolute cosines between atoms.

    Parameters
    ----------
    V : array (k, d), fitted estimator or Learned
        The atoms, of any array library. Those that are zero have no direction, and are left out.
    kind : 'histogram' or 'matrix'
        A histogram of all pairs of two atoms, or the (k, k) matrix as an image.
    ax : matplotlib.axes.Axes, optional
        Where to draw; those of a new figure of pyplot by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes with the picture. The title tells the coherence, which is the largest of them.

    Raises
    ------
    TypeError, ValueError
        V holds no atoms.

    References
    ----------
    Tropp (2004), Greed is good, https://doi.org/10.1109/TIT.2004.834793, eq. 2.3: coherence.

    Examples
    --------
    >>> import numpy as np, gpudict
    >>> from matplotlib.figure import Figure
    >>> V = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    >>> ax = gpudict.plotting.plot_coherence(V, ax=Figure().add_subplot())
    >>> ax.get_title()
    'Coherence 0.8'
    """
    kind = parameters.choice(kind, "kind", ("histogram", "matrix"))
    atoms = unit(atoms_of(V))
    ax = axes_of(ax)
    counts, largest = cosines(atoms)
    title = f"Coherence {largest:.4g}"
    if kind == "matrix":
        image = ax.imshow(np.abs(atoms @ atoms.T), cmap="cividis", vmin=0, vmax=1)
        bar = ax.figure.colorbar(image, ax=ax, label="|cosine|")
        bar.outline.set_visible(False)
        return dressed(ax, "atom", "atom", title, grid=None)
    ax.stairs(counts, np.linspace(0, 1, BINS + 1), fill=True, color=BLUE)
    ax.axvline(largest, color=VERMILION, linewidth=1.6, linestyle="--")
    ax.set_xlim(0, 1.01)
    whole_numbers(ax.yaxis)
    return dressed(ax, "|cosine| of two atoms", "pairs of atoms", title, grid="y")


def unit(atoms: np.ndarray) -> np.ndarray:
    """Return the atoms that are not zero, of norm 1."""
    norms = np.linalg.norm(atoms, axis=1, keepdims=True)
    there = norms[:, 0] > 0
    return np.asarray(atoms[there] / norms[there])


def cosines(atoms: np.ndarray) -> tuple[np.ndarray, float]:
    """Return how many pairs of atoms (k, d) of norm 1 have which |cosine|, and the largest."""
    counts, largest = np.zeros(BINS, np.int64), 0.0
    for low in range(0, len(atoms), BLOCK):
        here = np.abs(atoms[low : low + BLOCK] @ atoms[low:].T).clip(max=1.0)
        pairs = here[np.triu_indices(here.shape[0], 1, here.shape[1])]
        counts += np.histogram(pairs, BINS, (0, 1))[0]
        largest = max(largest, float(pairs.max(initial=0.0)))
    return counts, largest
