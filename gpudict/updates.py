"""The dictionary's half-step as a function: statistics of the codes and atoms in, atoms out."""

from __future__ import annotations

from types import ModuleType
from typing import NamedTuple

from gpudict import _check, solvers
from gpudict._array import Array, array_namespace, is_launch_bound
from gpudict.loop import run
from gpudict.penalties import UnitSphere
from gpudict.quadratic import Quadratic

MM_STEPS = 20  # they reach where more than three sweeps do, in launches that do not grow with k


class DictionaryStep(NamedTuple):
    """How the atoms are updated: a solver on the sphere, its steps, and the sign."""

    solver: ModuleType
    penalty: UnitSphere
    steps: int

    def __call__(self, q: Quadratic, V: Array) -> Array:
        """Return the updated atoms for the statistics of the codes."""
        xp = array_namespace(V)
        start = xp.matrix_transpose(V)
        found = run(self.solver, q, self.penalty, start, stop=None, max_iter=self.steps)
        return xp.matrix_transpose(found.Z)


def dictionary_step(name: str, X: Array, *, positive: bool) -> DictionaryStep:
    """Return the update called 'sweep', 'mm' or 'auto': mm where a launch costs more than work."""
    _check.choice(name, "dictionary_update", ("auto", "sweep", "mm"))
    if name == "auto":
        name = "mm" if is_launch_bound(X) else "sweep"
    steps = MM_STEPS if name == "mm" else 1
    return DictionaryStep(solvers.find(f"sphere_{name}"), UnitSphere(positive), steps)
