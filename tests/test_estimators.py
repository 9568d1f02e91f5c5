"""The estimators: scikit-learn's checks, its scores, its tools; and X decides where all goes."""

from __future__ import annotations

import json
import pickle
import warnings

import joblib
import numpy as np
import oracles
import problems
import pytest
import sklearn.decomposition as theirs
from conftest import BackendCase, host
from sklearn.utils._test_common import instance_generator as instances
from sklearn.utils.estimator_checks import parametrize_with_checks

import gpudict
from gpudict import (
    DictionaryLearning,
    MiniBatchDictionaryLearning,
    MiniBatchSparsePCA,
    SparseCoder,
    SparsePCA,
)
from gpudict.arrays.door import array_namespace, device
from gpudict.estimators import _files
from gpudict.learning import online

X, V = problems.signal(n=60, d=12, k=8)
LEARNERS = (DictionaryLearning, MiniBatchDictionaryLearning, SparsePCA, MiniBatchSparsePCA)
WEIGHTS = "check_sample_weight_equivalence_on_dense_data"
ARRAYS = ("check_array_api_input", "check_array_api_mixed_inputs", "check_array_api_same_namespace")


def fitted(kind, data=X, **options):
    """Return a small fitted estimator of the kind."""
    if kind is SparseCoder:
        return SparseCoder(V, transform_algorithm="lasso_cd", transform_alpha=0.1).fit(data)
    if kind in (DictionaryLearning, MiniBatchDictionaryLearning):
        options = {"transform_algorithm": "lasso_cd"} | options
    return kind(4, **({"alpha": 0.1, "max_iter": 5, "random_state": 0} | options)).fit(data)


def with_scikit_learns_instances():
    """Yield an estimator of each kind, as scikit-learn parametrises its own for the checks.

    A weight is a repetition where nothing is drawn at random: no atom is revived, no batch cut.
    """
    rng = np.random.default_rng(0)
    plain = {"n_components": 3, "alpha": 0.05}
    weighted = {
        DictionaryLearning: plain | {"max_iter": 20, "transform_algorithm": "lasso_lars"},
        MiniBatchDictionaryLearning: plain | {"max_iter": 5, "batch_size": 256},
        SparsePCA: plain | {"max_iter": 5},
        MiniBatchSparsePCA: plain | {"max_iter": 5},
    }
    for kind in (*LEARNERS, SparseCoder):
        known = instances.INIT_PARAMS.get(getattr(theirs, kind.__name__), {})
        special = dict(instances.PER_ESTIMATOR_CHECK_PARAMS[getattr(theirs, kind.__name__)])
        special |= {WEIGHTS: weighted[kind]} if kind in weighted else {}
        if kind is SparseCoder:  # as a list: an array among the parameters would have to follow X
            special |= {name: {"dictionary": rng.normal(size=(5, 10))} for name in ARRAYS}
            special = {
                name: {"dictionary": params["dictionary"].tolist()}
                for name, params in special.items()
            }
            known = {"dictionary": known["dictionary"].tolist()}
        instances.PER_ESTIMATOR_CHECK_PARAMS[kind] = special
        yield kind(**known)


@parametrize_with_checks(list(with_scikit_learns_instances()))
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("kind", [*LEARNERS, SparseCoder], ids=lambda kind: kind.__name__)
def test_parameters_are_scikit_learns(kind):
    """Name for name and default for default, but for the solver of a fit."""
    ours, other = kind, getattr(theirs, kind.__name__)
    assert ours._get_param_names() == other._get_param_names()
    given = (V,) if kind is SparseCoder else ()
    mine, yours = ours(*given).get_params(), other(*given).get_params()
    different = {name for name in mine if mine[name] is not yours[name] != mine[name]}
    assert different <= {"fit_algorithm", "method"}
    public = {n for n in dir(other) if not n.startswith("_")}
    assert public <= set(dir(ours))


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

    @pytest.mark.parametrize("kind", ["MiniBatchDictionaryLearning", "MiniBatchSparsePCA"])
    def test_mini_batches(self, kind):
        """At the same number of steps."""
        ratios = []
        for seed in range(8):
            data, _ = problems.signal(n=120, d=12, k=6, seed=seed)
            options = {"alpha": 0.1, "max_iter": 5, "batch_size": 30, "random_state": 0, "tol": 0}
            options |= {"max_no_improvement": None, "verbose": False}
            learned = [getattr(m, kind)(6, **options).fit(data) for m in (gpudict, theirs)]
            steps = [getattr(e, "n_steps_", e.n_iter_) for e in learned]
            assert steps[0] == steps[1]
            ratios.append(np.divide(*(self.cost(e, data) for e in learned)))
        assert np.median(ratios) <= 1.01

    @staticmethod
    def cost(learned, data):
        if "PCA" in type(learned).__name__:
            return ((data - learned.inverse_transform(learned.transform(data))) ** 2).sum()
        unit = problems.unit(learned.components_)
        code = gpudict.encode(data, unit, alpha=0.1).Z
        return 0.5 * ((data - code @ unit) ** 2).sum() + 0.1 * np.abs(code).sum()

    def test_sparse_pca(self):
        """The components of both agree where both converge."""
        data, _ = problems.signal(n=60, d=8, k=3)
        options = {"alpha": 0.5, "max_iter": 500, "tol": 1e-12, "method": "lars", "random_state": 0}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            want = theirs.SparsePCA(3, **options).fit(data)
        ours = SparsePCA(3, **options).fit(data)
        np.testing.assert_allclose(ours.components_, want.components_, atol=1e-4)
        np.testing.assert_allclose(ours.transform(data), want.transform(data), atol=1e-3)
        assert ours.n_components_ == 3
        assert ours.converged_


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
        rest = X - learner.transform(X) @ learner.components_
        least = (
            X - gpudict.encode(X, learner.components_, n_nonzero_coefs=4).Z @ learner.components_
        )
        assert (((rest**2).sum(axis=1) <= 0.5) | np.isclose(rest, least).all(axis=1)).all()

    def test_split_sign(self):
        coder = fitted(SparseCoder).set_params(split_sign=True)
        parts = coder.transform(X)
        assert parts.shape == (60, 16)
        assert (parts >= 0).all()
        assert len(coder.get_feature_names_out()) == 16
        np.testing.assert_allclose(
            coder.inverse_transform(parts), fitted(SparseCoder).transform(X) @ V
        )
        with pytest.raises(ValueError, match="Expected 16, got 8"):
            coder.inverse_transform(parts[:, :8])

    def test_partial_fit_is_the_steps_of_fit(self):
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

    def test_a_start_of_another_library_is_moved(self):
        torch = pytest.importorskip("torch")
        start = torch.asarray(V, dtype=torch.float32)
        learner = DictionaryLearning(8, alpha=0.1, dict_init=start, max_iter=0).fit(X)
        np.testing.assert_allclose(learner.components_, V, atol=1e-6)
        pca = SparsePCA(2, V_init=start[:2], U_init=np.ones((60, 2)), max_iter=0).fit(X)
        np.testing.assert_allclose(np.abs(pca.components_), np.abs(V[:2]), atol=1e-6)


class TestPlace:
    """X decides the library, the device and the dtype; what was fitted elsewhere says so."""

    @pytest.mark.parametrize("kind", [*LEARNERS, SparseCoder], ids=lambda kind: kind.__name__)
    def test_everything_follows(self, backend: BackendCase, kind):
        data = X[:14, :5] if kind is not SparseCoder else X[:14]
        dX = backend.asarray(data.astype("float32"))
        options = {"max_iter": 2} if kind is not SparseCoder else {}
        learner = fitted(kind, dX, **options)
        back = learner.transform(dX)
        arrays = [back, learner.inverse_transform(back)]
        arrays += [v for k, v in vars(learner).items() if k in ("components_", "mean_", "error_")]
        for a in arrays:
            assert array_namespace(a) is array_namespace(dX)
            assert device(a) == device(dX)
            assert str(a.dtype).endswith("float32")
        want = fitted(kind, data.astype("float32"), **options)
        np.testing.assert_allclose(host(back), want.transform(data), atol=2e-2)

    def test_elsewhere_raises_and_says_the_way_out(self):
        torch = pytest.importorskip("torch")
        there = torch.asarray(X)
        for kind in (*LEARNERS, SparseCoder):
            learner = fitted(kind)
            code = torch.asarray(learner.transform(X))
            for method, given in (("transform", there), ("inverse_transform", code)):
                match = rf"{kind.__name__}.{method}\(\) must use the same namespace.*\.to\(X\)"
                with pytest.raises(ValueError, match=match):
                    getattr(learner, method)(given)
            moved = learner.to(there)
            np.testing.assert_allclose(
                moved.transform(there).numpy(), learner.transform(X), atol=1e-9
            )
            assert isinstance(learner.transform(X), np.ndarray)

    def test_a_coder_that_was_never_fitted_goes_anywhere(self, backend: BackendCase):
        coder = SparseCoder(V, transform_algorithm="lasso_lars", transform_alpha=0.1)
        code = coder.transform(backend.asarray(X[:5]))
        np.testing.assert_allclose(host(code), coder.transform(X[:5]), atol=1e-10)

    def test_two_devices(self):
        strict = pytest.importorskip("array_api_strict")
        learner = fitted(DictionaryLearning, strict.asarray(X))
        with pytest.raises(ValueError, match="device1"):
            learner.transform(strict.asarray(X, device=strict.Device("device1")))

    @pytest.mark.parametrize("on", [False, True])
    def test_dispatch_changes_nothing(self, on):
        sklearn, torch = pytest.importorskip("sklearn"), pytest.importorskip("torch")
        with sklearn.config_context(array_api_dispatch=on):
            learner = fitted(DictionaryLearning, torch.asarray(X))
            assert isinstance(learner.components_, torch.Tensor)
            assert isinstance(fitted(SparsePCA, X.tolist()).components_, np.ndarray)


class TestTools:
    """Pipelines, searches, DataFrames, pickles, callbacks."""

    y = (X[:, 0] > 0).astype(int)

    def pipeline(self):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        learner = DictionaryLearning(4, alpha=0.5, max_iter=5, transform_algorithm="lasso_cd")
        return make_pipeline(StandardScaler(), learner, LogisticRegression())

    def test_pipeline_and_grid_search(self):
        from sklearn.model_selection import GridSearchCV

        alphas = [0.1, 1.0, 50.0]
        search = GridSearchCV(self.pipeline(), {"dictionarylearning__alpha": alphas}, cv=3)
        search.fit(X, self.y)
        scores = search.cv_results_["mean_test_score"]
        assert search.best_params_["dictionarylearning__alpha"] in alphas[:2]
        assert max(scores) > scores[2]  # where all codes are zero

    @pytest.mark.parametrize("frame", ["pandas", "polars"])
    def test_data_frames(self, frame):
        library = pytest.importorskip(frame)
        names = [f"pixel{i}" for i in range(12)]
        table = library.DataFrame(dict(zip(names, X.T, strict=True)))
        learner = fitted(DictionaryLearning, table).set_output(transform=frame)
        assert learner.feature_names_in_.tolist() == names
        code = learner.transform(table)
        assert isinstance(code, library.DataFrame)
        assert list(code.columns) == [f"dictionarylearning{i}" for i in range(4)]
        want = fitted(DictionaryLearning).transform(X)
        np.testing.assert_allclose(code.to_numpy(), want, atol=1e-10)
        both = learner.transform(table, return_gap=True)
        assert isinstance(both[0], library.DataFrame)
        assert isinstance(both[1], np.ndarray)

    def test_no_data_frame_of_another_library(self):
        torch, _ = pytest.importorskip("torch"), pytest.importorskip("pandas")
        learner = fitted(DictionaryLearning, torch.asarray(X)).set_output(transform="pandas")
        match = r"set_output\(transform='pandas'\).*torch on cpu.*transform='default'"
        with pytest.raises(ValueError, match=match):
            learner.transform(torch.asarray(X))

    @pytest.mark.parametrize("kind", [*LEARNERS, SparseCoder], ids=lambda kind: kind.__name__)
    def test_pickles(self, kind, tmp_path):
        learner = fitted(kind)
        joblib.dump(learner, tmp_path / "model.joblib")
        for again in (joblib.load(tmp_path / "model.joblib"), pickle.loads(pickle.dumps(learner))):
            np.testing.assert_array_equal(again.transform(X), learner.transform(X))

    @pytest.mark.parametrize("kind", LEARNERS, ids=lambda kind: kind.__name__)
    @pytest.mark.parametrize("stop", [None, 2])
    def test_scikit_learns_callbacks(self, kind, stop):
        """A task an iteration, begun and ended in order, with an estimator fitted that far."""
        seen = []

        class Watch:
            def setup(self, estimator, context):
                seen.append("setup")

            def teardown(self, estimator, context):
                seen.append("teardown")

            def on_fit_task_begin(self, estimator, context):
                seen.append(("begin", context.task_name, context.task_id))

            def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
                seen.append(("end", context.task_name, context.task_id))
                assert fitted_estimator.transform(X).shape == (60, 4)
                assert y is X
                return context.task_id + 1 == stop if context.parent else False

        learner = (
            kind(4, alpha=0.1, max_iter=3, random_state=0, tol=0).set_callbacks(Watch()).fit(X)
        )
        steps = len(learner.history_)
        assert steps == stop or (stop is None and steps >= 3)
        tasks = [(w, "iteration", i) for i in range(steps) for w in ("begin", "end")]
        root = [(w, "fit", 0) for w in ("begin", "end")]
        assert seen == ["setup", root[0], *tasks, root[1], "teardown"]

    def test_scoring_monitor_and_progress_bar(self, capsys):
        from sklearn.callback import ProgressBar, ScoringMonitor

        def fit(estimator, X, y):
            code = estimator.transform(X)
            rest = y - estimator.inverse_transform(code)
            return -float(0.5 * (rest**2).sum() + estimator.alpha * np.abs(code).sum())

        monitor = ScoringMonitor(scoring={"fit": fit})
        learner = DictionaryLearning(4, alpha=0.1, max_iter=6, transform_algorithm="lasso_cd")
        learner.set_callbacks(monitor, ProgressBar()).fit(X)
        scores = [row["fit"] for row in monitor.get_logs().data if row["task_name"] != "fit"]
        assert len(scores) == learner.n_iter_
        assert scores[-1] > scores[0]
        assert "DictionaryLearning" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"fit_algorithm": "foo"}, r"fit_algorithm='foo' is not known"),
        ({"transform_algorithm": "cd"}, r"transform_algorithm='cd'.*mean 'lasso_cd'"),
        ({"transform_alpha": "x"}, r"transform_alpha must be a real number"),
        ({"transform_alpha": -1}, r"transform_alpha"),
    ],
)
@pytest.mark.parametrize("kind", [DictionaryLearning, MiniBatchDictionaryLearning])
def test_a_wrong_parameter_is_named(kind, options, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        kind(3, alpha=0.1, **options).fit(X).transform(X)


class TestFiles:
    """Models in files without pickle, and to and from scikit-learn."""

    @pytest.mark.parametrize("kind", [*LEARNERS, SparseCoder], ids=lambda kind: kind.__name__)
    def test_saved_and_loaded(self, kind, tmp_path, backend: BackendCase):
        learner = fitted(kind)
        learner.save(tmp_path / "model.safetensors")
        again = gpudict.load(tmp_path / "model.safetensors")
        assert type(again) is kind
        assert {k for k in vars(again) if k.endswith("_")} == {
            k for k in vars(learner) if k.endswith("_")
        }
        for name, value in learner.get_params().items():
            np.testing.assert_array_equal(getattr(again, name), value)
        np.testing.assert_array_equal(again.transform(X), learner.transform(X))
        if kind is not SparseCoder:
            assert again.history_ == learner.history_
        dX = backend.asarray(X)
        moved = gpudict.load(tmp_path / "model.safetensors", like=dX)
        np.testing.assert_allclose(host(moved.transform(dX)), learner.transform(X), atol=1e-9)

    @pytest.mark.parametrize(
        "seed",
        [
            3,
            np.random.RandomState(3),
            *(np.random.Generator(getattr(np.random, bits)(3)) for bits in _files.BITS),
        ],
        ids=["int", "RandomState", *_files.BITS],
    )
    def test_learning_goes_on(self, seed, tmp_path):
        """The past and the random numbers are in the file, and the features' names."""
        pandas = pytest.importorskip("pandas")
        table = pandas.DataFrame(X, columns=[f"f{i}" for i in range(12)])
        learner = MiniBatchDictionaryLearning(8, alpha=3.0, random_state=seed).partial_fit(table)
        assert learner.history_[0].unused  # so that random numbers are drawn
        learner.save(tmp_path / "model")
        again = gpudict.load(tmp_path / "model")
        assert again.feature_names_in_.tolist() == learner.feature_names_in_.tolist()
        for one in (again, learner):
            one.partial_fit(table)
        np.testing.assert_array_equal(again.components_, learner.components_)

    def test_where_there_is_no_folder(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="nowhere"):
            fitted(DictionaryLearning).save(tmp_path / "nowhere" / "model")

    def test_what_is_no_data_is_left_out(self, tmp_path):
        learner = fitted(DictionaryLearning, callback=lambda found: None)
        with pytest.warns(UserWarning, match="parameters/callback is a function and is left out"):
            learner.save(tmp_path / "model")
        assert gpudict.load(tmp_path / "model").callback is None

    def test_other_files(self, tmp_path):
        from safetensors.numpy import save_file

        (tmp_path / "text").write_text("hello, this is no model at all")
        with pytest.raises(ValueError, match=r"is not a safetensors file.*save"):
            gpudict.load(tmp_path / "text")
        save_file({"weight": np.ones(2)}, tmp_path / "other")
        with pytest.raises(ValueError, match=r"no model of gpudict.*save"):
            gpudict.load(tmp_path / "other")
        model = '{"format": 99, "version": "9.0"}'
        save_file({"weight": np.ones(2)}, tmp_path / "newer", metadata={"gpudict": model})
        with pytest.raises(ValueError, match=r"format 99, written by gpudict 9\.0.*newer"):
            gpudict.load(tmp_path / "newer")

    @pytest.mark.parametrize(
        "change",
        [
            {"estimator": "load", "parameters": {"path": "elsewhere"}},
            {"estimator": ["SparsePCA"]},
            {"fitted": {"transform": 5}},
            {"fitted": {"__class__": 5}},
            {"fitted": {"x_": {"#": "array", "name": "absent"}}},
            {"fitted": {"x_": {"#": "unknown"}}},
            {"fitted": {"x_": {"#": "Generator", "state": {"bit_generator": "seed"}}}},
            {"parameters": {"no_such": 1}},
            {"format": "1"},
        ],
    )
    def test_hostile_files(self, change, tmp_path, monkeypatch: pytest.MonkeyPatch):
        """A file names data, and nothing that is called or replaced."""
        from safetensors.numpy import save_file

        called = []
        monkeypatch.setattr(np.random, "seed", lambda *_: called.append("seed"))
        model = {"format": 1, "version": "1", "estimator": "SparsePCA", "parameters": {}}
        model |= {"fitted": {}} | change
        save_file({"a": np.ones(2)}, tmp_path / "m", metadata={"gpudict": json.dumps(model)})
        with pytest.raises(ValueError, match=r"save\(\) wrote") as raised:
            gpudict.load(tmp_path / "m")
        assert "Recursion" not in str(raised.value)
        assert not called

    @pytest.mark.parametrize("text", ["[1", "[]", "5", "[" * 100_000])
    def test_other_words(self, text, tmp_path):
        from safetensors.numpy import save_file

        save_file({"a": np.ones(2)}, tmp_path / "m", metadata={"gpudict": text})
        with pytest.raises(ValueError, match="no model of gpudict"):
            gpudict.load(tmp_path / "m")

    @pytest.mark.parametrize("kind", [*LEARNERS, SparseCoder], ids=lambda kind: kind.__name__)
    def test_there_and_back(self, kind):
        learner = fitted(kind)
        there = learner.to_sklearn()
        assert type(there) is getattr(theirs, kind.__name__)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            np.testing.assert_allclose(there.transform(X), learner.transform(X), atol=1e-4)
        back = kind.from_sklearn(there)
        np.testing.assert_array_equal(back.transform(X), learner.transform(X))
        torch = pytest.importorskip("torch")
        moved = kind.from_sklearn(there, like=torch.asarray(X))
        assert isinstance(moved.transform(torch.asarray(X)), torch.Tensor)

    def test_both_go_on_learning(self, monkeypatch: pytest.MonkeyPatch):
        """Alike, if we forgot as scikit-learn does."""
        monkeypatch.setattr(online, "forget", oracles.scikit_learns_forgetting(50))
        data, start = problems.on_the_sphere(1)
        options = {"alpha": 0.15, "fit_algorithm": "cd", "dict_init": start, "random_state": 0}
        options |= {"transform_max_iter": 50_000}
        learner = MiniBatchDictionaryLearning(8, **options).partial_fit(data[:50])
        there = learner.to_sklearn().partial_fit(data[50:])
        again = MiniBatchDictionaryLearning.from_sklearn(learner.to_sklearn())
        for one in (again, learner):
            one.partial_fit(data[50:])
        np.testing.assert_allclose(there.components_, learner.components_, atol=1e-5)
        np.testing.assert_array_equal(again.components_, learner.components_)

    def test_what_can_not_go_there(self):
        with pytest.raises(ValueError, match=r"fit_algorithm='omp' has no counterpart.*'cd'"):
            DictionaryLearning(fit_algorithm="omp").to_sklearn()
        with pytest.raises(TypeError, match="needs scikit-learn's SparsePCA, but a PCA came"):
            SparsePCA.from_sklearn(theirs.PCA())
        there = DictionaryLearning(
            fit_algorithm="fista",
            transform_algorithm="lasso_ista",
            dict_init="data",
            callback=print,
        ).to_sklearn()
        assert (there.fit_algorithm, there.transform_algorithm) == ("cd", "lasso_cd")
        assert there.callback is there.dict_init is None
