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


def learn(
    data: options.Data,
    output: Annotated[Path, options.output("MODEL", "what to write: .safetensors")],
    n_components: options.Atoms = 256,
    alpha: options.Alpha = None,
    n_nonzero_coefs: options.NonZeros = None,
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
            "MODEL.checkpoint, which is removed at the end",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="go on from the checkpoint, if any")
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

    \b
    Examples:
      gpudict learn X.npy -k 256 --alpha 0.1 -o model.safetensors
      gpudict learn photo.png -k 128 --alpha 0.2 -o atoms.safetensors
      gpudict learn cells.h5ad --alpha 1 --backend torch --device cuda -o model.safetensors
      gpudict learn X.npy -k 256 --alpha 0.1 -o model.safetensors --resume
    """
    if alpha is not None and n_nonzero_coefs is not None:
        raise Refused("--alpha and --n-nonzero-coefs exclude each other. Pass one of them.")
    if alpha is None and n_nonzero_coefs is None:
        raise Refused(
            "One of --alpha and --n-nonzero-coefs is needed. A tenth of the norm of a row is an "
            "alpha to begin with."
        )
    from gpudict._writing import check_place
    from gpudict.tools.commands import data as given
    from gpudict.tools.commands.progress import bars

    began = time.perf_counter()
    kept = checkpoint or Path(f"{output}.checkpoint")
    reserve("The model", output)
    with writing("The checkpoint", kept, "--checkpoint"):
        check_place(kept)
    with bars() as report, refusing():
        rows = given.rows(data, patch_size, given.mover(backend, device))
        model = _learner(alpha, n_nonzero_coefs).set_params(
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


def _learner(alpha: float | None, n_nonzero_coefs: int | None) -> Any:
    """Return who learns by the lasso, or by pursuits of so many atoms, and codes so afterwards."""
    from gpudict.estimators import MiniBatchDictionaryLearning

    if alpha is not None:
        return MiniBatchDictionaryLearning(alpha=alpha, transform_algorithm="lasso_cd")
    return MiniBatchDictionaryLearning(
        fit_algorithm="omp",
        fit_n_nonzero_coefs=n_nonzero_coefs,
        transform_n_nonzero_coefs=n_nonzero_coefs,
    )


def _facts(model: Any, rows: Any, seconds: float) -> dict[str, Any]:
    (n, d), history = rows.shape, model.history_
    return {
        "rows": n,
        "features": d,
        "atoms": model.components_.shape[0],
        "passes": model.n_iter_,
        "steps": model.n_steps_,
        "first_objective": history[0].objective,
        "last_objective": history[-1].objective,
        "largest_gap": max(step.gap for step in history),
        "unused_atoms": history[-1].unused,
        "codes_converged": model.converged_,
        "seconds": seconds,
    }


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
