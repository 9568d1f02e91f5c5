"""Data that do not fit an address space that is limited: a sentence, and the process lives on."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys, warnings
import numpy as np
warnings.simplefilter("ignore")
import gpudict
name, library = sys.argv[1:]
rng = np.random.default_rng(0)
X, V = rng.standard_normal((200_000, 16)), rng.standard_normal((400, 16))
few, k = X[:300].copy(), 400
if library == "torch":
    import torch
    X, V, few = torch.asarray(X), torch.asarray(V), torch.asarray(few)
WORK = {
    "encode": lambda X: gpudict.encode(X, V, alpha=1.0, n_jobs=2).Z,
    "portable": lambda X: gpudict.encode(X, V, alpha=1.0, solver="fista", max_iter=2, n_jobs=2).Z,
    "learn": lambda X: gpudict.learn(
        X, k, alpha=3.0, max_iter=1, dict_init="data", random_state=0, n_jobs=2).code,
}
before = WORK[name](few)  # what is compiled and started needs space too
size = 1024 * int(open("/proc/self/status").read().split("VmSize:")[1].split()[0])
resource.setrlimit(resource.RLIMIT_AS, (size + 300 * 2**20, -1))  # the codes take 610 MiB
try:
    WORK[name](X)
except MemoryError as error:
    print(str(error).partition(" is not enough")[0])
print(bool((WORK[name](few) == before).all()))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit is one of Linux")
@pytest.mark.parametrize(
    ("name", "library"),
    [
        ("encode", "numpy"),
        *(
            pytest.param(name, library, marks=pytest.mark.slow)
            for library in ("numpy", "torch")
            for name in ("portable", "learn", "encode")
        ),
    ],
)
def test_codes_that_do_not_fit(name: str, library: str):
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, name, library]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.stdout == "The memory of cpu\nTrue\n", done.stdout + done.stderr
