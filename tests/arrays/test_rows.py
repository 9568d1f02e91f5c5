"""Codes in compressed rows: the sparse codes are the dense ones, in the matrix of the library."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

import gpudict

PURSUIT = {"n_nonzero_coefs": 4}


class TestSparse:
    """The sparse codes are the dense ones, in the matrix of the library."""

    @pytest.mark.parametrize("options", [{"alpha": 0.1}, PURSUIT], ids=["lasso", "omp"])
    @pytest.mark.parametrize("solver", ["cd", "lars"])
    def test_numpy(self, signal, dtype, options, solver):
        X, V = (a[:300].astype(dtype) for a in signal)
        options = {**options, "solver": solver, "batch_size": 70}
        dense = gpudict.encode(X, V, **options)
        sparse = gpudict.encode(X, V, **options, sparse_output=True)
        assert isinstance(sparse.Z, scipy.sparse.csr_array)
        assert sparse.Z.dtype == dtype
        assert sparse.Z.has_sorted_indices
        np.testing.assert_allclose(sparse.Z.toarray(), dense.Z, atol=1e-6)
        np.testing.assert_array_equal(sparse.Z.toarray() != 0, dense.Z != 0)
        np.testing.assert_array_equal(sparse.converged, dense.converged)

    def test_torch(self, signal):
        torch = pytest.importorskip("torch")
        X, V = (torch.asarray(a[:300]) for a in signal)
        for solver in ("cd", "lars"):
            sparse = gpudict.encode(X, V, alpha=0.1, solver=solver, sparse_output=True)
            assert sparse.Z.layout == torch.sparse_csr
            dense = gpudict.encode(X, V, alpha=0.1, solver=solver)
            torch.testing.assert_close(sparse.Z.to_dense(), dense.Z)

    def test_no_sparse_matrices(self):
        jnp = pytest.importorskip("jax.numpy")
        with pytest.raises(TypeError, match=r"sparse_output=True came.*jax.*PyTorch and CuPy"):
            gpudict.encode(jnp.ones((2, 2)), jnp.eye(2), alpha=0.1, sparse_output=True)

    def test_no_row_and_no_code(self):
        """A row without a code is an empty row of the matrix."""
        sparse = gpudict.encode(np.eye(3), np.eye(3), alpha=[2, 0.5, 2], sparse_output=True)
        assert sparse.Z.nnz == 1
        assert sparse.Z.indptr.tolist() == [0, 0, 1, 1]
