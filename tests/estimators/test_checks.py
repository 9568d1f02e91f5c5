"""scikit-learn's checks of an estimator, its parameters, and sentences about wrong ones."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.decomposition as theirs
from sklearn.utils._test_common import instance_generator as instances
from sklearn.utils.estimator_checks import parametrize_with_checks

from gpudict import (
    DictionaryLearning,
    MiniBatchDictionaryLearning,
    MiniBatchSparsePCA,
    SparseCoder,
    SparsePCA,
)
from tests.support.estimators import LEARNERS, V, X

WEIGHTS = tuple(f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse"))
ARRAYS = ("check_array_api_input", "check_array_api_mixed_inputs", "check_array_api_same_namespace")


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
        special |= dict.fromkeys(WEIGHTS, weighted[kind]) if kind in weighted else {}
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
    """Name for name and default for default, but for the solver of a fit; there may be more."""
    ours, other = kind, getattr(theirs, kind.__name__)
    given = (V,) if kind is SparseCoder else ()
    mine, yours = ours(*given).get_params(), other(*given).get_params()
    assert yours.keys() <= mine.keys()
    different = {name for name in yours if mine[name] is not yours[name] != mine[name]}
    assert different <= {"fit_algorithm", "method"}
    public = {n for n in dir(other) if not n.startswith("_")}
    assert public <= set(dir(ours))


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
