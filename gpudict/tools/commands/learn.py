"""`gpudict learn`: a dictionary from files of any size, in mini-batches, kept if it is stopped."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from gpudict.tools.commands import options
from gpudict.tools.commands.telling import tell
from gpudict.tools.streams import Refused, complain, notes, refusing, reserve, worded, writing

SUFFIX = ".safetensors"
NEEDED = (
    "One of --alpha, --n-nonzero-coefs, --target-nonzeros and --explained-variance is needed. A "
    "tenth of the norm of a row is an alpha to begin with."
)


def learn(
    data: options.Data,
    output: Annotated[Path, options.output("MODEL", "what to write: .safetensors")],
    n_components: options.Atoms = 256,
    alpha: options.Alpha = None,
    n_nonzero_coefs: options.NonZeros = None,
    target_nonzeros: options.TargetNonZeros = None,
    explained_variance: options.ExplainedVariance = None,
    max_iter: Annotated[int, options.count("most passes over the rows")] = 100,
    batch_size: Annotated[int, options.count("rows of a step")] = 256,
    tol: Annotated[
        float,
        typer.Option(
            metavar="T", min=0, help="stop when a step moves the atoms by less, in norm/N; 0 never"
        ),
    ] = 0.001,
    max_no_improvement: Annotated[
        int, options.count("stop after so many steps without a lower objective; 0 never", least=0)
    ] = 10,
    positive_code: Annotated[bool, typer.Option("--positive-code", help="codes ≥ 0")] = False,
    positive_dict: Annotated[bool, typer.Option("--positive-dict", help="atoms ≥ 0")] = False,
    seed: options.Seed = 0,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="what learning is kept in each minute, and at Ctrl-C: by default "
            "MODEL.checkpoint, which is removed at the end; with a name of yours it stays, and "
            "--resume goes on to a larger --max-iter",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="go on from the checkpoint, if it is there")
    ] = False,
    patch_size: options.PatchSize = 8,
    backend: options.Backend = "numpy",
    device: options.Device = None,
    as_json: options.Json = False,
) -> None:
    """Learn a dictionary from files, which may be larger than the memory.

    Rows are read as they are needed, shuffled, in mini-batches. Those of a picture are its patches,
    without their means. Learning stops early where it gets no further, but for --tol 0 with
    --max-no-improvement 0.

    It tells the objective of a row, or with --n-nonzero-coefs its squared error, as it was in the
    first pass over all rows and in the last whole one: of each batch before the atoms moved.

    \b
    Examples:
      gpudict learn X.npy -k 256 --alpha 0.1 -o model.safetensors
      gpudict learn photo.png -k 128 --target-nonzeros 4 -o atoms.safetensors
      gpudict learn cells.h5ad --alpha 1 --backend torch --device cuda -o model.safetensors
      gpudict learn X.npy -k 256 --alpha 0.1 -o model.safetensors --resume
    """
    sparsity = options.sparsity(
        alpha=alpha,
        n_nonzero_coefs=n_nonzero_coefs,
        target_nonzeros=target_nonzeros,
        explained_variance=explained_variance,
    )
    if sparsity is None:
        raise Refused(NEEDED)
    if output.suffix.lower() not in ("", SUFFIX):
        raise Refused(f"{output} is no name of a model. Let it end in {SUFFIX}.")
    from gpudict._writing import check_place
    from gpudict.tools.commands import data as given
    from gpudict.tools.commands.progress import bars

    began, kept = time.perf_counter(), checkpoint or Path(f"{output}.checkpoint")
    reserve("The model", output)
    with writing("The checkpoint", kept, "--checkpoint"):
        check_place(kept)
    if resume and not kept.exists():
        complain(f"There is no checkpoint {kept}: learning begins anew.")
    with bars() as report, refusing():
        rows = given.rows(data, patch_size, given.mover(backend, device))
        model = _learner(*sparsity).set_params(
            n_components=n_components,
            max_iter=max_iter,
            batch_size=batch_size,
            tol=tol,
            max_no_improvement=max_no_improvement or None,
            positive_code=positive_code,
            positive_dict=positive_dict,
            random_state=seed,
        )
        with stoppable():
            rows = given.watched(rows, report, "learning", max_iter)
            model.fit(rows, checkpoint=kept, resume=resume)
    with writing("The model", output):
        model.save(output)
    if checkpoint is None:
        kept.unlink()
    tell(_facts(model, rows, time.perf_counter() - began) | {"model": str(output)}, as_json=as_json)


def _learner(sparsity: str, value: Any) -> Any:
    """Return who learns by the lasso, or by pursuits of so many atoms, and codes so afterwards."""
    from gpudict.estimators import MiniBatchDictionaryLearning

    if sparsity == "n_nonzero_coefs":
        return MiniBatchDictionaryLearning(
            fit_algorithm="omp", fit_n_nonzero_coefs=value, transform_n_nonzero_coefs=value
        )
    return MiniBatchDictionaryLearning(transform_algorithm="lasso_cd").set_params(
        **{sparsity: value}
    )


def _facts(model: Any, rows: Any, seconds: float) -> dict[str, Any]:
    (n, d), history, alpha = rows.shape, model.history_, getattr(model, "alpha_", None)
    lasso, aimed = alpha is not None, not model.target_nonzeros is model.explained_variance is None
    what, unit = ("objective_a_row", 1) if lasso else ("error_a_row", 2)
    first, last = _in_passes([unit * step.objective for step in history], n, model.batch_size)
    first = None if aimed else first  # alpha was another then
    return {
        "rows": n,
        "features": d,
        "atoms": model.components_.shape[0],
        "passes": model.n_iter_,
        "steps": model.n_steps_,
        "alpha": alpha,
        f"first_{what}": first,
        f"last_{what}": last,
        "nonzeros_a_row": model.past_.used,
        "largest_gap": max(step.gap for step in history) if lasso else None,
        "unused_atoms": history[-1].unused,
        "codes_converged": model.converged_,
        "seconds": seconds,
    }


def _in_passes(costs: list[float], n: int, size: int) -> tuple[float | None, float]:
    """Return the mean cost of n rows in the first pass, if it is not the last, and in the last."""
    import numpy as np

    rows = [min(size, n - low) for low in range(0, n, size)]  # of the steps of a pass
    count = len(costs) // len(rows)
    if not count:
        return None, float(np.average(costs, weights=rows[: len(costs)]))
    means = np.average(np.reshape(costs[: count * len(rows)], (count, -1)), axis=1, weights=rows)
    return float(means[0]) if count > 1 else None, float(means[-1])


@contextmanager
def stoppable() -> Iterator[None]:
    """Let Ctrl-C, and what stops a container, end learning, which is kept then, and say where."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    if before[0] is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    except KeyboardInterrupt as stopped:
        complain(worded(*notes(stopped)) or "Nothing was learned yet, so nothing is kept.")
        raise
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)
