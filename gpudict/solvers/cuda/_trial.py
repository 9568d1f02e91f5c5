"""Whether a device can be relied on: a small problem is solved and certified there by kernels.

Where that fails the log says so, once, and portable solvers run.
"""

from __future__ import annotations

from gpudict.arrays.door import Array, array_namespace, device, launcher, library, read, to_host
from gpudict.objective.penalties.l1 import L1
from gpudict.objective.quadratic import least_squares
from gpudict.solvers.cuda._certificate import certificate
from gpudict.solvers.cuda._launch import lasso

TRIED: dict[tuple[str, str, str], bool] = {}


def works(like: Array) -> bool:
    """Whether kernels run where `like` is; tried once for a device and a dtype."""
    if launcher(like) is None:
        return False
    key = (library(like), str(device(like)), str(like.dtype))
    if key not in TRIED:
        TRIED[key] = _trial(like)
    return TRIED[key]


def _trial(like: Array) -> bool:
    try:
        wrong = _wrong(like)
    except Exception as error:  # of a compiler, a driver, a device: each fails in its own way
        said = str(error).strip().splitlines() or ["no reason given"]  # or a compiler's whole log
        wrong = f"{type(error).__name__}: {said[0]}"
    if wrong:
        import logging

        message = "The CUDA kernels don't run on %s (%s): portable solvers do their work."
        logging.getLogger(__name__).warning(message, device(like), wrong)
    return not wrong


def _wrong(like: Array) -> str:
    """Return what is wrong with x = 2 v₃ over orthonormal atoms.

    Its code is 2 − alpha, and zeros are (2 − alpha)²/2 from that optimum.
    """
    xp, alpha = array_namespace(like), L1(0.5)
    V = xp.eye(8, dtype=like.dtype, device=device(like))
    q, zeros = least_squares(2 * V[3:4, :], V), xp.zeros_like(V[:1, :])
    Z, _, _ = lasso(q, alpha, zeros, slots=(1,), rounds=10)
    if to_host(Z).tolist() != [[0, 0, 0, 1.5, 0, 0, 0, 0]]:
        return "the codes of a small problem are wrong"
    judged = certificate(q, alpha, zeros)
    assert judged is not None
    right = 1.125 <= read(judged[0][0])[0] < 1.126
    return "" if right else "the certificate of a small problem is wrong"
