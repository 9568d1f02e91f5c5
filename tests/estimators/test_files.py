"""Models in files, without pickle: what is saved is loaded, and nothing in a file is run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import gpudict
from gpudict import DictionaryLearning, MiniBatchDictionaryLearning, SparseCoder
from gpudict.arrays import generators
from gpudict.arrays.files import contents
from gpudict.estimators._files import ADVICE
from tests.support.backends import BackendCase, host
from tests.support.estimators import LEARNERS, X, fitted


@pytest.mark.parametrize("kind", [*LEARNERS, SparseCoder], ids=lambda kind: kind.__name__)
def test_saved_and_loaded(kind, tmp_path, backend: BackendCase):
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
        *(np.random.Generator(getattr(np.random, bits)(3)) for bits in generators.BITS),
    ],
    ids=["int", "RandomState", *generators.BITS],
)
def test_learning_goes_on(seed, tmp_path):
    """The past and the random numbers are in the file, and the features' names."""
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=[f"f{i}" for i in range(12)])
    learner = MiniBatchDictionaryLearning(8, alpha=3.0, random_state=seed).partial_fit(table[:7])
    assert learner.history_[0].unused  # so that random numbers are drawn
    learner.save(tmp_path / "model")
    again = gpudict.load(tmp_path / "model")
    assert again.feature_names_in_.tolist() == learner.feature_names_in_.tolist()
    for one in (again, learner):
        one.partial_fit(table)
    np.testing.assert_array_equal(again.components_, learner.components_)


def test_where_there_is_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        fitted(DictionaryLearning).save(tmp_path / "nowhere" / "model")


def test_what_is_no_data_is_left_out(tmp_path):
    learner = fitted(DictionaryLearning, callback=lambda found: None)
    with pytest.warns(UserWarning, match="parameters/callback is a function and is left out"):
        learner.save(tmp_path / "model")
    assert gpudict.load(tmp_path / "model").callback is None


def test_other_files(tmp_path):
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
        {"fitted": {"mean_": {"#": "array", "name": "absent"}}},
        {"fitted": {"mean_": {"#": "unknown"}}},
        {"parameters": {"random_state": {"#": "Generator", "state": {"bit_generator": "seed"}}}},
        {"parameters": {"no_such": 1}},
        *({"format": wrong} for wrong in ("1", True, -1, 0, 1.0)),
        {"more": 1},
    ],
)
def test_hostile_files(change, tmp_path, monkeypatch: pytest.MonkeyPatch):
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


@pytest.mark.parametrize("text", ["[1", "[]", "5", "[" * 100_000, '{"format": 1, "format": 1}'])
def test_other_words(text, tmp_path):
    from safetensors.numpy import save_file

    save_file({"a": np.ones(2)}, tmp_path / "m", metadata={"gpudict": text})
    with pytest.raises(ValueError, match="no model of gpudict"):
        gpudict.load(tmp_path / "m")


def test_a_file_of_the_format_before():
    """It had one memory of online learning, which becomes both."""
    old = Path(__file__).parents[1] / "fuzz/corpus/load/MiniBatchDictionaryLearning.model"
    learner = gpudict.load(old)
    assert json.loads(contents(old, ADVICE)[1])["format"] == 1
    for memory in learner.past_.recent, learner.past_.long:
        np.testing.assert_array_equal(memory.gram, learner._A)
    assert learner.past_.seen == learner.n_steps_ * learner.batch_size
    assert learner.partial_fit(X[:9]).n_steps_ == learner.past_.step == 2
