"""The report: one file that needs nothing, which says what is so."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from scipy.sparse import csr_array

import gpudict
from gpudict.tools.report import judged, write_report
from gpudict.tools.report.figures import picture
from gpudict.tools.report.judged import Judged
from tests.support.estimators import LEARNERS, fitted

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

SLOW = (gpudict.MiniBatchSparsePCA, gpudict.SparseCoder)  # much like others
KINDS = [
    pytest.param(kind, id=kind.__name__, marks=[pytest.mark.slow] if kind in SLOW else [])
    for kind in (*LEARNERS, gpudict.SparseCoder)
]
DATA = np.random.default_rng(1).standard_normal((50, 12)) + 0.5
DATA[3] = 0
ALONE = {"br", "image", "link", "meta", "img", "path", "use"}  # elements without an end


class Odd(int):
    """A parameter that is written as what a page may not have in it."""

    def __str__(self):
        return "<script>"


class Page(HTMLParser):
    """What stands in a page: elements with their attributes, text, and facts by section."""

    def __init__(self, path):
        super().__init__()
        self.elements, self.open, self.text, self.facts, self.section = [], [], "", {}, ""
        self.feed(path.read_text("utf-8"))
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in ALONE:
            self.open.append(tag)
        if tag == "data":
            self.facts[self.section, self.name] = dict(attributes)["value"]

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if tag not in ALONE:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += "" if "style" in self.open else data
        if "h2" in self.open:
            self.section = data
        elif "dt" in self.open:
            self.name = data

    def all(self, *tags):
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture(scope="module", params=KINDS)
def model(request):
    return fitted(request.param)


@pytest.fixture(scope="module")
def page(model, tmp_path_factory):
    """The report of a model that went through a file."""
    folder = tmp_path_factory.mktemp("report")
    model.save(folder / "model.safetensors")
    write_report(folder / "a.html", gpudict.load(folder / "model.safetensors"), DATA)
    return Page(folder / "a.html")


def test_it_needs_nothing_else(page):
    """No script, no style or image from elsewhere, no address but the names of SVG's."""
    assert not page.all("script", "link", "iframe", "object", "img")
    assert not page.open
    for _, attributes in page.elements:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("href", "src", "xlink:href"):
                assert value.startswith(("#", "data:image/png;base64,"))
            elif not name.startswith("xmlns"):
                assert "//" not in value
            assert all(one.startswith("#") for one in re.findall(r"url\((.)", value))


def test_everyone_can_read_it(page):
    """Its language, a view for phones, headings in order, pictures with words, no loose ends."""
    assert page.all("html") == [{"lang": "en"}]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all(
        "meta"
    )
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))
    pictures = page.all("svg")
    assert len(pictures) == len(page.all("figcaption")) >= 2
    for svg in pictures:
        assert svg["role"] == "img"
        assert len(svg["aria-label"]) > 4
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names))
    used = {
        name
        for _, attributes in page.elements
        for value in attributes.values()
        for name in re.findall(r"^#(.+)|url\(#(.+?)\)", value or "")
    }
    assert {a or b for a, b in used} <= set(names)
    assert not re.search(r"\b(nan|inf)\b", page.text, re.IGNORECASE)
    for _, attributes in page.elements:  # colours are the page's, light or dark
        assert not re.search(r"(fill|stroke): #", attributes.get("style", ""))


def test_it_says_what_is_so(model, page):
    """Each number as it is computed apart, from the model and the data."""
    atoms = getattr(model, "components_", getattr(model, "dictionary", None))
    unit = atoms / np.linalg.norm(atoms, axis=1, keepdims=True)
    code = model.transform(DATA)
    error = ((DATA - model.inverse_transform(code)) ** 2).sum()
    expected = {
        ("Atoms", "Atoms"): atoms.shape[0],
        ("Atoms", "Features"): 12,
        ("Atoms", "Coherence"): np.triu(np.abs(unit @ unit.T), 1).max(),
        ("On the data", "Rows"): 50,
        ("On the data", "Explained variance"): 1 - error / (50 * DATA.var(axis=0).sum()),
        ("On the data", "½‖X‖²"): 0.5 * (DATA**2).sum(),
        ("On the data", "‖X − UV‖²"): error,
    }
    if hasattr(model, "transform_algorithm"):
        gap = model.transform(DATA, return_gap=True)[1]
        unit = np.where((DATA == 0).all(axis=1), 1, 0.5 * (DATA**2).sum(axis=1))
        expected |= {
            ("On the data", "Rows converged"): np.mean(gap <= 1e-8 * unit),
            ("On the data", "Largest gap of a row, of ½‖x‖²"): (gap / unit).max(),
            ("On the data", "Median gap of a row, of ½‖x‖²"): np.median(gap / unit),
            ("On the data", "Total gap"): gap.sum(),
            ("Codes", "Non-zeros of a row, mean"): (code != 0).sum(axis=1).mean(),
            ("Codes", "Non-zeros of a row, median"): np.median((code != 0).sum(axis=1)),
            ("Codes", "Dead atoms"): (~code.any(axis=0)).sum(),
        }
    else:
        expected["Atoms", "Zeros of the components"] = (atoms == 0).mean()
    if hasattr(model, "history_"):
        online = hasattr(model, "past_")
        objectives = [one.objective for one in model.history_]
        last = objectives[-1] if online else min(objectives)
        name = "Last objective per sample" if online else "Lowest objective"
        expected["Learning", name] = last
    for name, value in expected.items():
        assert float(page.facts[name]) == pytest.approx(value, rel=1e-9, abs=1e-15), name
    parameters = {name: value for (part, name), value in page.facts.items() if part == "Model"}
    assert set(model.get_params()) <= set(parameters)
    assert parameters["Shape of the atoms"] == str(atoms.shape)


@pytest.mark.parametrize(
    "form",
    [
        csr_array,
        np.ndarray.tolist,
        lambda X: gpudict.stream(X, batch_size=7),
        lambda X: gpudict.stream([X[:30], X[30:]]),
        lambda X: pytest.importorskip("dask.array").from_array(X, chunks=(20, 12)),
        lambda X: pytest.importorskip("pandas").DataFrame(X),
        lambda X: pytest.importorskip("torch").asarray(X),
    ],
    ids=["sparse", "list", "stream", "batches", "dask", "frame", "torch"],
)
def test_data_of_all_kinds_are_judged_alike(monkeypatch, form):
    """In batches of eight rows, or as they come."""
    model, data = fitted(gpudict.DictionaryLearning), form(DATA)
    at_once = Judged.of(model, DATA)
    monkeypatch.setattr(judged, "NUMBERS", 100)
    found = Judged.of(model.to(data) if hasattr(data, "mT") else model, data)
    assert found.tally.rows.tolist() == at_once.tally.rows.tolist()
    for name in ("n", "explained", "energy", "error", "converged", "tol", "relative", "gap"):
        np.testing.assert_allclose(getattr(found, name), getattr(at_once, name), 1e-12, 1e-12)


def test_nothing_to_explain():
    """Rows that are all the same have no variance: there is no number, and none is made up."""
    assert Judged.of(fitted(gpudict.DictionaryLearning), np.ones((3, 12))).explained is None


def test_a_picture_is_the_same_again():
    """Whatever the user has set in matplotlib, which stays so."""
    import matplotlib

    draw = lambda ax: ax.plot([1, 2], [3, 1])  # noqa: E731
    before = picture("A", "b", draw)
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        assert picture("A", "b", draw) == before
        assert matplotlib.rcParams["font.size"] == 30


def test_many_atoms_some_of_them_dead(tmp_path):
    """Those most used are shown, and the numbers of the dead ones are told, some of them."""
    V = np.random.default_rng(0).standard_normal((400, 12))
    coder = gpudict.SparseCoder(V, split_sign=True, transform_n_nonzero_coefs=2, n_jobs=Odd(2))
    write_report(tmp_path / "a.html", coder, DATA, shape=(2, 2, 3))
    page = Page(tmp_path / "a.html")
    code = coder.transform(DATA)
    used = (code[:, :400] - code[:, 400:]).any(axis=0)
    assert page.facts["Codes", "Dead atoms"] == str((~used).sum())
    named = ", ".join(map(str, np.flatnonzero(~used)[:20])) + " …"
    assert page.facts["Codes", "Their numbers"] == named
    assert "256 of 400 atoms, the most used first." in page.text
    assert page.facts["On the data", "Certificate"].startswith("none")
    assert page.facts["Model", "n_jobs"] == "<script>"
    assert not page.all("script")


def test_what_learn_returns_has_a_report(tmp_path):
    learned = gpudict.learn(DATA, 5, alpha=0.5, max_iter=3)
    write_report(tmp_path / "a.html", learned)
    page = Page(tmp_path / "a.html")
    total = float(page.facts["Learning", "Total gap of the codes that were kept"])
    assert total == pytest.approx(learned.gap.sum())
    assert float(page.facts["Learning", "Lowest objective"]) == learned.objective.min()


@pytest.mark.parametrize(
    ("model", "X", "place", "kind", "said"),
    [
        (gpudict.DictionaryLearning(), None, "a.html", ValueError, "Call fit first"),
        (DATA, None, "a.html", TypeError, "a fitted estimator is needed"),
        (fitted(gpudict.SparseCoder), DATA[:0], "a.html", ValueError, "X has no rows"),
        (fitted(gpudict.SparseCoder), DATA[:, :3], "a.html", ValueError, "features"),
        (fitted(gpudict.SparseCoder), "unread", "no/a.html", FileNotFoundError, "no/a.html"),
    ],
)
def test_what_has_no_report(tmp_path, model, X, place, kind, said):
    """A sentence, and no file."""
    with pytest.raises(kind, match=said):
        write_report(tmp_path / place, model, X)
    assert not list(tmp_path.iterdir())
