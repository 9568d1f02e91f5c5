"""Several devices: what crosses between them, counted, and what each of them is asked.

On two simulated CUDA devices. The second block is moved once and stays where it is: what crosses
after that are the atoms and sums over its rows.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np
import pytest

import gpudict
from tests.support import problems

torch = pytest.importorskip("torch")

from benchmarks.standins.simulated import raw, to_device  # noqa: E402

N, D, K = 9, 5, 6
X, V = problems.signal(n=N, d=D, k=K)
WEIGHTS = 1 + np.arange(N) % 2
ROWS = N - N // 2  # of the second block
BLOCK, WEIGHT, ATOMS, CODES = 8 * ROWS * D, 8 * ROWS, 8 * K * D, 8 * ROWS * K
SUMS, NUMBERS = [8 * D * K, 8 * D, 8 * K * K], [8, 8, 1]  # B, Σx², A; cost, gap, converged
NONZEROS = 8
PURSUIT: dict[str, Any] = {"n_nonzero_coefs": 2, "solver": "omp"}
OPTIONS = {**PURSUIT, "dict_init": "data", "tol": 0, "random_state": 0, "sample_weight": WEIGHTS}


def test_they_are_not_mixed(simulated):
    """But by copies, which are counted and are no waits; a result is where its operands are."""
    a, b = to_device(np.ones((2, 3))), to_device(np.ones((2, 3)), 1)
    i = to_device(np.array([0]))
    with simulated() as counts:
        for mixed in (lambda: a + b, lambda: a @ b.T, lambda: torch.cat([a, b]), lambda: b[i]):
            with pytest.raises(RuntimeError, match="found at least two devices, cuda"):
                mixed()
        assert counts.log == []
        c = a.to("cuda:1") + torch.zeros(2, 3, dtype=b.dtype, device="cuda:1")
        b.copy_(a)
        assert (2 * b).T.device == c.device == torch.device("cuda", 1)
        assert c.to("cuda:1") is c
    assert counts.between == [48, 48]
    assert counts.waits == 0
    np.testing.assert_array_equal(raw(c), 1)


def test_memory_is_that_of_each(simulated):
    with simulated(memory=10_000) as counts:
        kept = torch.zeros(2000, device="cuda:1")
        assert torch.cuda.mem_get_info("cuda:0")[0] == 10_000
        assert torch.cuda.mem_get_info(1)[0] == 2000
        with pytest.raises(torch.OutOfMemoryError):
            torch.zeros(600, device=kept.device)
        torch.zeros(600, device="cuda:0")
    assert counts.alive.peak == 2400


@pytest.mark.parametrize("name", ["pursuit", "warm"])
def test_an_encode_moves_a_block_and_its_codes(simulated, name: str):
    x, v, init = (to_device(a) for a in (X, V, X @ V.T))
    if name == "warm":
        options, more = {"alpha": np.full(N, 0.4), "init": init}, [CODES, WEIGHT]
    else:
        options, more = PURSUIT, []
    with simulated() as counts:
        found = gpudict.encode(x, v, **options, devices="all")
    assert counts.between == [BLOCK, ATOMS, *more, CODES, WEIGHT, ROWS]
    assert {found.Z.device, found.gap.device} == {x.device}
    assert sum(counts.to_device) <= 8 * N
    assert max(counts.to_host) <= 64


def test_learning_moves_atoms_and_sums(simulated):
    """And the block with its weights once, codes at the end."""
    with simulated() as counts:
        learned = gpudict.learn(to_device(X), K, **OPTIONS, max_iter=2, devices="all")
    one = gpudict.learn(X, K, **OPTIONS, max_iter=2, dictionary_update="mm")
    np.testing.assert_allclose(raw(learned.dictionary), one.dictionary, atol=1e-10)
    once, end = [BLOCK, WEIGHT, ATOMS], [CODES, WEIGHT]
    each = [[*SUMS, ATOMS, *NUMBERS, *[ATOMS] * bool(h.unused)] for h in learned.history]
    last = each.pop()[: len(SUMS + NUMBERS) + 1]  # none is revived at the end
    assert counts.between == [*once, *(bytes for iteration in each for bytes in iteration),
                              *last, *end]  # fmt: skip
    assert max(counts.to_host) <= 8 * N


def test_an_online_step_moves_its_batch(simulated):
    with simulated() as counts:
        options = {**OPTIONS, "batch_size": N, "max_iter": 2, "dictionary_update": "mm"}
        learned = gpudict.learn_online(to_device(X), K, **options, devices="all")
    one = gpudict.learn_online(X, K, **options)
    np.testing.assert_allclose(raw(learned.dictionary), one.dictionary, atol=1e-10)
    step = [BLOCK, WEIGHT, ATOMS, *SUMS, *NUMBERS, NONZEROS]
    assert counts.between == step * len(learned.history) == step * 2
    assert max(counts.to_host) <= 8 * N


def test_one_device_is_asked_what_it_was(simulated):
    """Named or not: not an operation more, and nothing crosses."""
    seen = []
    for devices in (None, ["cuda:0"]):
        with simulated() as counts:
            gpudict.encode(to_device(X), to_device(V), **PURSUIT, devices=devices)
            gpudict.learn(to_device(X), K, **OPTIONS, max_iter=1, devices=devices)
        seen.append([(op.name, op.ins, op.crossed) for op in counts.log])
        assert counts.between == []
    assert seen[0] == seen[1]


def test_memory_is_asked_of_each(simulated, monkeypatch: pytest.MonkeyPatch):
    """Batches on a device that is nearly full are smaller than those of the other."""
    from gpudict.coding import solve

    real, rows = solve.rows_a_batch, {}

    def asked(request, plan, sparse):
        rows[request.X.device.index] = real(request, plan, sparse)
        return rows[request.X.device.index]

    monkeypatch.setattr(solve, "rows_a_batch", asked)
    with simulated(memory=300_000):
        kept = torch.zeros(70_000, device="cuda:1")
        found = gpudict.encode(to_device(X), to_device(V), **PURSUIT, devices="all")
    assert found.Z.shape == (N, K)
    assert rows[1] < ROWS <= rows[0], (rows, kept.shape)


class Cupy:
    """CuPy's devices and streams, of which is known what they were asked, and where."""

    def __init__(self) -> None:
        cupy, self.log, self.here, self.cuda = self, [], [0], self

        class Device(NamedTuple):
            id: int

            def __enter__(self) -> None:
                cupy.here.append(self.id)

            def __exit__(self, *error: object) -> None:
                cupy.here.pop()

        class Stream(NamedTuple):
            on: int

            def record(self) -> str:
                cupy.log.append(f"event on {self.on}")
                return cupy.log[-1]

            def wait_event(self, event: str) -> None:
                cupy.log.append(f"{self.on} waits for {event}")

            def synchronize(self) -> None:
                cupy.log.append(f"wait for {self.on}")

            __enter__, __exit__ = Device.__enter__, Device.__exit__
            id = property(lambda stream: stream.on)

        class Rows(NamedTuple):
            device: Device

            def copy(self) -> Rows:
                cupy.log.append(f"copy on {cupy.here[-1]}")
                return Rows(Device(cupy.here[-1]))

        self.Device, self.Rows = Device, Rows
        self.get_current_stream = lambda: Stream(cupy.here[-1])

    def ascontiguousarray(self, rows: Any) -> Any:
        """Return the rows, copied on the device that is current."""
        self.log.append(f"rows on {self.here[-1]}")
        return rows


def test_cupy_copies_in_order(monkeypatch: pytest.MonkeyPatch):
    """After what made the array; and its memory is no other's before the copy is there."""
    from gpudict.arrays.backends import cupy as row

    cupy = Cupy()
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    there = row.moved(cupy.Rows(cupy.Device(0)), cupy.Device(1))
    assert there.device == cupy.Device(1)
    assert cupy.log == ["rows on 0", "event on 0", "1 waits for event on 0", "copy on 1",
                        "event on 1", "0 waits for event on 1"]  # fmt: skip
    cupy.log.clear()
    lane = row.lane(there)
    cupy.log.append("another thread")
    with lane:
        assert cupy.here == [0, 1, 1]
        cupy.log.append("work")
    assert cupy.here == [0]
    assert cupy.log == ["event on 1", "another thread", "1 waits for event on 1", "work",
                        "wait for 1"]  # fmt: skip
