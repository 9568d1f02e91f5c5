"""The simulated device itself: it refuses what a device refuses, and counts what was asked."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from benchmarks.standins.simulated import launched, raw, to_device  # noqa: E402


@pytest.fixture
def x(simulated):
    return to_device(np.arange(6.0).reshape(2, 3))


def test_it_says_cuda_and_has_values(simulated, x):
    with simulated() as counts:
        y = torch.zeros(2, 3, dtype=x.dtype, device=x.device) + 2 * x
        y[0, :] = x[1, :]
    assert y.device == torch.device("cuda", 0)
    np.testing.assert_array_equal(raw(y).numpy(), [[3, 4, 5], [6, 8, 10]])
    assert counts.ops == {"zeros": 1, "mul": 1, "add": 1, "copy_": 1}
    assert counts.launches == 4
    assert counts.waits == 0


REFUSED = {
    "another device": (RuntimeError, lambda x: x + torch.ones(3)),
    "a product with the host": (RuntimeError, lambda x: x @ torch.ones(3, 1)),
    "numpy": (TypeError, lambda x: np.sqrt(x)),
    "asarray": (TypeError, np.asarray),
    "an array of the host": (TypeError, lambda x: np.ones(3) + x),
    "dlpack": (BufferError, np.from_dlpack),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses_the_host(simulated, x, name):
    error, work = REFUSED[name]
    with simulated(), pytest.raises(error):
        work(x)


WAITS = {
    "float": lambda x: float(x[0, 0]),
    "bool": lambda x: bool(x[0, 0] > 0),
    "item": lambda x: x.sum().item(),
    "list": lambda x: x.tolist(),
    "cpu": lambda x: x.cpu(),
    "nonzero": torch.nonzero,
    "unique": torch.unique,
    "equal": lambda x: torch.equal(x, x),
    "mask read": lambda x: x[x > 2],
    "mask write": lambda x: x.index_put_((x > 2,), 2 * x[0, :]),
    "solve": lambda x: torch.linalg.solve(x[:, :2] + torch.eye(2, device=x.device), x),
    "svd": torch.linalg.svd,
}
NO_WAITS = {
    "views": lambda x: x.reshape(-1, 2)[::2, :].T,
    "mask write of a number": lambda x: x.index_put_((x > 2,), torch.tensor(0.0, dtype=x.dtype)),
    "indices": lambda x: x[torch.zeros(1, dtype=torch.int64, device=x.device)],
    "sort": lambda x: torch.argsort(x, dim=1),
    "solve": lambda x: torch.linalg.solve_ex(x[:, :2], x),
    "where": lambda x: torch.where(x > 2, x, torch.zeros_like(x)),
}


@pytest.mark.parametrize("name", WAITS)
def test_what_waits(simulated, x, name):
    with simulated() as counts:
        WAITS[name](x)
    assert counts.waits == 1, counts.waiting()


@pytest.mark.parametrize("name", NO_WAITS)
def test_what_does_not_wait(simulated, x, name):
    with simulated() as counts:
        NO_WAITS[name](x)
    assert counts.waits == 0, counts.waiting()


def test_copies_are_counted_with_their_bytes(simulated, x):
    with simulated() as counts:
        torch.asarray(np.ones(5), device=x.device)
        x[torch.tensor([0, 1])]  # PyTorch takes indices from the host, and copies them
        (x @ x.T).cpu()
    assert counts.to_device == [40, 16]
    assert counts.to_host == [32]


def test_memory_is_counted_and_ends(simulated, x):
    with simulated(memory=10_000) as counts:
        a = torch.zeros(1000, device=x.device)
        del a
        b = torch.zeros(1000, device=x.device)[:10]  # a view keeps all of it
        assert torch.cuda.mem_get_info()[0] == 6000
        with pytest.raises(torch.OutOfMemoryError):
            torch.zeros(1600, device=x.device)
    assert counts.alive.peak == 4000
    assert b.shape == (10,)


def test_a_kernel_from_elsewhere_is_reported(simulated):
    from benchmarks.models.cards import CARDS
    from benchmarks.models.device import priced

    with simulated() as counts:
        launched("mine", 3e9, 1e9)
    assert counts.launches == 1
    assert priced(counts, CARDS["H100"]).seconds == pytest.approx(4e-6 + 1e-3)
