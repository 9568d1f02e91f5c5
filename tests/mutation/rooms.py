"""Which files are mutated, and the tests near them that are to notice, in seconds a mutant."""

from __future__ import annotations

from typing import NamedTuple


class Room(NamedTuple):
    """Globs of the files to mutate, what pytest is called with, and what its process is told."""

    files: tuple[str, ...]
    tests: str
    env: tuple[tuple[str, str], ...] = ()
    without: tuple[str, ...] = ()


PLAIN = "numpy or not (torch or strict)"  # one library is enough to see a wrong formula
CODING = (
    "tests/coding/test_refinement.py tests/coding/test_on_host.py tests/coding/test_encode.py"
    " tests/coding/test_on_device.py tests/functional/test_sparse_encode.py"
)
ROOMS = {
    "objective": Room(
        ("gpudict/objective/**/*.py",),
        "tests/objective tests/coding/test_refinement.py"
        " -k 'objective or quadratic or law or penalt or hide or start"
        " or (lars and (apart or 07))'",
    ),
    "loop": Room(
        ("gpudict/solvers/loop.py", "gpudict/solvers/stopping.py"),
        "tests/solvers/test_loop.py tests/solvers/test_pursuits.py tests/objective/test_laws.py"
        " -k 'not ista and not near_copies and not cd_sweep'",
    ),
    "portable": Room(
        ("gpudict/solvers/portable/*.py",),
        "tests/objective/test_laws.py tests/solvers/test_contract.py tests/solvers/test_sphere.py"
        " tests/solvers/test_least_squares.py tests/solvers/test_fista.py"
        " tests/solvers/test_pursuits.py tests/solvers/test_working_set.py"
        " tests/learning/test_updates.py"
        f" -k '({PLAIN}) and not near_copies and not active_set and not blocks'",
    ),
    "kernels": Room(
        ("gpudict/solvers/host/kernels/*.py",),
        "tests/solvers/test_kernels.py tests/solvers/test_contract.py"
        " tests/learning/test_updates.py"
        " -k 'not cache and (table or uncompiled or rounding or tournament or oracle"
        " or (numpy and (active_set or batch or blocks)))'",
        (("NUMBA_DISABLE_JIT", "1"),),
        ("compiling.py",),
    ),
    "coding": Room(
        ("gpudict/coding/*.py",),
        f"{CODING} -k 'not rounding_never and not truth and not small_alphas and ({PLAIN})'",
        without=("budget.py",),  # whose tests take a minute
    ),
    "learning": Room(
        ("gpudict/learning/codes.py", "gpudict/learning/online.py"),
        "tests/learning -k 'not documented and not as_well and not torch and not strict'",
    ),
}
