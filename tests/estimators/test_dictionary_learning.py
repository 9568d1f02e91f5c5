"""`DictionaryLearning`: scikit-learn's scores, and what its own has not."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import sklearn.decomposition as theirs
from sklearn.exceptions import ConvergenceWarning

import gpudict
from gpudict import DictionaryLearning, MiniBatchDictionaryLearning, SparsePCA
from tests.support import problems
from tests.support.estimators import V, X, fitted


class TestScores:
    """Against scikit-learn's estimators, on the same data."""

    @pytest.mark.parametrize("seed", [*range(7), *range(8, 21)])
    def test_one_start_one_objective(self, seed):
        """From one start the last objective is scikit-learn's, as long as no atom is revived."""
        data, start = problems.on_the_sphere(seed)
        norms: list[float] = []
        see = lambda env: norms.append(np.linalg.norm(env["dictionary"], axis=1).min())  # noqa: E731
        options = {"alpha": 0.15, "max_iter": 6, "tol": 0, "fit_algorithm": "cd"}
        options |= {"dict_init": start, "code_init": np.zeros((len(data), len(start)))}
        options |= {"transform_max_iter": 20_000}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # their inner limit of iterations
            want = theirs.DictionaryLearning(8, callback=see, **options).fit(data)
        ours = DictionaryLearning(8, **options).fit(data)
        assert min(norms) > 1 - 1e-12, "pick a problem whose atoms reach norm 1 with scikit-learn"
        assert not any(h.unused for h in ours.history_)
        np.testing.assert_allclose(ours.error_[-1], want.error_[-1], rtol=1e-6)

    def test_default_starts(self):
        ratios = []
        for seed in range(15):
            data, _ = problems.signal(n=80, d=10, k=6, seed=seed)
            options = {"alpha": 0.1, "max_iter": 30, "fit_algorithm": "cd", "random_state": 0}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                want = theirs.DictionaryLearning(6, **options).fit(data).error_[-1]
            ratios.append(DictionaryLearning(6, **options).fit(data).error_[-1] / want)
        assert np.median(ratios) <= 1.001


class TestBeyond:
    """What scikit-learn's have not: gaps, history, every solver."""

    def test_gap_and_history(self):
        learner = fitted(DictionaryLearning)
        assert len(learner.history_) == learner.n_iter_ == len(learner.error_)
        np.testing.assert_array_equal([h.objective for h in learner.history_], learner.error_)
        assert learner.dual_gap_.shape == (60,)
        assert learner.converged_
        code, gap = learner.transform(X, return_gap=True)
        np.testing.assert_array_equal(code, learner.transform(X))
        assert (gap <= 1e-8 * 0.5 * (X**2).sum(axis=1)).all()
        assert np.isinf(fitted(DictionaryLearning, transform_algorithm="omp").transform(
            X, return_gap=True)[1]).all()  # fmt: skip
        online = fitted(MiniBatchDictionaryLearning, batch_size=20)
        assert online.dual_gap_.shape == (20,)
        assert online.n_steps_ == len(online.history_)
        assert fitted(SparsePCA).dual_gap_.shape == (12,)

    @pytest.mark.parametrize("kind", [DictionaryLearning, MiniBatchDictionaryLearning])
    @pytest.mark.parametrize("solver", ["omp", "fista", "lars", "working_set"])
    def test_every_solver_fits(self, kind, solver):
        options = {"fit_algorithm": solver, "transform_max_iter": 50_000}
        learner = kind(4, alpha=0.3, max_iter=3, random_state=0, **options).fit(X)
        np.testing.assert_allclose(np.linalg.norm(learner.components_, axis=1), 1)
        if solver != "omp":
            plain = kind(4, alpha=0.3, max_iter=3, random_state=0).fit(X)
            np.testing.assert_allclose(learner.components_, plain.components_, atol=1e-3)

    def test_a_pursuit_needs_no_alpha(self):
        """transform 'omp' takes d // 10 atoms, or reaches the error that transform_alpha gives."""
        learner = fitted(DictionaryLearning, transform_algorithm="omp")
        assert (np.count_nonzero(learner.transform(X), axis=1) == 1).all()
        learner.set_params(transform_alpha=0.5)
        with pytest.warns(ConvergenceWarning, match="did not reach the squared error"):
            rest = X - learner.transform(X) @ learner.components_
        least = (
            X - gpudict.encode(X, learner.components_, n_nonzero_coefs=4).Z @ learner.components_
        )
        assert (((rest**2).sum(axis=1) <= 0.5) | np.isclose(rest, least).all(axis=1)).all()

    def test_a_start_of_another_library_is_moved(self):
        torch = pytest.importorskip("torch")
        start = torch.asarray(V, dtype=torch.float32)
        learner = DictionaryLearning(8, alpha=0.1, dict_init=start, max_iter=0).fit(X)
        np.testing.assert_allclose(learner.components_, V, atol=1e-6)
        pca = SparsePCA(2, V_init=start[:2], U_init=np.ones((60, 2)), max_iter=0).fit(X)
        np.testing.assert_allclose(np.abs(pca.components_), np.abs(V[:2]), atol=1e-6)
