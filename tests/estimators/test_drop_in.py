"""In the place of scikit-learn's and SPAMS's, in packages that users have; each if it is there."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict.datasets import make_sparse_coded_signal

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of theirs


def test_anndata(tmp_path):
    """Codes of cells in obsm, programmes of genes in varm; both are read again."""
    anndata = pytest.importorskip("anndata")
    cells = anndata.AnnData(np.random.default_rng(0).poisson(1.0, (60, 12)).astype("float32"))
    learner = gpudict.DictionaryLearning(
        4, alpha=0.5, max_iter=5, transform_algorithm="lasso_cd", random_state=0
    )
    cells.obsm["X_code"] = learner.fit(cells.X).transform(cells.X)
    cells.varm["atoms"] = learner.components_.T
    cells.write_h5ad(tmp_path / "cells.h5ad")
    again = gpudict.encode(
        gpudict.stream(tmp_path / "cells.h5ad"), cells.varm["atoms"].T, alpha=0.5
    )
    np.testing.assert_allclose(again.Z, cells.obsm["X_code"], atol=1e-3)


def test_hyperspy():
    """Its decomposition by a mini-batch learner gives the atoms and maps of the learner."""
    hs = pytest.importorskip("hyperspy.api")
    X = np.random.default_rng(0).random((6, 7, 20))
    signal = hs.signals.Signal1D(X)
    learner = gpudict.MiniBatchDictionaryLearning(3, alpha=0.1, max_iter=3, random_state=0)
    signal.decomposition(algorithm=learner, output_dimension=3, print_info=False)
    factors = signal.get_decomposition_factors().data
    loadings = signal.get_decomposition_loadings().data
    assert factors.shape == (3, 20)
    assert loadings.shape == (3, 6, 7)
    alone = gpudict.MiniBatchDictionaryLearning(3, alpha=0.1, max_iter=3, random_state=0)
    alone.fit(X.reshape(42, 20))
    cosines = np.abs(gpudict.match_atoms(factors, alone.components_).cosines)
    np.testing.assert_allclose(cosines, 1, atol=1e-6)


def test_nilearn(monkeypatch: pytest.MonkeyPatch):
    """Its DictLearning with our `dict_learning_online` finds regions as with scikit-learn's."""
    module = pytest.importorskip("nilearn.decomposition.dict_learning")
    from nilearn.image import new_img_like

    nibabel = pytest.importorskip("nibabel")
    rng = np.random.default_rng(0)
    maps = np.zeros((3, 9, 9, 9))
    maps[0, :3, :3], maps[1, 5:, 5:], maps[2, :3, 6:] = 1, 1, 1
    volumes = np.einsum("kxyz,kt->xyzt", maps, rng.standard_normal((3, 40)))
    volumes += 0.1 * rng.standard_normal(volumes.shape)
    images = nibabel.Nifti1Image(volumes.astype("float32"), np.eye(4))
    mask = new_img_like(images, np.ones((9, 9, 9), "int8"))
    found = []
    for function in (module.dict_learning_online, gpudict.dict_learning_online):
        monkeypatch.setattr(module, "dict_learning_online", function)
        learner = module.DictLearning(3, alpha=1, random_state=0, mask=mask, smoothing_fwhm=None)
        found.append(learner.fit(images).components_)
    assert np.abs(gpudict.match_atoms(found[1], maps.reshape(3, -1)).cosines).min() > 0.9
    assert np.abs(gpudict.match_atoms(found[1], found[0]).cosines).min() > 0.9


def test_vahadane_by_spams():
    """Stains of tissue: an objective no higher than SPAMS's of the same recipe, to 1e-4."""
    spams = pytest.importorskip("spams")
    rng = np.random.default_rng(0)
    stains = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])
    amounts = rng.gamma(1.0, 0.5, (3000, 2)) * (rng.random((3000, 2)) < [0.4, 0.7])
    X = amounts @ stains + 0.01 * rng.standard_normal((3000, 3))
    asked = {"K": 2, "lambda1": 0.1, "mode": 2, "modeD": 0, "posAlpha": True, "posD": True}
    theirs = spams.trainDL(np.asfortranarray(X.T), iter=100, verbose=False, **asked).T
    positive = {"positive_code": True, "positive_dict": True}
    ours = gpudict.learn(X, 2, alpha=0.1, dict_init="data", random_state=0, **positive).dictionary
    costs = []
    for V in (ours, np.ascontiguousarray(theirs)):
        Z = gpudict.encode(X, V, alpha=0.1, positive=True).Z
        costs.append(0.5 * np.sum((X - Z @ V) ** 2) + 0.1 * Z.sum())
    assert costs[0] <= costs[1] * (1 + 1e-4)
    assert np.abs(gpudict.match_atoms(ours, theirs).cosines).min() > 0.999


def test_a_picture_is_denoised_as_in_their_gallery():
    """Atoms of clean patches and OMP of two atoms: a lower error than the noisy picture's."""
    from sklearn.datasets import load_sample_image
    from sklearn.feature_extraction.image import extract_patches_2d, reconstruct_from_patches_2d

    clean = load_sample_image("china.jpg").mean(axis=2)[:80:, 200:280] / 255
    noisy = clean + 0.1 * np.random.default_rng(0).standard_normal(clean.shape)
    patches = extract_patches_2d(clean, (7, 7)).reshape(-1, 49)
    patches = (patches - patches.mean(axis=0)) / patches.std(axis=0)
    learner = gpudict.MiniBatchDictionaryLearning(
        50, alpha=1, batch_size=200, max_iter=4, random_state=0
    ).fit(patches)
    data = extract_patches_2d(noisy, (7, 7)).reshape(-1, 49)
    mean = data.mean(axis=0)
    learner.set_params(transform_algorithm="omp", transform_n_nonzero_coefs=2)
    found = learner.transform(data - mean) @ learner.components_ + mean
    made = reconstruct_from_patches_2d(found.reshape(-1, 7, 7), clean.shape)
    assert np.linalg.norm(made - clean) < 0.6 * np.linalg.norm(noisy - clean)


def test_signals_have_their_documented_shape():
    """scikit-learn's own example of `dict_learning` runs with its names."""
    X, dictionary, code = make_sparse_coded_signal(
        n_samples=30, n_components=15, n_features=20, n_nonzero_coefs=10, random_state=42
    )
    U, V, errors = gpudict.dict_learning(X, n_components=15, alpha=0.1, random_state=42)
    assert np.mean(U == 0) > 0.3
    assert np.mean(np.sum((U @ V - X) ** 2, axis=1) / np.sum(X**2, axis=1)) < 0.1
    assert len(errors) > 0
    assert code.shape == U.shape
    assert dictionary.shape == V.shape
