"""Pictures of dictionaries, codes and learning: `gpudict.plotting`, with matplotlib.

Every function draws into the Axes that it is given as `ax`, or into those of a new figure of
pyplot, and returns them; none shows or saves anything, or reads or sets pyplot's current Axes.
Atoms, codes and data come from any array library, dense or sparse. Of a fitted estimator, or of
what `learn` returns, each function takes what it needs. Colours are told apart by everyone.
"""

from gpudict.tools.plotting.atoms import plot_atoms
from gpudict.tools.plotting.codes import plot_sparsity, plot_use
from gpudict.tools.plotting.coherence import plot_coherence
from gpudict.tools.plotting.history import plot_history
from gpudict.tools.plotting.maps import plot_maps
from gpudict.tools.plotting.path import plot_path

__all__ = [
    "plot_atoms",
    "plot_coherence",
    "plot_history",
    "plot_maps",
    "plot_path",
    "plot_sparsity",
    "plot_use",
]
