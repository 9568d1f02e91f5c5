"""What starts a kernel on CuPy's arrays: its own code, on its own arrays, up to the call.

They lie in memory of the host (`benchmarks.standins.cupy_host`), and no warning is let pass.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.standins import nvrtc, warps
from benchmarks.standins.ptx.running import on_the_ptx
from gpudict.solvers.cuda import _launch

cupy = pytest.importorskip("cupy", reason="cupy is not installed: pip install cupy-cuda12x")
pytestmark = pytest.mark.skipif(
    warps.COMPILER is None,
    reason="the CUDA kernels run on the CPU through g++ on x86-64, which is not here",
)

from benchmarks.standins.cupy_host import asarray, cupy_host, current, values  # noqa: E402
from gpudict.arrays.backends import cupy as row  # noqa: E402

OPTIONS = _launch.options("float", 1, 8)
SHAPE = (1, 256, _launch.SHARED)


def arguments(cov, device: int):
    """Return what a pursuit takes, of one atom a row, of eight that are orthonormal."""
    x = values(cov)
    arrays = np.eye(8), (x**2).sum(1), np.zeros((len(x), 8)), np.zeros(len(x))
    G, sq, Z, error = (asarray(a.astype("float32"), device) for a in arrays)
    return G, cov, sq, Z, error, *map(np.int32, (len(x), 8, 1)), np.float64(0)


@pytest.mark.parametrize("form", ["source", pytest.param("ptx", marks=pytest.mark.slow)])
@pytest.mark.parametrize("device", [0, 1])
def test_rows_as_the_kernels_read_them(device: int, form: str):
    """Taken in place, but for those that are strided or askew; on their device, whichever it is."""
    if form == "ptx" and nvrtc.library() is None:
        pytest.skip("NVRTC is not here: python -m pip install nvidia-cuda-nvrtc-cu12")
    wide = np.zeros((6, 28), "float32")
    wide[:, 2:10] = wide[:, 16:24] = np.diag(np.arange(1.0, 9))[:6]
    whole = asarray(wide, device)
    plain, askew, strided = whole[:, 16:24].copy(), whole[:1, 2:10], whole[::2, 16:24]
    assert strided.strides == (2 * 28 * 4, 4)
    assert askew.flags.c_contiguous
    assert askew.data.ptr % 16 == plain.data.ptr % 16 + 8
    for cov, moved in ((plain, False), (askew, True), (strided, True)):
        with cupy_host() as calls:
            start, given = row.launcher(cov), arguments(cov, device)
            assert start is not None
            for _ in range(2):
                if form == "ptx":
                    with on_the_ptx():
                        start(_launch.source("pursuit"), "pursuit", OPTIONS, SHAPE, given)
                else:
                    start(_launch.source("pursuit"), "pursuit", OPTIONS, SHAPE, given)
            assert row._kernel.cache_info().misses == 1  # compiled once
        assert [call[:5] for call in calls] == 2 * [("pursuit", device, *SHAPE)]
        where = calls[0].addresses
        assert (where[1] != cov.data.ptr) == moved
        assert [a.data.ptr for a in (given[0], *given[2:5])] == [where[0], *where[2:]]
        np.testing.assert_array_equal(values(given[3]), values(cov))


def test_a_kernel_for_each_device():
    """Compiled on the device that it is called on."""
    with cupy_host() as calls:
        for device in (1, 0, 1):
            cov = asarray(np.eye(8, dtype="float32"), device)
            start = row.launcher(cov)
            assert start is not None
            start(_launch.source("pursuit"), "pursuit", OPTIONS, SHAPE, arguments(cov, device))
        assert row._kernel.cache_info().misses == 2
    assert [call.device for call in calls] == [1, 0, 1]


def test_home_is_its_device():
    """Which is then the current one."""
    x = asarray(np.eye(8, dtype="float32"), 1)
    with cupy_host(), row.BACKEND.home(x):
        assert current() == 1
    with cupy_host(), pytest.raises(IndexError):
        current()


def test_rocm_has_no_kernels(monkeypatch):
    monkeypatch.setattr(cupy.cuda.runtime, "is_hip", True)
    assert row.launcher(asarray(np.eye(8, dtype="float32"))) is None
