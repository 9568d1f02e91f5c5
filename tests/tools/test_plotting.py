"""Pictures: what is drawn is what the atoms, codes and histories are, wherever those come from."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.sparse import csc_array

import gpudict
from gpudict.learning.records import Learned, Progress, State
from gpudict.solvers.records import Solution
from tests.support import backends

figures = pytest.importorskip("matplotlib.figure")
pyplot = pytest.importorskip("matplotlib.pyplot")
plotting = gpudict.plotting

rng = np.random.default_rng(0)
V = rng.standard_normal((7, 12))
V /= np.linalg.norm(V, axis=1, keepdims=True)
U = rng.standard_normal((20, 7)) * (rng.random((20, 7)) < 0.3)
U[:, 4] = 0  # a dead atom
MASK = np.zeros((5, 6), bool)
MASK.flat[rng.choice(30, 20, replace=False)] = True
HISTORY = [Progress(i, 9.0 / (i + 1), 1e-3 / (i + 1), 0, i) for i in range(4)]


def fresh():
    return figures.Figure().add_subplot()


def torch_of(a):
    return pytest.importorskip("torch").asarray(np.array(a))


def sparse_torch_of(a):
    """Return a sparse tensor in which zeros stand too."""
    places = torch_of(np.argwhere(np.ones_like(a)).T)
    torch = pytest.importorskip("torch")
    return torch.sparse_coo_tensor(
        places, torch_of(a).flatten(), a.shape, is_coalesced=True, check_invariants=False
    )


def learned(V=V, U=U, past=None):
    objective = np.array([one.objective for one in HISTORY])
    return Learned(V, U, objective, np.full(20, 0.01), True, 4, HISTORY, past)


def coder(V):
    return gpudict.SparseCoder(V)


def tiles(ax, k, shape):
    """Cut the image of the Axes into k tiles of a shape, by their places alone."""
    (image,) = (np.ma.filled(one.get_array(), np.nan) for one in ax.images)
    gap = next(g for g in range(1, 9) if (image.shape[0] + g) % (shape[0] + g) == 0)
    wide = next(g for g in range(1, 9) if (image.shape[1] + g) % (shape[1] + g) == 0)
    columns = (image.shape[1] + wide) // (shape[1] + wide)
    found = []
    for i in range(k):
        top, left = i // columns * (shape[0] + gap), i % columns * (shape[1] + wide)
        found.append(image[top : top + shape[0], left : left + shape[1]])
    return np.array(found)


ATOMS = {  # how atoms come
    "numpy": np.asarray,
    "torch": torch_of,
    "strict": backends.on_device1,
    "list": np.ndarray.tolist,
    "estimator": coder,
    "fitted": lambda V: coder(V).fit(V),
    "learned": lambda V: learned(V, None),
}
CODES = {  # and codes
    "numpy": np.asarray,
    "torch": torch_of,
    "strict": backends.on_device1,
    "list": np.ndarray.tolist,
    "scipy": csc_array,
    "torch sparse": sparse_torch_of,
    "stream": lambda U: gpudict.stream(U, batch_size=6),
    "dask": lambda U: pytest.importorskip("dask.array").from_array(U, chunks=(7, 7)),
    "solution": lambda U: Solution(torch_of(U), U[:, 0], U[:, 0], 1, []),
    "learned": lambda U: learned(V, U),
}
GREY = 0.5 + 0.5 * V / np.abs(V).max(axis=1, keepdims=True)
COSINES = np.abs(V @ V.T)
X = np.linspace(400, 700, 12)
OF_ATOMS = {  # what is drawn of atoms, what is seen of it, and what shall be
    "images": (
        lambda V: plotting.plot_atoms(V, (3, 4), ax=fresh()),
        lambda ax: tiles(ax, 7, (3, 4)),
        GREY.reshape(7, 3, 4),
    ),
    "colours": (
        lambda V: plotting.plot_atoms(V, (2, 2, 3), ax=fresh()),
        lambda ax: tiles(ax, 7, (2, 2))[..., :3],
        GREY.reshape(7, 2, 2, 3),
    ),
    "series": (
        lambda V: plotting.plot_atoms(V, ax=fresh()),
        lambda ax: (
            np.array([line.get_ydata() for line in ax.lines]) - np.array(ax.get_yticks())[:, None]
        ),
        V,
    ),
    "most used": (
        lambda V: plotting.plot_atoms(
            V, kind="series", use=[0, 1, 5, 0, 0, 9, 0], most=3, ax=fresh()
        ),
        lambda ax: np.array([float(label.get_text()) for label in ax.get_yticklabels()]),
        np.array([5, 2, 1]),
    ),
    "spectra": (
        lambda V: plotting.plot_atoms(V, x=X, xlabel="wavelength (nm)", ax=fresh()),
        lambda ax: np.array([line.get_xydata() for line in ax.lines[1:]]),
        np.stack([np.broadcast_to(X, V.shape), V], axis=2),
    ),
    "cosines": (
        lambda V: plotting.plot_coherence(V, ax=fresh()),
        lambda ax: ax.patches[0].get_data().values,
        np.histogram(COSINES[np.triu_indices(7, 1)], 50, (0, 1))[0],
    ),
    "matrix": (
        lambda V: plotting.plot_coherence(V, "matrix", ax=fresh()),
        lambda ax: ax.images[0].get_array().data,
        COSINES,
    ),
}
PLACED = np.full((7, *MASK.shape), np.nan)
PLACED[:, MASK] = U.T
OF_CODES = {
    "sparsity": (
        lambda U: plotting.plot_sparsity(U, ax=fresh()),
        lambda ax: np.array([bar.get_height() for bar in ax.patches]),
        np.bincount((U != 0).sum(axis=1))[(U != 0).sum(axis=1).min() :],
    ),
    "use": (
        lambda U: plotting.plot_use(U, ax=fresh()),
        lambda ax: ax.patches[1].get_data().values,
        np.sort((U != 0).mean(axis=0) * 100)[::-1],
    ),
    "maps": (
        lambda U: plotting.plot_maps(U, (5, 4), components=[2, 4, 0, 2], ax=fresh()),
        lambda ax: tiles(ax, 4, (5, 4)),
        U.T[[2, 4, 0, 2]].reshape(4, 5, 4),
    ),
    "masked": (
        lambda U: plotting.plot_maps(U, MASK, ax=fresh()),
        lambda ax: tiles(ax, 7, MASK.shape),
        PLACED[np.argsort(-(U**2).sum(axis=0), kind="stable")],
    ),
}
TABLE = {
    f"{name} of {kind}": (given, form, *picture)
    for given, forms, pictures in ((V, ATOMS, OF_ATOMS), (U, CODES, OF_CODES))
    for name, picture in pictures.items()
    for kind, form in forms.items()
}


@pytest.mark.parametrize(("given", "form", "draw", "seen", "expected"), TABLE.values(), ids=TABLE)
def test_what_is_drawn(given, form, draw, seen, expected):
    np.testing.assert_allclose(seen(draw(form(given))), expected, rtol=1e-12, atol=1e-12)


def test_words_on_the_axes():
    """Names and units stand at the axes, and in the title what a reader looks for."""
    use, sparsity = (draw(U, ax=fresh()) for draw in (plotting.plot_use, plotting.plot_sparsity))
    assert use.get_title() == "1 of 7 atoms is used by no row"
    assert (
        sparsity.get_title()
        == f"A row has {np.median((U != 0).sum(axis=1)):g} non-zeros of 7 (median)"
    )
    coherent = plotting.plot_coherence(V, ax=fresh())
    assert coherent.get_title() == f"Coherence {np.triu(COSINES, 1).max():.4g}"
    many = plotting.plot_atoms(np.tile(V, (100, 1)), (3, 4), ax=fresh())
    assert many.get_title() == "256 of 700 atoms"
    pairs = plotting.plot_coherence(np.tile(V, (100, 1)), ax=fresh()).patches[0].get_data().values
    assert pairs.sum() == 700 * 699 / 2
    named = plotting.plot_atoms(V, x=X, xlabel="wavelength (nm)", ax=fresh())
    assert (named.get_xlabel(), named.get_ylabel()) == ("wavelength (nm)", "amplitude")
    for ax in (use, sparsity, coherent, named):
        assert ax.get_xlabel()
        assert ax.get_ylabel()


@pytest.mark.parametrize("d", [9, 20, 64])
def test_what_atoms_are_taken_for(d):
    """Images where they are square, and series else; zero atoms and positive ones have a grey."""
    atoms = np.abs(rng.standard_normal((3, d)))
    atoms[1] = 0
    ax = plotting.plot_atoms(atoms, ax=fresh())
    assert bool(ax.images) == (d != 20)
    if ax.images:
        shown = tiles(ax, 3, (math.isqrt(d),) * 2).reshape(3, d)
        np.testing.assert_allclose(shown, atoms / atoms.max(axis=1, keepdims=True, initial=1e-9))


def test_models_know_their_use():
    """Those most used come first where a model has codes, or the statistics of online learning."""
    data, _, _ = gpudict.datasets.make_sparse_coded_signal(
        60, n_components=8, n_features=6, n_nonzero_coefs=2, random_state=0
    )
    online = gpudict.learn_online(data, 8, alpha=0.1, max_iter=1, batch_size=20, random_state=0)
    energy = np.diagonal(online.past.long.gram)
    for model, use in ((online, energy), (learned(), (U**2).sum(axis=0))):
        ax = plotting.plot_atoms(model, kind="series", ax=fresh())
        order = [int(label.get_text()) for label in ax.get_yticklabels()]
        assert order == np.argsort(-use, kind="stable").tolist()
        assert ax.get_title().endswith("the most used first")


@pytest.mark.parametrize("form", [lambda model: model, lambda model: model.history])
def test_the_band_of_the_certificate(form):
    """It goes down from the objective by a bound that is at least the sum of the gaps of rows."""
    data = rng.standard_normal((40, 6))
    model = gpudict.learn(data, 5, alpha=0.3, max_iter=4, tol=0.0)
    energy = 0.5 * (data**2).sum()
    ax = plotting.plot_history(form(model), energy=energy, ax=fresh())
    x, y = ax.lines[0].get_data()
    np.testing.assert_array_equal(x, [1, 2, 3, 4])
    np.testing.assert_array_equal(y, model.objective)
    gaps = np.array([one.gap for one in model.history])
    (band,) = ax.collections
    corners = band.get_paths()[0].vertices
    for i in range(4):
        low, high = (f(corners[corners[:, 0] == i + 1, 1]) for f in (np.min, np.max))
        assert (low, high) == pytest.approx((y[i] - gaps[i] * energy, y[i]), rel=1e-15)
    assert gaps[-1] * energy >= model.gap.sum()
    excess = plotting.plot_history(form(model), "excess", energy=energy, ax=fresh())
    above, total = (line.get_ydata() for line in excess.lines)
    np.testing.assert_allclose(above[:-1], y[:-1] - y.min())
    np.testing.assert_allclose(total, gaps * energy)
    assert excess.get_yscale() == "log"
    gap = plotting.plot_history(form(model), "gap", ax=fresh())
    np.testing.assert_array_equal(gap.lines[0].get_ydata(), gaps)


def test_histories_of_all_kinds():
    """The bar of kept gaps, objectives alone and where they fall far, and who learned online."""
    ax = plotting.plot_history(learned(), ax=fresh())
    ((low, high),) = (path.vertices[:, 1] for path in ax.collections[0].get_paths())
    assert (low, high) == pytest.approx((9 / 4 - 20 * 0.01, 9 / 4))
    alone = plotting.plot_history(torch_of([100.0, 20.0, 5.0]), ax=fresh())
    np.testing.assert_array_equal(alone.lines[0].get_ydata(), [100, 20, 5])
    assert (alone.get_yscale(), ax.get_yscale()) == ("log", "linear")
    online = plotting.plot_history(learned(past=State(*[None] * 6)), ax=fresh())
    assert (online.get_xlabel(), online.get_ylabel()) == ("mini-batch", "objective per sample")
    assert not online.collections


def test_the_path():
    """Sorted by alpha; the variance has an axis of its own, in per cent."""
    ax = plotting.plot_path(torch_of([1.0, 0.01, 0.1]), [0, 9, 4], [0.0, 0.9, 0.5], ax=fresh())
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[0.01, 9], [0.1, 4], [1, 0]])
    (other,) = (one for one in ax.figure.axes if one is not ax)
    np.testing.assert_allclose(other.lines[0].get_ydata(), [90, 50, 0])
    assert ax.get_xscale() == "log"
    assert (ax.get_xlabel(), other.get_ylabel()) == ("alpha", "explained variance (%)")


def test_without_axes_there_is_a_new_figure():
    """It is pyplot's, so that it can be shown; what was drawn before is not drawn over."""
    pyplot.switch_backend("agg")
    _, before = pyplot.subplots()
    ax = plotting.plot_use(U)
    assert pyplot.gca() is ax
    assert not before.patches
    given = fresh()
    assert plotting.plot_use(U, ax=given) is given
    assert pyplot.gca() is ax
    pyplot.close("all")


WRONG = {
    "no atoms": (lambda: plotting.plot_atoms(gpudict.DictionaryLearning()), "Call fit first"),
    "no image": (lambda: plotting.plot_atoms(V, (5, 5)), r"h·w = 12"),
    "no kind": (lambda: plotting.plot_atoms(V, kind="picture"), "kind='picture'"),
    "other use": (lambda: plotting.plot_atoms(V, use=[1, 2]), "each of the 7 atoms"),
    "NaN": (lambda: plotting.plot_use([[1.0, np.nan]]), "Pass finite codes"),
    "flat codes": (lambda: plotting.plot_use(V[0]), r"\(n, k\) is needed"),
    "model's codes": (lambda: plotting.plot_sparsity(coder(V)), "its transform"),
    "no history": (lambda: plotting.plot_history(coder(V)), "has no history"),
    "no gaps": (lambda: plotting.plot_history([1.0], "gap"), "Pass the history"),
    "pixels": (lambda: plotting.plot_maps(U, (3, 3)), "20 codes came for 9 pixels"),
    "no place": (lambda: plotting.plot_maps(U, 20), "where is neither"),
    "no such atom": (lambda: plotting.plot_maps(U, MASK, components=[7]), "from 0 to 6"),
    "no atom": (lambda: plotting.plot_maps(U, MASK, components=[]), "numbers of some atoms"),
    "lengths": (lambda: plotting.plot_path([1.0, 2.0], [3]), "each of the 2 alphas"),
}


@pytest.mark.parametrize(("call", "said"), WRONG.values(), ids=WRONG)
def test_what_can_not_be_drawn(call, said):
    """A sentence, before any figure is made."""
    with pytest.raises((TypeError, ValueError), match=said):
        call()
    assert not pyplot.get_fignums()


def test_the_picture_of_a_denoising():
    from gpudict.tools.picture import denoising_figure

    image, atoms = rng.random((20, 30)), rng.standard_normal((10, 9))
    drawn = denoising_figure(
        image, image, atoms, np.array([3.0, 2.0, 1.0]), psnr=(20.0, 25.5), gap=1e-9
    )
    titles = [axes.get_title() for axes in drawn.axes]
    assert len(titles) == 4
    assert any("25.5 dB" in title for title in titles)
    assert titles[2] == "10 atoms, the most used first"
    np.testing.assert_array_equal(drawn.axes[3].lines[0].get_ydata(), [3, 2, 1])
