"""The mini-batch learners: scikit-learn's scores at as many steps, and `partial_fit`."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.decomposition as theirs

import gpudict
from gpudict import MiniBatchDictionaryLearning, MiniBatchSparsePCA, SparsePCA
from tests.support import problems
from tests.support.backends import BackendCase, host
from tests.support.estimators import V, X


@pytest.mark.parametrize("kind", ["MiniBatchDictionaryLearning", "MiniBatchSparsePCA"])
def test_mini_batches(kind):
    """At the same number of steps."""
    ratios = []
    for seed in range(8):
        data, _ = problems.signal(n=120, d=12, k=6, seed=seed)
        options = {"alpha": 0.1, "max_iter": 5, "batch_size": 30, "random_state": 0, "tol": 0}
        options |= {"max_no_improvement": None, "verbose": False}
        learned = [getattr(m, kind)(6, **options).fit(data) for m in (gpudict, theirs)]
        steps = [getattr(e, "n_steps_", e.n_iter_) for e in learned]
        assert steps[0] == steps[1]
        ratios.append(np.divide(*(cost(e, data) for e in learned)))
    assert np.median(ratios) <= 1.01


def cost(learned, data):
    if "PCA" in type(learned).__name__:
        return ((data - learned.inverse_transform(learned.transform(data))) ** 2).sum()
    unit = problems.unit(learned.components_)
    code = gpudict.encode(data, unit, alpha=0.1).Z
    return 0.5 * ((data - code @ unit) ** 2).sum() + 0.1 * np.abs(code).sum()


def test_partial_fit_is_the_steps_of_fit():
    options = {"alpha": 0.1, "dict_init": V, "batch_size": 20, "random_state": 0, "tol": 0}
    options |= {"shuffle": False, "max_iter": 1, "max_no_improvement": None}
    whole = MiniBatchDictionaryLearning(8, **options).fit(X)
    parts = MiniBatchDictionaryLearning(8, **options)
    for low in (0, 20, 40):
        parts.partial_fit(X[low : low + 20], sample_weight=np.ones(20))
    np.testing.assert_allclose(parts.components_, whole.components_, atol=1e-12)
    assert parts.n_steps_ == whole.n_steps_ == len(parts.history_) == 3
    whole.partial_fit(X[:20].astype("float32"))
    parts.partial_fit(X[:20].astype("float32"))
    assert whole.components_.dtype == np.float64
    np.testing.assert_allclose(parts.components_, whole.components_, atol=1e-12)


EFFECT = {  # what partial_fit may be told anew, and what it can't be
    "alpha": (0.4, None),
    "fit_algorithm": ("omp", None),
    "positive_code": (True, None),
    "positive_dict": (True, None),
    "n_jobs": (1, None),
    "transform_max_iter": (500, None),
    "n_components": (6, "8 then and 6 now"),
    "dict_init": ("data", "'data' now"),
    "random_state": (1, "0 then and 1 now"),
}


@pytest.mark.parametrize("first", ["fit", "partial_fit"])
@pytest.mark.parametrize("name", EFFECT)
def test_a_parameter_that_is_changed_holds_or_is_refused(name: str, first: str):
    new, refused = EFFECT[name]
    made = [MiniBatchDictionaryLearning(8, alpha=0.1, random_state=0) for _ in range(2)]
    for learner in made:
        getattr(learner, first)(X[:20])
    kept, changed = made
    changed.set_params(**{name: new})
    if refused is None:
        changed.partial_fit(X[20:40])
        same = np.array_equal(kept.partial_fit(X[20:40]).components_, changed.components_)
        assert same == (name in ("n_jobs", "transform_max_iter"))
        assert name != "positive_dict" or (changed.components_ >= 0).all()
        return
    before = changed.components_
    with pytest.raises(ValueError, match=f"{name} was changed.*{refused}.*call fit"):
        changed.partial_fit(X[20:40])
    assert changed.components_ is before
    assert changed.n_steps_ == kept.n_steps_
    changed.set_params(**{name: getattr(kept, name)}).partial_fit(X[20:40])
    np.testing.assert_array_equal(kept.partial_fit(X[20:40]).components_, changed.components_)
    changed.set_params(**{name: new}).fit(X[20:40])


def test_a_start_that_is_equal_is_not_changed():
    learner = MiniBatchDictionaryLearning(8, alpha=0.1, dict_init=V).partial_fit(X[:20])
    learner.set_params(dict_init=V.copy()).partial_fit(X[20:40])
    for start in (V + 1, None, "svd", V[:3]):
        with pytest.raises(ValueError, match="dict_init was changed"):
            learner.set_params(dict_init=start).partial_fit(X[20:40])


class TestRowsOfSparsePCA:
    """`MiniBatchSparsePCA.partial_fit` adds rows to sums about the mean of all of them."""

    far = X + 100 * np.arange(12)  # centred at the mean of a batch it would not be centred
    options = {"alpha": 0.3, "random_state": 0}  # noqa: RUF012
    once = {"max_iter": 1, "tol": 0, "max_no_improvement": None}  # noqa: RUF012

    def learner(self, **more):
        return MiniBatchSparsePCA(4, **self.options | more)

    def test_the_first_batch_is_a_pass_of_fit(self, backend: BackendCase):
        rows, weights = backend.asarray(self.far), np.linspace(0, 2, 60)
        ours = self.learner().partial_fit(rows, sample_weight=weights)
        theirs = self.learner(**self.once).fit(rows, sample_weight=weights)
        for name in ("components_", "mean_", "dual_gap_", "explained_variance_ratio_"):
            found, want = host(getattr(ours, name)), host(getattr(theirs, name))
            np.testing.assert_allclose(found, want, atol=1e-7, err_msg=name)
        assert ours.n_steps_ == len(theirs.history_) == 4

    def test_rows_count_alike_whenever_they_came(self):
        """Their mean and sums are those of all, and components nearly those of many passes."""
        da, found = pytest.importorskip("dask.array"), []
        for order in (range(0, 60, 10), range(50, -1, -10)):
            ours = self.learner()
            for low in order:
                part = self.far[low : low + 10]
                ours.partial_fit(sp.csr_array(part) if low == 10 else part.tolist())
            np.testing.assert_allclose(ours.mean_, self.far.mean(0), rtol=1e-14)
            centred = self.far - self.far.mean(0)
            np.testing.assert_allclose(ours.moments_.scatter, centred.T @ centred, atol=1e-9)
            found.append(self.cost(ours))
        whole = self.learner().partial_fit(da.from_array(self.far, chunks=(25, 12)))
        np.testing.assert_allclose(whole.moments_.scatter, ours.moments_.scatter, atol=1e-9)
        best = self.cost(SparsePCA(4, **self.options).fit(self.far))
        assert max(found) <= 1.15 * best  # another local minimum

    def cost(self, learner):
        """The objective at the scores that fit best."""
        rows = self.far - self.far.mean(0)
        V = learner.components_
        scores = problems.unit((rows @ np.linalg.pinv(V)).T)
        codes = gpudict.encode(rows.T, scores, alpha=0.3).Z
        return 0.5 * ((rows.T - codes @ scores) ** 2).sum() + 0.3 * np.abs(codes).sum()

    def test_it_goes_on_from_a_file(self, tmp_path):
        ours = self.learner().partial_fit(self.far[:30])
        ours.save(tmp_path / "m")
        again = gpudict.load(tmp_path / "m").partial_fit(self.far[30:])
        np.testing.assert_array_equal(
            ours.partial_fit(self.far[30:]).components_, again.components_
        )
        before = dict(vars(ours))
        with pytest.raises(ValueError, match="NaN"):
            ours.partial_fit(self.far * np.nan)
        assert vars(ours) == before
        for name, new in (("n_components", 3), ("random_state", 1)):
            with pytest.raises(ValueError, match=f"{name} was changed"):
                self.learner().partial_fit(self.far).set_params(**{name: new}).partial_fit(self.far)
        strange = MiniBatchSparsePCA.from_sklearn(theirs.MiniBatchSparsePCA(4).fit(self.far))
        with pytest.raises(ValueError, match="knows nothing of the rows"):
            strange.partial_fit(self.far)

    def test_rows_of_a_fit_count_by_what_components_explain(self, tmp_path):
        """Their mean and weight exactly; so of rows that are explained whole, the sums are too."""
        low, weights = self.planted(), np.linspace(1, 2, 60)
        for rows in (low, gpudict.stream(low, batch_size=25)):
            ours = MiniBatchSparsePCA(3, alpha=1e-9, max_iter=50, random_state=0)
            ours.fit(rows, sample_weight=weights)
            ours.save(tmp_path / "m")
            steps = ours.n_steps_
            again = gpudict.load(tmp_path / "m").partial_fit(low[:10] + 1)
            ours.partial_fit(low[:10] + 1)
            np.testing.assert_array_equal(again.components_, ours.components_)
            assert ours.n_steps_ == steps + 4 == len(ours.history_)
            both, w = np.concatenate([low, low[:10] + 1]), np.r_[weights, np.ones(10)]
            mean = w @ both / w.sum()
            np.testing.assert_allclose(ours.mean_, mean, atol=1e-10)
            want = ((both - mean).T * w) @ (both - mean)
            np.testing.assert_allclose(ours.moments_.scatter, want, atol=1e-6)
            assert not hasattr(ours, "explained_")
            assert not hasattr(ours.fit(low), "moments_")

    def planted(self):
        """Rows in three dimensions, and their mean."""
        rng = np.random.default_rng(0)
        return rng.standard_normal((60, 3)) @ rng.standard_normal((3, 12)) + 5
