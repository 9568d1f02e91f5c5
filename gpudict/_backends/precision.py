"""Products in the precision of their numbers, whatever a library was told to do for speed.

TF32 keeps 10 bits of a float32's 23, and autocast rounds to bfloat16: enough to train a network
with, and not to solve to a gap of 1e-5 or to certify with. So inside the solves they are off, and
afterwards the user's settings are as they were. Those of JAX and autocast are a thread's own. Those
of PyTorch's backends and of CuPy are the process's: while some solve runs, other threads' products
are exact too, and of solves that overlap the last one to end restores them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from threading import Lock
from typing import Any

Array = Any
Undo = Callable[[], None]


class _Exact:
    """Settings of the process, made exact when the first user enters and restored by the last."""

    def __init__(self, exact: Callable[[], list[Undo]]) -> None:
        self.exact, self.lock, self.users = exact, Lock(), 0
        self.undo: list[Undo] = []

    def __enter__(self) -> None:
        with self.lock:
            if not self.users:
                self.undo = self.exact()
            self.users += 1

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.users -= 1
            if not self.users:
                for undo in self.undo:
                    undo()


def _torch_exact() -> list[Undo]:
    """Turn off what rounds the factors of a float32 product; leave what does not alone."""
    import torch

    undo: list[Undo] = []
    for part in (torch.backends.cuda.matmul, torch.backends.mkldnn.matmul):
        before = getattr(part, "fp32_precision", "ieee")
        if before not in ("ieee", "none"):
            part.fp32_precision = "ieee"
            undo.append(functools.partial(_torch_restore, part, before))
    if not hasattr(torch.backends.cuda.matmul, "fp32_precision"):  # before PyTorch 2.9
        known = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")
        undo.append(lambda: torch.set_float32_matmul_precision(known))
    return undo


def _torch_restore(part: Any, before: str) -> None:
    """Set a precision back; one that came from a setting above it still follows that."""
    part.fp32_precision = "none"
    if part.fp32_precision != before:
        part.fp32_precision = before


def _cupy_exact() -> list[Undo]:
    import numpy as np
    from cupy._core import _routines_linalg as linalg

    single = np.dtype(np.float32)
    before = linalg.get_compute_type(single)
    if before != linalg.COMPUTE_TYPE_TF32:
        return []
    linalg.set_compute_type(single, linalg.COMPUTE_TYPE_FP32)
    return [lambda: linalg.set_compute_type(single, before)]


TORCH, CUPY = _Exact(_torch_exact), _Exact(_cupy_exact)


def torch_precise(x: Array) -> AbstractContextManager[Any]:
    """Return the context without TF32, bfloat16 products and autocast."""
    import torch

    stack, kind = ExitStack(), x.device.type
    stack.enter_context(TORCH)
    if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
        stack.enter_context(torch.autocast(kind, enabled=False))
    return stack


def cupy_precise(x: Array) -> AbstractContextManager[Any]:
    """Return the context without CUPY_TF32."""
    return CUPY


def jax_precise(x: Array) -> AbstractContextManager[Any]:
    """Return the context of JAX's own for products of full precision."""
    import jax

    context: AbstractContextManager[Any] = jax.default_matmul_precision("highest")
    return context
