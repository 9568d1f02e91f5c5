"""A model, not a measurement: what an encode would cost on a GPU, from a trace on the CPU.

    python -m benchmarks.device_model patches8 --dtype float32 --tol 1e-5

It runs `gpudict.encode` on CPU tensors, watches every aten operation that PyTorch dispatches, and
adds up what `cost_rules` says of each. The workload is the one that users call, with its input
checks and its float64 certificate. It counts rightly what does not depend on the device: launches,
waits, bytes, FLOPs; the milliseconds are only as good as the constants of the card. Use it to
compare programs with each other, never to claim a time.
"""

from __future__ import annotations

import argparse
import collections
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks import problems
from benchmarks.cost_rules import CARDS, Card, Cost, Scale, cost

TRACED_ROWS = {"patches8": 4000, "patches10": 2000}
LABEL = "model, not a measurement"
ALIKE = Scale()
READS = (torch.Tensor.cpu, torch.Tensor.tolist)  # they leave no operation on a CPU tensor


class Trace(TorchDispatchMode):
    """Costs of all operations while it is active, by (phase, function, line, operation)."""

    def __init__(self, card: Card, scale: Scale = ALIKE) -> None:
        super().__init__()
        self.card, self.scale = card, scale
        self.costs: dict[tuple[str, ...], Cost] = collections.defaultdict(Cost)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation and note its cost."""
        out = func(*args, **(kwargs or {}))
        ins = [a for a in tree_leaves((args, kwargs or {})) if isinstance(a, torch.Tensor)]
        outs = [a for a in tree_leaves(out) if isinstance(a, torch.Tensor)]
        name = func._schema.name.partition("::")[2]
        self.add(name, cost(self.card, self.scale, name, ins, outs))
        return out

    def add(self, name: str, what: Cost) -> None:
        """Note a cost under the place in the package that asked for it."""
        if what.launches or what.waits:
            self.costs[(*_place(), name)] += what

    def total(self, *, phase: str | None = None) -> Cost:
        """Return the sum of all costs, or of those of a phase."""
        return sum((c for key, c in self.costs.items() if phase in (None, key[0])), Cost())

    def by(self, *parts: int) -> dict[tuple[str, ...], Cost]:
        """Return the costs summed by these parts of their keys, the dearest first."""
        sums: dict[tuple[str, ...], Cost] = collections.defaultdict(Cost)
        for key, what in self.costs.items():
            sums[tuple(key[p] for p in parts)] += what
        return dict(sorted(sums.items(), key=lambda item: -item[1].seconds))


class _Reads(TorchFunctionMode):
    """Counts copies to the host, which on CPU tensors are no operation at all."""

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self.trace = trace

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in READS:
            self.trace.add("to host", Cost(waits=1, seconds=self.trace.card.wait))
        return func(*args, **(kwargs or {}))


def traced(work: Callable[[], Any], card: Card, scale: Scale = ALIKE) -> tuple[Any, Trace]:
    """Run the work and return its result and the trace of its costs."""
    trace = Trace(card, scale)
    with _Reads(trace), trace:
        return work(), trace


def _place() -> tuple[str, str, str]:
    """Return phase, function and line of the package's code that asks; doors are not places."""
    frame, places = sys._getframe(2), []
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if "gpudict" in path.parts and not path.stem.startswith(("_array", "_backends")):
            places.append((path.stem, frame.f_code.co_name, frame.f_lineno))
        frame = frame.f_back
    modules = {stem for stem, _, _ in places}
    phase = "checks" if "_check" in modules else "rounds" if "loop" in modules else "around"
    stem, function, line = next(iter(places), ("", "", 0))
    return phase, f"{stem}.{function}", f"{stem}:{line}"


def encode_trace(
    name: str, dtype: str, tol: float, *, card: Card, traced_rows: int | None, rows: int
) -> tuple[Any, Trace]:
    """Trace gpudict.encode on the first rows of a problem, all in one batch."""
    import gpudict
    from gpudict import _array

    problem = problems.load(name)
    n = min(traced_rows or TRACED_ROWS.get(name, len(problem.X)), len(problem.X))
    X, V = (torch.as_tensor(a, dtype=getattr(torch, dtype)) for a in (problem.X[:n], problem.V))
    k, d = V.shape
    scale = Scale(rows / n, frozenset({k, d, k + 1, k * k, k * d}))
    options = {"alpha": problem.alpha, "tol": tol, "batch_size": n, "solver": "working_set"}
    work = lambda: gpudict.encode(X, V, **options)  # noqa: E731
    with mock.patch.object(_array, "HOST_WORKSPACE", _array.DEVICE_WORKSPACE):  # as on a GPU
        return traced(work, card, scale)


def table(costs: dict[tuple[str, ...], Cost], first: int | None = None) -> str:
    """Return costs as an aligned table, its dearest lines and their total."""
    lines = [f"{'':44}{'launches':>9}{'waits':>7}{'GB':>9}{'GFLOP':>9}{'ms':>9}"]
    items = [(" ".join(key), what) for key, what in costs.items()][:first]
    for label, c in [*items, ("total", sum(costs.values(), Cost()))]:
        counts = f"{label:44}{c.launches:9d}{c.waits:7d}"
        lines.append(counts + f"{c.bytes / 1e9:9.3f}{c.flops / 1e9:9.2f}{c.seconds * 1e3:9.3f}")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    """Trace a problem and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("problem", choices=problems.names())
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--tol", type=float, default=1e-5)
    parser.add_argument("--card", choices=tuple(CARDS), default="H100")
    parser.add_argument("--rows", type=int, default=50_000, help="rows that are modelled")
    parser.add_argument("--traced-rows", type=int, help="rows that are run")
    parser.add_argument("--first", type=int, default=25, help="lines of each table")
    given = parser.parse_args(argv)
    found, trace = encode_trace(
        given.problem,
        given.dtype,
        given.tol,
        card=CARDS[given.card],
        traced_rows=given.traced_rows,
        rows=given.rows,
    )
    print(f"{LABEL}: {given.problem}, {given.rows} rows, {given.dtype}, tol {given.tol:g}")
    print(
        f"{CARDS[given.card]}\n{found.n_iter} rounds, all converged: {bool(found.converged.all())}"
    )
    print("rows left after each round:", [check.unfinished for check in found.history])
    for title, parts in (
        ("phase", (0,)),
        ("function", (0, 1)),
        ("operation", (3,)),
        ("line", (0, 2, 3)),
    ):
        print(f"\nby {title}\n{table(trace.by(*parts), given.first)}")


if __name__ == "__main__":
    main()
