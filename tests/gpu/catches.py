"""Which layer catches which bug: each is planted into a solver of the package, and all layers run.

    python -m tests.gpu.catches            # print the table
    python -m tests.gpu.catches --write    # write it into tests/gpu/README.md

The solver is `fista`, its source with a line replaced; the loop, the penalty and the stopping rule
around it are the package's. A layer catches a bug if it raises, if the numbers,
the dtype or the device are wrong, or if it counts more waits than checks. Layers and bugs are rows
of tables: a new one is a row.
"""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import sys
import types
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gpudict.objective.penalties.l1 import L1
from gpudict.objective.quadratic import least_squares
from gpudict.solvers.loop import run
from gpudict.solvers.portable import fista
from gpudict.solvers.stopping import duality_gap
from tests.gpu import catching
from tests.support import backends
from tests.support.counting import counted_waits
from tests.support.problems import signal

BEGIN, END = "<!-- catches: begin -->", "<!-- catches: end -->"
ALPHA, EVERY, STEPS = 0.3, 10, 60
CLEAN = "none"


class Bug(NamedTuple):
    """A line of the solver, and what is planted in its place."""

    line: str
    planted: str


RESTART = "t = xp.where(uphill, xp.ones_like(t), t)"
UPHILL = "xp.sum((Y - Z) * (Z - state.Z), axis=1, keepdims=True) > 0"
MOMENTUM = "Y = state.Z + beta * (state.Z - state.previous)"
BETA = "beta = (state.t - 1) / t"
STEP = "(Y - Z) * (Z - state.Z)"
BUGS = {
    CLEAN: Bug(RESTART, RESTART),
    "ones without device=": Bug("xp.ones_like(t), t)", "xp.ones(t.shape, dtype=t.dtype), t)"),
    "np.sqrt on an array": Bug("xp.sqrt(1 + 4", "np.sqrt(1 + 4"),
    "a NumPy constant mixed in": Bug(STEP, f"np.ones((1, Z.shape[1]), np.float32) * {STEP}"),
    "a scalar wait every step": Bug(RESTART, f"{RESTART}; assert float(xp.max(t)) >= 1"),
    "boolean-mask read": Bug(RESTART, f"{RESTART}; t = t + 0 * xp.sum(Z[Z != 0])"),
    "boolean-mask write": Bug(RESTART, "t = t + 0; t[uphill] = 1.0"),
    ".sum() method": Bug(UPHILL, f"({STEP}).sum(axis=1, keepdims=True) > 0"),
    "iterating over rows": Bug(UPHILL, f"xp.stack([xp.sum(r) for r in {STEP}])[:, None] > 0"),
    "out-of-range slice": Bug("Y = state.Z + beta", "Y = state.Z[:99, :] + beta"),
    "np.float64 scalar": Bug(BETA, "beta = np.float64(1.0) * (state.t - 1) / t"),
    "int array × float": Bug(BETA, "beta = xp.ones_like(t, dtype=xp.int32) * (state.t - 1) / t"),
    "writing into an input": Bug(MOMENTUM, "Y = state.Z; Y += beta * (state.Z - state.previous)"),
}


def solver(bug: Bug) -> types.ModuleType:
    """Return the file of the solver with the bug."""
    source = inspect.getsource(fista)
    assert bug.line in source, f"the solver has no line {bug.line!r}"
    source = source.replace(bug.line, bug.planted)
    module = types.ModuleType("gpudict.solvers.planted")
    module.__dict__["np"] = np
    sys.modules[module.__name__] = module
    exec(compile(source, fista.__file__, "exec"), module.__dict__)
    return module


def problem() -> tuple[np.ndarray, np.ndarray]:
    """Return data and atoms in float32."""
    X, V = signal(n=20, d=12, k=16)
    return X.astype(np.float32), V.astype(np.float32)


def solved(module: types.ModuleType, asarray: Callable[[np.ndarray], Any]) -> Any:
    """Run the solver on arrays that `asarray` makes."""
    X, V = (asarray(a) for a in problem())
    Z = asarray(np.zeros((20, 16), np.float32))
    rule, before = duality_gap(1e-9), (str(Z.dtype), str(Z.device))
    penalty, q = L1(ALPHA), least_squares(X, V)
    found = run(module.SOLVER, q, penalty, Z, stop=rule, max_iter=STEPS, check_every=EVERY)
    after = str(found.Z.dtype), str(found.Z.device)
    assert before == after, f"{before} became {after}"
    return found


def right(Z: np.ndarray) -> None:
    """Check the numbers."""
    reference = solved(fista, lambda a: a).Z
    np.testing.assert_allclose(np.asarray(Z), reference, atol=1e-4)


def plainly(asarray: Callable[[np.ndarray], Any]) -> Callable[[types.ModuleType], None]:
    """Return the layer that checks numbers, dtype and device."""
    return lambda module: right(backends.host(solved(module, asarray).Z))


def strictly(temper: Callable[[], Any]) -> Callable[[types.ModuleType], None]:
    """Return the layer of array-api-strict on a device that is not its default, in a temper."""

    def layer(module: types.ModuleType) -> None:
        with temper(), counted_waits() as waits:
            found = solved(module, backends.on_device1)
            assert len(waits) <= STEPS // EVERY + 1, f"{len(waits)} waits"
        right(backends.host(found.Z))

    return layer


def on_dpnp(module: types.ModuleType) -> None:
    """Run on a queue that is not the default one."""
    backends.prepare_dpnp()
    right(backends.host(solved(module, backends.on_dpnp).Z))


def on_the_simulated_device(module: types.ModuleType) -> None:
    """Count waits and copies."""
    from benchmarks.standins.simulated import raw, simulated, to_device

    with simulated() as counts:
        found = solved(module, to_device)
    assert not counts.to_device, "copies from the host"
    assert counts.waits <= STEPS // EVERY, f"{counts.waits} waits"
    right(raw(found.Z).numpy())


def on_fake_tensors(module: types.ModuleType) -> None:
    """Make steps without values: whatever wants one fails."""
    from benchmarks.standins.fake import empty, faked

    def refuse(asking: str) -> list[float]:
        raise AssertionError(f"{asking} waits")

    with faked(refuse):
        q, Z = least_squares(empty(20, 12), empty(16, 12)), empty(20, 16)
        state = module.SOLVER.init(q, L1(ALPHA), Z)
        for _ in range(2):
            state = module.SOLVER.step(q, L1(ALPHA), state)
            assert state.Z.dtype == Z.dtype


LAYERS: dict[str, Callable[[types.ModuleType], None]] = {
    "NumPy, read-only": plainly(backends.read_only),
    "torch, CPU": plainly(backends.on_torch),
    "JAX, CPU": plainly(backends.on_jax),
    "strict, device1": strictly(contextlib.nullcontext),
    "strictest, device1": strictly(backends.strictest),
    "dpnp, own queue": on_dpnp,
    "simulated cuda": on_the_simulated_device,
    "FakeTensor cuda": on_fake_tensors,
}
NEEDS = {"torch": "torch", "JAX": "jax", "strict": "array_api_strict", "dpnp": "dpnp"}


def caught(layer: str, bug: str) -> str:
    """Return "yes" if the layer catches the bug, "." if not, and "–" if it can't be had here."""
    needs = next((module for name, module in NEEDS.items() if layer.startswith(name)), "torch")
    if importlib.util.find_spec(needs) is None:
        return "–"
    module = solver(BUGS[bug])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            LAYERS[layer](module)
    except Exception:  # whatever it is, it was noticed
        return "yes"
    return "."


def table() -> str:
    """Return the Markdown table."""
    return catching.table(LAYERS, BUGS, caught)


if __name__ == "__main__":
    catching.main(__doc__, BEGIN, END, table)
