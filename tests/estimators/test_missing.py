"""Estimators with missing='nan': NaN in `fit` and `transform` is an entry that is not there."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict.solvers import places
from tests.support import problems
from tests.support.backends import BackendCase, host

X, V = problems.signal(n=40, d=10, k=8)
HOLED = np.where(np.random.default_rng(0).random(X.shape) < 0.7, X, np.nan)
KINDS = {
    "DictionaryLearning": {"max_iter": 2},
    "MiniBatchDictionaryLearning": {"max_iter": 1, "batch_size": 20},
    "SparseCoder": {"dictionary": V},
}


@pytest.fixture(autouse=True)
def _portable(monkeypatch: pytest.MonkeyPatch):
    """Without the compiled solver, whose kernel takes long to compile."""
    monkeypatch.setattr(places, "numba_works", lambda: False)


@pytest.mark.parametrize(
    ("kind", "algorithm"), list(zip(KINDS, ["lasso_cd", "omp", "omp"], strict=True))
)
def test_holes_are_taken(backend: BackendCase, kind: str, algorithm: str):
    options = KINDS[kind] | {"transform_algorithm": algorithm, "missing": "nan"}
    if kind != "SparseCoder":
        options |= {"n_components": 8, "alpha": 0.1, "random_state": 0}
    estimator = getattr(gpudict, kind)(**options)
    rows = backend.asarray(HOLED)
    if algorithm == "lasso_cd":
        estimator.set_params(transform_alpha=0.1)
    code = estimator.fit(rows).transform(rows)
    atoms = getattr(estimator, "components_", V)
    told = {"missing": "nan"} | ({"alpha": 0.1} if algorithm != "omp" else {"n_nonzero_coefs": 1})
    wanted = gpudict.encode(HOLED, host(atoms), **told).Z
    np.testing.assert_allclose(host(code), wanted, atol=1e-6)
    left, spread = HOLED - host(code) @ host(atoms), HOLED - np.nanmean(HOLED, axis=0)
    share = 1 - np.nansum(left**2) / np.nansum(spread**2)
    np.testing.assert_allclose(estimator.score(rows), share, rtol=1e-10)


def test_what_is_kept_and_refused(tmp_path):
    options = {"alpha": 0.1, "random_state": 0, "missing": "nan"}
    learner = gpudict.MiniBatchDictionaryLearning(8, **options)
    for batch in (HOLED[:20], HOLED[20:]):
        learner.partial_fit(batch)
    assert learner.n_steps_ == 2
    learner.save(tmp_path / "model")
    assert gpudict.load(tmp_path / "model").missing == "nan"
    assert learner.__sklearn_tags__().input_tags.allow_nan
    with pytest.raises(ValueError, match="no counterpart in scikit-learn"):
        learner.to_sklearn()
    aimed = gpudict.SparseCoder(V, target_nonzeros=2, transform_algorithm="lasso_cd", missing="nan")
    with pytest.raises(ValueError, match="alpha is found for rows that are whole"):
        aimed.fit(HOLED)
    da = pytest.importorskip("dask.array")
    with pytest.raises(ValueError, match="X has missing entries, and came in chunks"):
        learner.score(da.from_array(HOLED, chunks=(20, -1)))
    for bad in ({"missing": None}, {"missing": "none"}):
        with pytest.raises(ValueError, match=r"NaN|not known"):
            learner.set_params(**bad).fit(HOLED)
    assert gpudict.MiniBatchDictionaryLearning(8).to_sklearn().n_components == 8
