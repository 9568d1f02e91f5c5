"""The command `gpudict`: each of its commands on a real file, and on all that is none.

What can't be done is one sentence and a status, and leaves no file; a terminal gets colours.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import types
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import gpudict
from gpudict import __main__ as process
from gpudict.arrays.sources import progress
from gpudict.tools import cli, images
from gpudict.tools.commands import data as reading
from gpudict.tools.commands import telling
from tests.support import problems

PIL = pytest.importorskip("PIL.Image")
N, D, K = 300, 16, 8
WAVE = 0.5 + 0.4 * np.sin(np.arange(24)[:, None] / 3 + np.arange(30) / 4)
WAVES = {"grey": WAVE, "colour": WAVE[..., None] * [1, 0.8, 0.5]}


def run(capsys, *words: object) -> tuple[int, str, str]:
    """Run the command: its status, what it said, what it complained of."""
    status = cli.main([str(word) for word in words])
    said = capsys.readouterr()
    return status, said.out, said.err


def told(capsys, *words: object) -> dict:
    """Run the command, which works, and return what it told programs."""
    status, said, complaint = run(capsys, *words, "--json")
    assert (status, complaint) == (0, "")
    return json.loads(said)


@pytest.fixture(scope="module")
def X() -> np.ndarray:
    X, _ = problems.signal(n=N, d=D, k=K)
    return X.astype("float32")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, X: np.ndarray) -> Path:
    """Good files: rows, a model of them, and a picture with noise."""
    folder = tmp_path_factory.mktemp("good")
    np.save(folder / "X.npy", X)
    _, V = problems.signal(n=N, d=D, k=K)
    how = {"transform_algorithm": "lasso_cd", "transform_alpha": 0.1}
    gpudict.SparseCoder(V.astype("float32"), **how).save(folder / "model")
    rng = np.random.default_rng(0)
    for name, image in WAVES.items():
        noisy = np.clip(image + 0.05 * rng.standard_normal(image.shape), 0, 1)
        PIL.fromarray(np.rint(255 * noisy).astype(np.uint8)).save(folder / f"{name}.png")
    return folder


@pytest.fixture(autouse=True)
def page(monkeypatch: pytest.MonkeyPatch):
    """What writes a report stands aside: it has tests of its own."""
    there = types.ModuleType("gpudict.tools.report")
    there.write_report = lambda path, model, X=None: Path(path).write_text(f"{model} {X}")
    monkeypatch.setitem(sys.modules, there.__name__, there)


# --- on real files -------------------------------------------------------------------------------


def test_learn_and_encode_and_path(X, room: Path, tmp_path: Path, capsys, monkeypatch):
    """A model is learned, its codes are the optimum, whatever file they go to, part by part."""
    monkeypatch.setattr(reading, "HELD", 4 * D * 70)
    model = tmp_path / "model"
    words = ("learn", room / "X.npy", "-k", K, "--alpha", 0.1, "-o", model, "--max-iter", 3)
    found = told(capsys, *words, "--batch-size", 50)
    assert (found["rows"], found["features"], found["atoms"]) == (N, D, K)
    assert found["largest_gap"] <= 1e-5
    assert found["steps"] <= 3 * N / 50
    costs = [step.objective for step in gpudict.load(model).history_]
    passes = [np.mean(costs[low : low + 6]) for low in range(0, len(costs) - 5, 6)]
    assert found["first_objective_a_row"] == pytest.approx(passes[0])
    assert found["last_objective_a_row"] == pytest.approx(passes[-1])
    assert list(tmp_path.iterdir()) == [model]  # no checkpoint stays
    learner = gpudict.load(model)
    assert learner.get_params()["batch_size"] == 50
    want = gpudict.encode(X, learner.components_, alpha=0.1)
    for name, read in {
        "c.npy": np.load,
        "c.npz": lambda path: sp.load_npz(path).toarray(),
        "c.csr": lambda path: next(iter(gpudict.stream(path))),
        "c.zarr": lambda path: pytest.importorskip("zarr").open(str(path), mode="r")[:],
    }.items():
        told_ = told(capsys, "encode", room / "X.npy", "--model", model, "-o", tmp_path / name)
        Z = read(tmp_path / name)
        np.testing.assert_allclose(Z, want.Z, atol=1e-5)
        assert Z.dtype == np.float32
        assert told_["nonzeros_a_row"] == np.count_nonzero(Z) / N
        assert told_["largest_gap"] <= 1e-5
        rest = X - Z @ learner.components_
        share = 1 - np.sum(rest**2) / np.sum((X - X.mean(axis=0)) ** 2)
        assert told_["explained_variance"] == pytest.approx(share, abs=1e-5)
    walk = told(capsys, "path", room / "X.npy", "--model", model, "--n-alphas", 4)["path"]
    assert [row["nonzeros_a_row"] for row in walk] == sorted(row["nonzeros_a_row"] for row in walk)
    (row,) = told(capsys, "path", room / "X.npy", "--model", model, "--alpha", 0.1)["path"]
    cost = 0.5 * np.sum((X - want.Z @ learner.components_) ** 2) + 0.1 * np.abs(want.Z).sum()
    assert row["objective_a_row"] == pytest.approx(cost / N, rel=1e-5)


def test_how_a_code_is_made_can_be_told(room: Path, tmp_path: Path, capsys):
    """As the model says, or by an alpha, or by a number of atoms, whose gap nobody knows."""
    words = ("encode", room / "X.npy", "--model", room / "model", "-o", tmp_path / "c.npz")
    first = told(capsys, *words)["nonzeros_a_row"]
    assert told(capsys, *words, "--alpha", 0.5)["nonzeros_a_row"] < first
    pursuit = told(capsys, *words, "--n-nonzero-coefs", 2)
    assert pursuit["nonzeros_a_row"] <= 2
    assert pursuit["largest_gap"] is None
    V, Z = gpudict.load(room / "model").dictionary, sp.load_npz(tmp_path / "c.npz")
    rest = np.load(room / "X.npy") - Z @ V
    assert pursuit["error_a_row"] == pytest.approx(np.sum(rest**2) / N, rel=1e-5)
    assert "gap" not in run(capsys, *words, "--n-nonzero-coefs", 2)[1]
    learn = ("learn", room / "X.npy", "--n-nonzero-coefs", 5, "-k", 9, "--max-iter", 2)
    found = told(capsys, *learn, "-o", tmp_path / "model")
    assert found["largest_gap"] is None
    costs = [step.objective for step in gpudict.load(tmp_path / "model").history_]
    assert found["last_error_a_row"] == pytest.approx(2 * np.average(costs[2:], weights=[256, 44]))
    learned = gpudict.learn_online(
        gpudict.stream(room / "X.npy"),
        9,
        n_nonzero_coefs=5,
        solver="omp",
        max_iter=2,
        random_state=0,
    )
    model = gpudict.load(tmp_path / "model")
    np.testing.assert_allclose(model.components_, learned.dictionary, atol=1e-6)
    whole = ("--tol", 0, "--max-no-improvement", 0, "--max-iter", 9, "--batch-size", 20)
    assert told(capsys, *learn, *whole, "-o", tmp_path / "whole")["steps"] == 9 * N / 20
    assert gpudict.load(tmp_path / "whole").max_no_improvement is None
    assert np.count_nonzero(model.transform(np.load(room / "X.npy")), axis=1).max() <= 5
    status, _, complaint = run(capsys, *words, "--alpha", 1, "--n-nonzero-coefs", 2)
    assert (status, complaint.count("\n")) == (2, 1)


def test_alpha_is_found_for_a_target(X, room: Path, tmp_path: Path, capsys):
    """As a model is learned, and as rows are coded over one, whatever it says itself."""
    model, out = tmp_path / "model", tmp_path / "c.npz"
    learn = ("learn", room / "X.npy", "-k", K, "--batch-size", 50, "-o", model)
    found = told(capsys, *learn, "--explained-variance", 0.8, "--max-iter", 20)
    assert found["alpha"] == gpudict.load(model).alpha_
    assert found["first_objective_a_row"] is None
    words = ("encode", room / "X.npy", "-o", out, "--model")
    assert told(capsys, *words, model)["explained_variance"] == pytest.approx(0.8, abs=0.05)
    for name in (model, room / "model"):
        found = told(capsys, *words, name, "--target-nonzeros", 2)
        assert found["nonzeros_a_row"] == pytest.approx(2, rel=0.05)
        V = gpudict.load(name)._atoms(X)
        want = gpudict.encode(X, V, target_nonzeros=2)
        assert found["alpha"] == want.alpha
        np.testing.assert_allclose(sp.load_npz(out).toarray(), want.Z, atol=1e-5)


def test_several_files_are_one(X: np.ndarray, room: Path, tmp_path: Path, capsys):
    """The rows of each follow those before; of one with several arrays one is named."""
    np.save(tmp_path / "a.npy", X[:100])
    np.savez(tmp_path / "b.npz", rows=X[100:200], others=np.zeros(3))
    with pytest.importorskip("h5py").File(tmp_path / "c.h5", "w") as file:
        file["there/rows"], file["others"] = X[200:], np.zeros(3)
    named = (f"{tmp_path / 'b.npz'}:rows", f"{tmp_path / 'c.h5'}:there/rows")
    parts = (tmp_path / "a.npy", *named)
    (tmp_path / "folder").mkdir()
    shutil.copy(tmp_path / "a.npy", tmp_path / "folder")
    shutil.copy(tmp_path / "a.npy", tmp_path / "folder" / "b.npy")
    where = ("--model", room / "model", "-o", tmp_path / "c.npy")
    for some in (tmp_path / "folder", tmp_path / "folder" / "*.npy"):
        assert told(capsys, "encode", some, *where)["rows"] == 200
    assert told(capsys, "encode", *parts, *where)["rows"] == N
    want = gpudict.encode(X, gpudict.load(room / "model").dictionary, alpha=0.1)
    np.testing.assert_allclose(np.load(tmp_path / "c.npy"), want.Z, atol=1e-5)


def test_data_and_atoms_of_other_types(X: np.ndarray, tmp_path: Path, capsys):
    """Whole numbers, in text; atoms that are lists; a library of the standard alone."""
    pytest.importorskip("array_api_strict")
    counts = np.rint(20 * np.abs(X[:40])).astype(int)
    np.savetxt(tmp_path / "X.csv", counts, fmt="%d", delimiter=",")
    V = np.eye(D)[:K].tolist()
    how = {"transform_algorithm": "lasso_cd", "positive_code": True}
    gpudict.SparseCoder(V, **how).save(tmp_path / "model")
    strict = ("--backend", "array_api_strict")
    words = (tmp_path / "X.csv", "--model", tmp_path / "model", *strict)
    told(capsys, "encode", *words, "-o", tmp_path / "c.npy", "--alpha", 3)
    np.testing.assert_allclose(np.load(tmp_path / "c.npy"), np.maximum(counts[:, :K] - 3, 0))
    (row,) = told(capsys, "path", *words, "--alpha", 3)["path"]
    assert row["nonzeros_a_row"] == np.count_nonzero(counts[:, :K] > 3) / 40
    last = told(capsys, "path", *words, "--n-alphas", 3, "--eps", 0.2)["path"][-1]
    assert last["alpha"] == pytest.approx(0.2 * counts[:, :K].max())
    words = ("learn", tmp_path / "X.csv", "--alpha", 3, "-k", 3, "--max-iter", 1, *strict)
    assert told(capsys, *words, "-o", tmp_path / "model")["atoms"] == 3
    assert (
        told(
            capsys, "report", tmp_path / "model", tmp_path / "X.csv", "-o", tmp_path / "r", *strict
        )["rows"]
        == 40
    )


def test_pictures(room: Path, tmp_path: Path, capsys):
    """They are denoised, grey and in colour, and their patches are learned from."""
    pixels = {name: np.asarray(PIL.open(room / f"{name}.png")) for name in ("grey", "colour")}
    for name, before in pixels.items():
        target = tmp_path / f"{name}.png"
        words = ("denoise", room / f"{name}.png", "-o", target, "-k", 16, "--patch-size", 5)
        found = told(capsys, *words)
        assert found["sigma"] == pytest.approx(255 * 0.05, rel=0.2)
        after = np.asarray(PIL.open(target))
        assert (after.shape, after.dtype) == (before.shape, np.uint8)
        first, last = (np.sqrt(np.mean((a / 255 - WAVES[name]) ** 2)) for a in (before, after))
        assert last < 0.7 * first
    model = tmp_path / "model"
    picture = (room / "colour.png", "--patch-size", 5, "--json")
    found = told(capsys, "learn", *picture, "-k", 12, "--alpha", 0.2, "-o", model)
    assert (found["rows"], found["features"]) == (20 * 26, 75)
    where = ("--model", model, "-o", tmp_path / "c.npz")
    assert told(capsys, "encode", *picture, *where)["explained_variance"] > 0.3
    deep = np.linspace(0, 65535, 600).astype(np.uint16).reshape(20, 30)
    PIL.fromarray(deep).save(tmp_path / "deep.png")
    words = ("denoise", tmp_path / "deep.png", "-o", tmp_path / "d.tif", "-k", 8, "--sigma", 50)
    assert told(capsys, *words)["sigma"] == pytest.approx(50)
    assert np.asarray(PIL.open(tmp_path / "d.tif")).dtype == np.uint16


def test_report(room: Path, tmp_path: Path, capsys):
    for data in ((), (room / "X.npy", "--rows", 7)):
        found = told(capsys, "report", room / "model", *data, "-o", tmp_path / "r.html")
        assert found["rows"] == (7 if data else 0)
        assert (tmp_path / "r.html").read_text().startswith("SparseCoder(")


# --- on what is none -----------------------------------------------------------------------------


def spoilt(kind: str, good: Path, path: Path) -> None:
    """Put at a path what is no such file, in one way or another."""
    whole = good.read_bytes()
    if kind == "empty":
        path.touch()
    elif kind == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "another type":
        other = "model" if good.suffix else "X.npy"
        path.write_bytes((good.parent / other).read_bytes())
    elif kind == "words":
        np.save(path, np.array([["one", "two"]])) if good.suffix == ".npy" else path.write_text("1")
    elif kind == "a folder":
        path.mkdir()
    elif kind == "not allowed":
        path.write_bytes(whole)
        path.chmod(0)


KINDS = ("missing", "empty", "truncated", "another type", "words", "a folder", "not allowed")
COMMANDS = {  # what is spoilt, the words around it
    "learn": ("X.npy", lambda bad, good, out: ("learn", bad, "--alpha", 1, "-o", out)),
    "encode": (
        "X.npy",
        lambda bad, good, out: ("encode", bad, "--model", good / "model", "-o", f"{out}.npy"),
    ),
    "encode with": (
        "model",
        lambda bad, good, out: ("encode", good / "X.npy", "--model", bad, "-o", f"{out}.zarr"),
    ),
    "path": ("X.npy", lambda bad, good, out: ("path", bad, "--model", good / "model")),
    "path with": ("model", lambda bad, good, out: ("path", good / "X.npy", "--model", bad)),
    "report": ("X.npy", lambda bad, good, out: ("report", good / "model", bad, "-o", out)),
    "report of": ("model", lambda bad, good, out: ("report", bad, "-o", out)),
    "denoise": ("grey.png", lambda bad, good, out: ("denoise", bad, "-o", f"{out}.png")),
    "learn from": ("grey.png", lambda bad, good, out: ("learn", bad, "--alpha", 1, "-o", out)),
}


@pytest.fixture
def nobody():
    """A folder that all may use, as a user who may not read all files."""
    if not hasattr(os, "geteuid"):
        pytest.skip("who may read what is POSIX's")
    folder, root = Path(tempfile.mkdtemp()), os.geteuid() == 0
    folder.chmod(0o777)
    if root:
        os.seteuid(65534)
    yield folder
    if root:
        os.seteuid(0)
    shutil.rmtree(folder)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_no_such_file_is_one_sentence(command, kind, room, capsys, request, tmp_path):
    """Status 2, its name in the sentence, and nothing written."""
    name, words = COMMANDS[command]
    good = room
    if kind == "not allowed":
        good = tmp_path = request.getfixturevalue("nobody")
        for file in ("X.npy", "model", "grey.png"):
            (good / file).write_bytes(FILES[file])
    bad = tmp_path / f"bad{(room / name).suffix}"
    spoilt(kind, good / name, bad)
    before = sorted(tmp_path.iterdir())
    status, said, complaint = run(capsys, *words(bad, good, tmp_path / "out"))
    assert (status, said) == (2, ""), complaint
    assert complaint.count("\n") == 1
    assert complaint.startswith("gpudict: ")
    assert bad.name in complaint
    assert sorted(tmp_path.iterdir()) == before


FILES: dict[str, bytes] = {}


@pytest.fixture(autouse=True, scope="module")
def remembered(room: Path) -> None:
    """What the good files hold, for a user who may not look there."""
    FILES.update({name: (room / name).read_bytes() for name in ("X.npy", "model", "grey.png")})


# --- on what is asked for ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "Missing command"),
        ("nothing", "No such command 'nothing'"),
        ("demo -k 0", "greater than or equal to 1"),
        ("demo --coder no", "'no' is not one of 'omp', 'lasso'"),
        ("doctor --backend no", "'no' is none of numpy, "),
        ("learn -o out --alpha 1", "Missing argument 'DATA'. `gpudict learn --help` says more"),
        ("learn X.npy -o out", "One of --alpha, --n-nonzero-coefs, --target-nonzeros and"),
        ("learn X.npy -o out.pkl --alpha 1", "out.pkl is no name of a model. Let it end in .safe"),
        ("learn X.npy -o out --target-nonzeros 99", "--target-nonzeros must be above 0 and below"),
        ("learn X.gif -o out --alpha 1", ".zarr, .csr, or a picture that ends in .apng, .bmp, "),
        ("learn X.npy -o out --alpha 1 --n-nonzero-coefs 1", "exclude each other"),
        ("learn X.npy -o out --alpha nan", "Invalid value for '--alpha'"),
        ("learn X.npy -o out --alpha x", "Invalid value for '--alpha'"),
        ("learn X.npy -o out --alpha 1 -k x", "Invalid value for '-k' / '--n-components'"),
        ("learn X.txt -o out --alpha 1", "X.txt is of a kind that is not read here"),
        ("learn none*.npy -o out --alpha 1", "none*.npy matches no file"),
        ("learn X.npy grey.png -o out --alpha 1", "Pass files of one width"),
        ("learn grey.png --patch-size 25 -o out --alpha 1", "Pass a smaller --patch-size"),
        ("encode X.npy --model model -o out.txt", "Let it end in .npy, .npz, .csr, .zarr."),
        ("encode grey.png --model model -o out.npy", "grey.png has 64 columns, and the atoms of"),
        ("path X.npy --model pca", "a SparsePCA, which has no codes"),
        ("path X.npy --model unfitted", "was not fitted"),
        ("path X.npy --model model --eps 2", "between 0 and 1"),
        ("denoise grey.png -o out.txt", "no name of a picture"),
        ("denoise black.png -o out.png", "No noise was found in black.png"),
        ("denoise grey.png --sigma 300 -o out.png", "No patch of grey.png has more than noise"),
    ],
)
def test_what_can_not_be_meant_is_one_sentence(words, said, room, capsys, monkeypatch):
    monkeypatch.chdir(room)
    PIL.new("L", (20, 20)).save("black.png")
    gpudict.SparsePCA(2).save("pca")
    gpudict.DictionaryLearning(2, transform_algorithm="lasso_cd").save("unfitted")
    before = sorted(room.iterdir())
    status, out, complaint = run(capsys, *words.split())
    assert (status, out) == (2, "")
    assert complaint.count("\n") == 1
    assert said in complaint
    assert sorted(room.iterdir()) == before


PLACES = {
    "learn": ("learn X.npy --alpha 1 -o {}", "The model"),
    "encode": ("encode X.npy --model model -o {}.npy", "The codes"),
    "encode to zarr": ("encode X.npy --model model -o {}.zarr", "The codes"),
    "report": ("report model -o {}", "The report"),
    "denoise": ("denoise grey.png -o {}.png", "The picture"),
}


@pytest.mark.parametrize("place", ["nowhere/out", "X.npy/out", "folder"])
@pytest.mark.parametrize("command", PLACES)
def test_a_place_that_can_not_be_written_is_one_sentence(command, place, room, capsys, monkeypatch):
    """Status 1, before the work."""
    words, what = PLACES[command]
    monkeypatch.chdir(room)
    for name in ("folder", "folder.npy", "folder.zarr", "folder.png"):
        Path(name).mkdir(exist_ok=True)
    monkeypatch.setattr("gpudict.tools.commands.data.mover", lambda *_: pytest.fail("it began"))
    status, said, complaint = run(capsys, *words.format(place).split())
    assert (status, said) == (1, "")
    assert complaint.count("\n") == 1
    assert complaint.startswith(f"gpudict: {what} can't be written to {place}")


def test_a_checkpoint_is_kept_and_goes_on(room: Path, tmp_path: Path, capsys, monkeypatch):
    """Ctrl-C leaves one and says where; the same command goes on, and ends as if never stopped."""
    from gpudict.learning import learn_online

    words = ("learn", room / "X.npy", "-k", K, "--alpha", 0.1, "--batch-size", 20, "-o")
    assert run(capsys, *words, tmp_path / "whole")[0] == 0
    made, step = [], learn_online.step

    def stopped(*arguments):
        if len(made) == 6:
            os.kill(os.getpid(), made[0])
        made.append(1)
        return step(*arguments)

    hurried = signal.signal(signal.SIGINT, lambda *_: pytest.fail("it ended at once"))
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    for number in (signal.SIGINT, signal.SIGTERM):
        made[:] = [number]
        with monkeypatch.context() as within:
            within.setattr(learn_online, "step", stopped)
            status, said, complaint = run(capsys, *words, tmp_path / "model")
        assert (status, said) == (130, "")
        kept = tmp_path / "model.checkpoint"
        assert f"The checkpoint {kept} holds what was learned in 6 steps" in complaint
        assert "the same command with --resume goes on" in complaint
        assert sorted(tmp_path.iterdir()) == [kept, tmp_path / "whole"]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    signal.signal(signal.SIGINT, hurried)
    assert run(capsys, *words, tmp_path / "model", "--resume")[0] == 0
    one, other = (gpudict.load(tmp_path / name).components_ for name in ("whole", "model"))
    np.testing.assert_array_equal(one, other)
    assert not kept.exists()
    kept = tmp_path / "mine"
    mine = (*words, tmp_path / "model", "--checkpoint", kept, "--resume", "--max-iter")
    for most in (1, 2):
        status, _, complaint = run(capsys, *mine, most)
        assert (status, "begins anew" in complaint) == (0, most == 1)
    told(capsys, *words, tmp_path / "whole", "--max-iter", 2)
    one, other = (gpudict.load(tmp_path / name).components_ for name in ("whole", "model"))
    np.testing.assert_array_equal(one, other)
    for option, value in (("--seed", 1), ("--max-iter", 1)):
        status, _, complaint = run(capsys, *mine, 2, option, value)
        assert (status, complaint.count("\n")) == (2, 1)
        assert f"is a checkpoint of another run: {option} was" in complaint
        assert "or no --resume" in complaint


@pytest.mark.parametrize("late", [False, True])
def test_ctrl_c_as_codes_are_written(late, room, tmp_path, capsys, monkeypatch):
    """Before they are whole it ends the command, and not once they are."""
    replace, out = os.replace, tmp_path / "c.npy"
    words = ("encode", room / "X.npy", "--model", room / "model", "-o", out)

    def replaced(*paths):
        if late:
            replace(*paths)
        signal.raise_signal(signal.SIGINT)

    def left(status):
        raise SystemExit(status)

    monkeypatch.setattr(os, "replace", replaced)
    monkeypatch.setattr(os, "_exit", left)
    monkeypatch.setattr(sys, "argv", ["gpudict", *map(str, words)])
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(SystemExit) as ended:
            raise SystemExit(process.main())
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended.value.code == (0 if late else 130)
    assert out.exists() == late
    assert ("nonzeros" in capsys.readouterr().out) == late


def test_what_breaks_off_leaves_the_old_file(room: Path, tmp_path: Path, capsys, monkeypatch):
    """Rows with NaN are met when half of the codes are written."""
    monkeypatch.setattr(reading, "HELD", 4 * D * 70)
    X = np.load(room / "X.npy")
    X[-1, 3] = np.nan
    np.save(tmp_path / "X.npy", X)
    (tmp_path / "old.npy").write_text("old")
    for name in ("old.npy", "new.npz", "new.csr", "new.zarr"):
        status, _, complaint = run(
            capsys, "encode", tmp_path / "X.npy", "--model", room / "model", "-o", tmp_path / name
        )
        assert status == 2
        assert "NaN or infinity in row 299" in complaint
    assert (tmp_path / "old.npy").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_warning_is_a_sentence(room: Path, tmp_path: Path, capsys):
    out = tmp_path / "c.npz"
    words = ("encode", room / "X.npy", "--model", room / "model", "-o", out, "--alpha", 99)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        status, _, complaint = run(capsys, *words)
    assert status == 0
    assert complaint.startswith("gpudict: alpha leaves every code zero")
    assert complaint.count("\n") == 1
    assert sp.load_npz(out).nnz == 0


# --- as it says it -------------------------------------------------------------------------------


def test_help_has_examples_and_imports_no_array_library():
    """Of each command; and each example is a command line."""
    code = (
        "import sys; from gpudict.tools import cli; cli.main(['--help']); "
        "print(*{'numpy', 'numba', 'sklearn', 'scipy', 'torch', 'rich'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.endswith("\n\n")
    from gpudict.tools.commands import app

    commands = app.command.commands
    assert set(commands) == {"demo", "denoise", "learn", "encode", "path", "report", "doctor"}
    for name, command in commands.items():
        assert f"  {name} " in out.stdout
        shown = [line.split() for line in command.help.splitlines() if " gpudict " in line]
        assert shown, name
        for _, of, *words in shown:
            assert of == name
            command.make_context(name, words)


@pytest.mark.parametrize("name", ["torch", "cupy", "jax"])
def test_a_missing_library_is_one_sentence(name, capsys, monkeypatch, tmp_path):
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda n: None if n == name else find(n))
    status, _, said = run(capsys, "demo", "--backend", name, "--output", tmp_path / "x.png")
    assert status == 1
    assert said.count("\n") == 1
    assert f"needs {name}, which is not installed. Install it with: python -m pip install" in said


@pytest.mark.parametrize(
    ("module", "words", "said"),
    [
        ("rich", ["demo"], "pip install rich matplotlib pillow"),
        ("typer", ["doctor"], "needs typer, not installed here. Install it with: python -m pip"),
    ],
)
def test_a_missing_extra_is_one_sentence(module, words, said, capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda n: None if n == module else find(n))
    status, _, complaint = run(capsys, *words)
    assert (status, complaint.count("\n")) == (1, 1)
    assert said in complaint


@pytest.mark.parametrize(
    ("module", "name", "package"), [("h5py", "X.h5", "h5py"), ("PIL", "X.png", "pillow")]
)
def test_a_missing_reader_is_one_sentence(
    module, name, package, room, capsys, monkeypatch, tmp_path
):
    (tmp_path / name).touch()
    for known in [n for n in sys.modules if n.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, known)
    monkeypatch.setitem(sys.modules, module, None)
    images.suffixes.cache_clear()
    status, _, said = run(capsys, "learn", tmp_path / name, "--alpha", 1, "-o", tmp_path / "m")
    assert (status, said.count("\n")) == (1, 1)
    assert f"python -m pip install {package}" in said
    words = ("path", room / "X.npy", "--model", room / "model", "--alpha", 1)
    assert run(capsys, *words)[0] == 0  # which needs no such reader


def test_a_wrong_device_is_one_sentence(capsys, tmp_path):
    pytest.importorskip("torch")
    arguments = ["--backend", "torch", "--device", "nowhere", "--output", tmp_path / "x.png"]
    status, _, said = run(capsys, "demo", *arguments)
    assert status == 1
    assert "can't use the device nowhere" in said
    assert said.count("\n") == 1


def test_on_a_terminal_it_is_rich(monkeypatch, capsys):
    """Brackets in what a library says are no markup."""
    pytest.importorskip("rich")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    telling.show([("name", "array[0] [bold]is[/bold] [/wrong]"), ("longer name", "text")])
    said = capsys.readouterr().out
    assert "array[0] [bold]is[/bold] [/wrong]" in said


@pytest.mark.parametrize("seen", [True, False], ids=["terminal", "pipe"])
def test_progress_is_drawn_where_it_is_seen(seen, room, tmp_path, capsys, monkeypatch):
    """One bar, late, and gone at the end: not that of the library beside it."""
    terminal = type("Terminal", (io.StringIO,), {"isatty": lambda self: seen})()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "AFTER", 0.0)
    monkeypatch.setattr(sys, "stderr", terminal)
    assert run(capsys, *f"learn {room}/X.npy -k 3 --alpha 1 -o {tmp_path}/m".split())[0] == 0
    assert ("learning" in terminal.getvalue()) == seen
    assert "reading" not in terminal.getvalue()
    assert progress.busy == []
