"""Estimators among scikit-learn's tools: pipelines, searches, DataFrames, pickles."""

from __future__ import annotations

import pickle

import joblib
import numpy as np
import pytest
import scipy.sparse
import sklearn

from gpudict import DictionaryLearning, SparseCoder, dict_learning
from tests.support.backends import CASES
from tests.support.estimators import LEARNERS, X, fitted

RUN = {"alpha": 0.1, "max_iter": 2, "random_state": 0}


class TestTools:
    """Pipelines, searches, DataFrames, pickles."""

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

    def test_codes_that_a_pipeline_trains_on(self):
        """By default the fit's, as in scikit-learn; else what it predicts with, split and all."""
        for algorithm in ("omp", "threshold", "lasso_cd"):
            learner = DictionaryLearning(4, transform_algorithm=algorithm, split_sign=True, **RUN)
            fits = learner.fit_transform(X)
            np.testing.assert_allclose(fits, dict_learning(X, 4, **RUN)[0], atol=1e-12)
            again = learner.set_params(fit_transform_codes="transform").fit_transform(X)
            np.testing.assert_array_equal(again, learner.fit(X).transform(X))
            assert again.shape != fits.shape
        streamed = learner.fit_transform(scipy.sparse.csr_array(X))
        np.testing.assert_allclose(streamed, again, atol=1e-6)
        with pytest.raises(ValueError, match="fit_transform_codes='both' is not known"):
            learner.set_params(fit_transform_codes="both").fit_transform(X)

    @pytest.mark.filterwarnings("ignore:invalid value encountered in divide")  # StandardScaler's
    @pytest.mark.parametrize("name", ["torch-cpu", "strict-device1"])
    def test_a_pipeline_stays_where_its_data_are(self, name: str):
        """With scikit-learn's dispatch every step is in the library and on the device of X."""
        from sklearn.model_selection import GridSearchCV

        (case,) = (case for case in CASES if case.name == name)
        pytest.importorskip(case.requires)
        search = GridSearchCV(DictionaryLearning(max_iter=2), {"n_components": [2, 4]}, cv=2)
        want = self.pipeline().fit(X, self.y), search.fit(X).cv_results_["mean_test_score"]
        data, y = case.asarray(X), case.asarray(self.y)
        with sklearn.config_context(array_api_dispatch=True):
            pipe = self.pipeline().fit(data, y)
            assert pipe.predict(data).device == data.device
            assert pipe.score(data, y) == pytest.approx(want[0].score(X, self.y))
            found = search.fit(data).cv_results_["mean_test_score"]
        np.testing.assert_allclose(found, want[1], atol=1e-6)

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
