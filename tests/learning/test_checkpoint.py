"""A run that was killed goes on bit for bit, and no file leads it astray."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import gpudict
from gpudict.learning import keeper, online, whole
from gpudict.learning.blocks import Blocks
from tests.support import models, problems
from tests.support.backends import host, on_torch

SLOW = pytest.mark.slow
X, V = problems.signal(n=46, d=8, k=12)
X[::7] = 0
ONLINE = {"alpha": 0.3, "batch_size": 9, "max_iter": 2, "tol": 0, "max_no_improvement": None}
BATCH = {"alpha": 0.3, "max_iter": 6, "tol": 0}
SEED = {"random_state": 0}


class Killed(Exception):
    """What is raised in a callback."""


def online_run(x, k=12, **options):
    """Learn from batches, without a step if it is over."""
    return gpudict.learn_online(x, k, **ONLINE | SEED | options)


def batch_run(x, k=12, **options):
    """Learn from all rows."""
    return gpudict.learn(x, options.pop("n_components", k), **BATCH | SEED | options)


def bits(learned):
    """Return all that came out, but for the seconds."""
    arrays = [learned.dictionary, learned.objective, learned.code, learned.gap]
    if learned.past is not None:
        arrays += [learned.past.atoms, *learned.past.recent[:3], *learned.past.long[:3]]
    history = [tuple(h[:4]) for h in learned.history]
    past = None if learned.past is None else learned.past[3:]
    found = [None if a is None else host(a).tobytes() for a in arrays]
    return found, history, past, learned.n_iter, learned.converged


def copies(run, path: Path):
    """Return what a run is at its end, and the files that it had as each step was over."""
    files = []

    def keep(*_):
        if path.exists():
            files.append(path.with_name(f"{path.name}{len(files)}"))
            shutil.copy(path, files[-1])

    found = run(checkpoint=path, checkpoint_every=0, callback=keep)
    return found, [*files, path]


def raising_at(step: int, error: BaseException | None = None):
    """Return a callback that raises at that step, from 1."""
    seen = []

    def see(*_):
        seen.append(0)
        if len(seen) == step:
            raise error or Killed

    return see


DATA = {
    "array": lambda: X,
    "float32": lambda: X.astype(np.float32),
    "torch": lambda: on_torch(X),
    "stream": lambda: gpudict.stream(sp.csr_array(X)),
    "stream to torch": lambda: gpudict.stream(sp.csr_array(X), to="torch:cpu"),
    "list": lambda: [X[:9], X[9:13], X[13:40], X[40:]],
    "iterator": lambda: iter([X[:9], X[9:13], X[13:40], X[40:]]),
}
PATHS = {
    "whole": {},
    "parts": {},
    "portable": {"solver": "working_set", "dictionary_update": "mm"},
}


def often_and_seldom():
    """Return each way a step is made with each kind of data; most of them are slow."""
    often = [("whole", "torch"), *((path, data) for path in PATHS for data in ("array", "list"))]
    for path in PATHS:
        for data in DATA:
            marks = [] if (path, data) in often else [SLOW]
            marks += [pytest.mark.compiled] if path == "whole" else []
            yield pytest.param(path, data, marks=marks, id=f"{path}-{data}")


class TestBits:
    """Whatever is on the disk when a run is killed, the same call ends as if it had not been."""

    @pytest.mark.parametrize(("path", "data"), list(often_and_seldom()))
    def test_mini_batches(self, path, data, tmp_path, monkeypatch):
        if path == "parts":
            monkeypatch.setattr(online, "fits", lambda *_: False)
        make = DATA[data]
        want = bits(online_run(make(), **PATHS[path]))
        run = lambda **more: online_run(make(), **PATHS[path], **more)  # noqa: E731
        found, files = copies(run, tmp_path / "c")
        assert bits(found) == want
        assert len(files) == len(want[1])
        for file in files:
            assert bits(run(checkpoint=file, checkpoint_every=3600, resume=True)) == want

    @pytest.mark.parametrize(
        "more",
        [
            {"sample_weight": np.arange(46) // 18},
            {"random_state": np.random.PCG64DXSM},
            {"tol": 1e-3, "max_no_improvement": 2, "max_iter": 40},
            pytest.param({"random_state": np.random.RandomState}, marks=SLOW),
            pytest.param({"shuffle": False, "dict_init": "data"}, marks=SLOW),
            pytest.param(
                {"dict_init": V, "positive_dict": True, "positive_code": True}, marks=SLOW
            ),
            pytest.param({"n_nonzero_coefs": 2, "alpha": None, "solver": "omp"}, marks=SLOW),
        ],
        ids=["weights", "generator", "patience", "legacy", "unshuffled", "positive", "omp"],
    )
    @pytest.mark.parametrize("unused", [pytest.param(1e-6, marks=SLOW, id="plain"), 0.02])
    def test_parameters(self, more, unused, tmp_path, monkeypatch):
        """And what is drawn: rows in their order, and samples for atoms that no code uses."""
        for name in ("gpudict.learning.in_place.UNUSED", "gpudict.learning.atoms.UNUSED"):
            monkeypatch.setattr(name, unused)
        seed = more.get("random_state")

        def run(**options):
            if isinstance(seed, type):
                start = seed(3) if seed is np.random.RandomState else np.random.Generator(seed(3))
                options |= {"random_state": start}
            return online_run(X, **more | options)

        want = bits(run())
        assert unused == 1e-6 or any(h[3] for h in want[1]) or "omp" in more.values()
        _, files = copies(run, tmp_path / "c")
        for file in files:
            assert bits(run(checkpoint=file, resume=True)) == want

    @pytest.mark.parametrize(
        "convert", [np.asarray, pytest.param(on_torch, marks=SLOW)], ids=["numpy", "torch"]
    )
    @pytest.mark.parametrize(
        "more",
        [
            {},
            {"alpha": 0.9},
            {"alpha": None, "n_nonzero_coefs": 2, "solver": "omp"},
            PATHS["portable"],
            {"code_init": np.ones((46, 12)), "dict_init": V},
            {"sample_weight": np.arange(46) // 18, "tol": 1e-2, "max_iter": 50},
        ],
        ids=["lasso", "revived", "omp", "portable", "warm", "weights"],
    )
    def test_alternation(self, more, convert, tmp_path):
        """The codes are those that the next iteration starts from, and the best ones stay."""
        x = convert(X)
        more = {k: convert(v) if k.endswith("init") else v for k, v in more.items()}
        want = bits(batch_run(x, **more))
        _, files = copies(lambda **o: batch_run(x, **more, **o), tmp_path / "c")
        assert len(files) == len(want[1])
        for file in files:
            assert bits(batch_run(x, checkpoint=file, resume=True, **more)) == want

    def test_wide_data(self, tmp_path):
        """Which are learned from in the space of their rows, few of them and atoms unused."""
        x = 0.2 * np.random.default_rng(0).normal(size=(6, 40))
        want = bits(batch_run(x, 9))
        assert any(h[3] for h in want[1])
        _, files = copies(lambda **o: batch_run(x, 9, **o), tmp_path / "c")
        for file in files:
            assert bits(batch_run(x, 9, checkpoint=file, resume=True)) == want

    def test_a_pursuit_that_ends_worse(self, tmp_path):
        """The best iterate comes out, although others came after it."""
        x = np.random.default_rng(5).normal(size=(60, 8))
        more = {"alpha": None, "n_nonzero_coefs": 3, "solver": "omp", "max_iter": 14}
        more |= {"n_components": 20, "dict_init": "data"}
        want = bits(batch_run(x, **more))
        costs = [h[1] for h in want[1]]
        assert np.argmin(costs) < len(costs) - 2
        _, files = copies(lambda **o: batch_run(x, **more, **o), tmp_path / "c")
        for file in files:
            assert bits(batch_run(x, checkpoint=file, resume=True, **more)) == want

    def test_batches_that_differ_from_pass_to_pass(self, tmp_path):
        """An iterable that shuffles each time is walked, up to where the run was."""

        class Shuffled:
            def __init__(self):
                self.rng = np.random.default_rng(1)

            def __iter__(self):
                return iter(np.array_split(X[self.rng.permutation(len(X))], 4))

        want = bits(online_run(Shuffled(), max_iter=3))
        _, files = copies(lambda **o: online_run(Shuffled(), max_iter=3, **o), tmp_path / "c")
        for file in files:
            again = online_run(Shuffled(), max_iter=3, checkpoint=file, resume=True)
            assert bits(again) == want

    @pytest.mark.parametrize("run", [online_run, batch_run])
    def test_a_callback_that_draws_and_fails(self, run, tmp_path):
        """From the user's generator; what was whole before it failed is in the file."""

        def drawing(rng, after):
            def see(*_):
                rng.random()
                after()

            return see

        def go(after=lambda *_: None, **options):
            rng = np.random.default_rng(5)
            callback = drawing(rng, after)
            return bits(run(X, random_state=rng, callback=callback, alpha=0.9, **options))

        want = go()
        for step in range(1, len(want[1]) + 1):
            path = tmp_path / f"{run.__name__}{step}"
            with pytest.raises(Killed) as raised:
                go(raising_at(step), checkpoint=path)
            assert f"{path} holds what was learned in {step} step" in raised.value.__notes__[0]
            assert go(checkpoint=path, resume=True) == want


class TestRuns:
    """What begins, goes on, and ends."""

    @pytest.mark.parametrize("run", [online_run, batch_run])
    def test_where_there_is_no_file(self, run, tmp_path, caplog):
        """Learning begins anew, and says so; without `resume` a file is replaced as it ends."""
        want = bits(run(X))
        assert bits(run(X, checkpoint=tmp_path / "c", resume=True)) == want
        assert "no checkpoint" in caplog.text
        assert "begins anew" in caplog.text
        with contextlib.suppress(Killed):
            run(X, checkpoint=tmp_path / "c", alpha=0.2, callback=raising_at(1))
        assert bits(run(X, checkpoint=tmp_path / "c", alpha=0.2, resume=True)) != want
        assert [p.name for p in tmp_path.iterdir()] == ["c"]

    @pytest.mark.parametrize("run", [online_run, batch_run])
    def test_a_run_that_is_over(self, run, tmp_path):
        """It returns what came of it, without a step and a callback, and writes nothing."""
        stop = lambda *_: True  # noqa: E731
        for more in ({}, {"callback": stop}):
            want = bits(run(X, checkpoint=tmp_path / "c", **more))
            os.utime(tmp_path / "c", (1, 1))
            again = run(X, checkpoint=tmp_path / "c", resume=True, callback=raising_at(1))
            assert bits(again) == want
            assert (tmp_path / "c").stat().st_mtime == 1

    @pytest.mark.parametrize(
        ("run", "make"), [(online_run, "array"), (online_run, "list"), (batch_run, "array")]
    )
    def test_more_iterations(self, run, make, tmp_path):
        """A run that came to its last one goes on, if there may be more now, or again."""
        x, path = DATA[make](), tmp_path / "c"
        want = bits(run(x, max_iter=4))
        assert bits(run(x, max_iter=2, checkpoint=path)) != want
        for most in (3, 4):
            found = run(x, max_iter=most, checkpoint=path, resume=True)
        assert bits(found) == want
        with pytest.raises(ValueError, match="max_iter was 4 then, and 3 came now"):
            run(x, max_iter=3, checkpoint=path, resume=True)

    @pytest.mark.parametrize("run", [online_run, batch_run])
    def test_no_more_iterations(self, run, tmp_path):
        """Of a run that was stopped, by a callback or as it got no further; nor for a target."""
        patience = {"tol": 1e9} | ({"batch_size": 40} if run is online_run else {})
        for more in ({"callback": lambda *_: True}, patience):
            want = bits(run(X, checkpoint=tmp_path / "c", **more))
            more = more | {"callback": raising_at(1), "max_iter": 9}
            assert bits(run(X, checkpoint=tmp_path / "c", resume=True, **more)) == want
        aimed = {"alpha": None, "target_nonzeros": 2.5, "checkpoint": tmp_path / "c"}
        run(X, **aimed)
        with pytest.raises(ValueError, match=r"max_iter was \d then, and 9 came now"):
            run(X, **aimed, max_iter=9, resume=True)

    @pytest.mark.parametrize("every", [0, 3600])
    def test_how_often(self, every, tmp_path, monkeypatch):
        """After each step, or once so many seconds are over; and at the end."""
        written = []
        monkeypatch.setattr(keeper, "write_record", lambda *a, **o: written.append(a))
        steps = len(online_run(X, checkpoint=tmp_path / "c", checkpoint_every=every).history)
        assert len(written) == (1 if every else steps)

    @pytest.mark.parametrize(
        ("given", "error", "said"),
        [
            ({"resume": True}, ValueError, "without a checkpoint to go on from. Pass its path"),
            ({"checkpoint": 5}, TypeError, "must be a path, but a int came"),
            ({"checkpoint": "c", "checkpoint_every": -1}, ValueError, "checkpoint_every must be"),
            ({"checkpoint": "."}, ValueError, "is a folder"),
            ({"checkpoint": ".", "resume": True}, ValueError, "is a folder"),
            ({"checkpoint": "no/where"}, FileNotFoundError, "no/where"),
        ],
    )
    @pytest.mark.parametrize("run", [online_run, batch_run])
    def test_what_can_not_be_asked_for(self, run, given, error, said, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(error, match=said):
            run(X, **given)

    def test_estimators(self, tmp_path):
        """Four learn, two from a stream too, and are fitted as if nothing had been."""
        options = {"n_components": 5, "alpha": 0.2, "random_state": 0}
        batches = {"batch_size": 3, "callback": None}
        read = gpudict.stream(X, batch_size=10)
        for kind, more, data in (
            (gpudict.DictionaryLearning, {"callback": None}, X),
            (gpudict.MiniBatchDictionaryLearning, batches, X),
            (gpudict.SparsePCA, {}, X),
            (gpudict.SparsePCA, {}, read),
            (gpudict.MiniBatchSparsePCA, batches, X),
            (gpudict.MiniBatchSparsePCA, batches, read),
        ):
            path = tmp_path / f"{kind.__name__} {data is read}"
            made = kind(max_iter=5, **options | more)
            want = state(kind(max_iter=5, **options | more).fit(data))
            plain = keeper.FileKeeper.over
            with pytest.MonkeyPatch.context() as patch:

                def over(self, run, plain=plain, seen=[]):  # noqa: B006
                    plain(self, run)
                    seen.append(0)
                    if len(seen) == 3:
                        raise Killed

                patch.setattr(keeper.FileKeeper, "over", over)
                with pytest.raises(Killed):
                    made.fit(data, checkpoint=path)
            assert not hasattr(made, "components_")
            assert state(made.fit(data, checkpoint=path, resume=True)) == want
            assert state(made.fit(data, checkpoint=path, resume=True)) == want
            with pytest.raises(ValueError, match="random_state was 0 then, and 1 came now"):
                made.set_params(random_state=1).fit(data, checkpoint=path, resume=True)
        coded = gpudict.DictionaryLearning(max_iter=5, **options).fit_transform
        path = tmp_path / "DictionaryLearning False"
        np.testing.assert_array_equal(coded(X, checkpoint=path, resume=True), coded(X))


def state(estimator):
    """Return the bits of all fitted attributes, without the seconds."""

    def of(value):
        if isinstance(value, np.ndarray):
            return value.tobytes()
        if isinstance(value, np.random.RandomState):
            return [str(part) for part in value.get_state()]
        if isinstance(value, gpudict.learning.records.Progress):
            return value[:4]
        return [of(v) for v in value] if isinstance(value, list | tuple) else value

    return {k: of(v) for k, v in vars(estimator).items() if k.endswith("_") and k[0] != "_"}


class TestFaults:
    """Whatever fails, a whole checkpoint is there, and it is said where."""

    @pytest.mark.compiled
    @pytest.mark.parametrize("at", ["step", "between", "twice"])
    @pytest.mark.skipif(not hasattr(signal, "raise_signal"), reason="there are no signals")
    def test_an_interrupt(self, at, tmp_path, monkeypatch):
        """A step that writes in place is made whole; the user's handler is back then."""
        want, path, seen = bits(online_run(X)), tmp_path / "c", []
        plain, before = whole.found, signal.getsignal(signal.SIGINT)

        def folded(*given):
            found = plain(*given)
            seen.append(0)
            for _ in range({"between": 0, "step": 1, "twice": 2}[at] * (len(seen) == 4)):
                signal.raise_signal(signal.SIGINT)
            return found

        def watch(*_):
            if at == "between" and len(seen) == 4:
                signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(whole, "found", folded)
        every = {"checkpoint_every": 0} if at == "twice" else {}
        with pytest.raises(KeyboardInterrupt) as raised:
            online_run(X, checkpoint=path, callback=watch, **every)
        steps = 4 if at == "twice" else 5  # the first step has no memories to write into
        assert f"{path} holds what was learned in {steps} steps" in raised.value.__notes__[0]
        assert signal.getsignal(signal.SIGINT) is before
        monkeypatch.setattr(whole, "found", plain)
        assert bits(online_run(X, checkpoint=path, resume=True)) == want

    @pytest.mark.compiled
    def test_an_error_in_the_middle_of_a_step(self, tmp_path, monkeypatch):
        """Half a step is never written: the file is that of the step before, or there is none."""
        want, path, plain = bits(online_run(X)), tmp_path / "c", whole.found
        for every in (0, 3600):
            seen = []

            def folded(*given, seen=seen):
                found = plain(*given)
                seen.append(0)
                if len(seen) == 3:
                    raise MemoryError
                return found

            monkeypatch.setattr(whole, "found", folded)
            path.unlink(missing_ok=True)
            with pytest.raises(MemoryError) as raised:
                online_run(X, checkpoint=path, checkpoint_every=every)
            note = raised.value.__notes__[0]
            assert ("holds what was learned in 3 steps" if every == 0 else "not written") in note
            assert path.exists() == (every == 0)
            monkeypatch.setattr(whole, "found", plain)
            assert bits(online_run(X, checkpoint=path, resume=True)) == want

    def test_an_error_in_the_middle_of_an_iteration(self, tmp_path, monkeypatch):
        """What it had drawn for unused atoms is drawn anew."""
        want, path, plain = bits(batch_run(X, alpha=0.9)), tmp_path / "c", Blocks.coded
        assert want[1][0][3]
        seen = []

        def coded(*given):
            seen.append(0)
            if len(seen) == 2:
                raise RuntimeError
            return plain(*given)

        monkeypatch.setattr(Blocks, "coded", coded)
        with pytest.raises(RuntimeError) as raised:
            batch_run(X, alpha=0.9, checkpoint=path)
        assert "holds what was learned in 1 step," in raised.value.__notes__[0]
        assert bits(batch_run(X, alpha=0.9, checkpoint=path, resume=True)) == want

    def test_a_source_that_fails(self, tmp_path):
        """What it gave before is in the checkpoint, in which pass it may be."""
        parts = [X[:9], X[9:13], X[13:40], X[40:]]

        class Failing:
            passes = 0

            def __iter__(self):
                self.passes += 1
                yield from parts[:2]
                if self.passes == 3:  # the first gives the start
                    raise OSError("the third file is not there")
                yield from parts[2:]

        path = tmp_path / "c"
        with pytest.raises(OSError, match="third file") as raised:
            online_run(Failing(), checkpoint=path)
        assert f"{path} holds what was learned in 6 steps" in raised.value.__notes__[0]
        assert bits(online_run(parts, checkpoint=path, resume=True)) == bits(online_run(parts))
        with pytest.raises(ValueError, match="batch of X") as raised:
            online_run([X[:9], X[:, :3]], checkpoint=tmp_path / "d")
        assert "learned in 1 step," in raised.value.__notes__[0]

    @pytest.mark.parametrize("run", [online_run, batch_run])
    def test_a_full_disk(self, run, tmp_path, monkeypatch):
        """It is warned of once; learning goes on, the file before stays, and later ones come."""
        want, path, count, plain = bits(run(X)), tmp_path / "c", [], os.fsync
        sizes = []

        def full(number):
            count.append(0)
            if 2 <= len(count) <= 4 or len(count) > 5:
                raise OSError(errno.ENOSPC, "No space left on device")
            plain(number)

        def see(*_):
            sizes.append(path.read_bytes() if path.exists() else b"")

        monkeypatch.setattr(keeper, "write_record", synced(full))
        with pytest.warns(UserWarning, match="can't be written") as warned:
            assert bits(run(X, checkpoint=path, checkpoint_every=0, callback=see)) == want
        assert len(warned) == 1
        said = str(warned[0].message)
        assert "No space left on device. It holds what was learned in 1 step; learning" in said
        assert warned[0].filename == __file__
        assert sizes[1] == sizes[4]
        assert len({*sizes[1:]}) == 2
        assert [p.name for p in tmp_path.iterdir()] == ["c"]
        monkeypatch.undo()
        assert bits(run(X, checkpoint=path, resume=True)) == want


def synced(fsync):
    """Return what writes a checkpoint through another `os.fsync`; the folder's stays."""
    plain = keeper.write_record

    def write(*given, **more):
        real, calls = os.fsync, []

        def once(number):
            calls.append(0)
            (fsync if len(calls) == 1 else real)(number)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fsync", once)
            plain(*given, **more)

    return write


class TestRefused:
    """A sentence says what came, and what to do; and the file stays as it is."""

    @pytest.fixture
    def file(self, tmp_path):
        """Return the checkpoint of a run that was killed in the middle."""
        with contextlib.suppress(Killed):
            online_run(X, checkpoint=tmp_path / "c", callback=raising_at(4), shuffle=True)
        return tmp_path / "c"

    def refused(self, file, said, run=online_run, x=X, **more):
        """Hold that a run does not go on from the file."""
        before = file.read_bytes()
        with pytest.raises(ValueError, match=said) as raised:
            run(x, checkpoint=file, resume=True, **more)
        assert "resume=False" in str(raised.value)
        assert file.read_bytes() == before

    @pytest.mark.parametrize(
        ("more", "said"),
        [
            ({"x": X[:-1]}, r"the shape of X was \[46, 8\] then, and \[45, 8\] came now"),
            ({"x": X.astype(np.float32)}, "the dtype of X was 'float64' then"),
            ({"x": np.where(np.arange(46)[:, None] == 45, 1.0, X)}, "X had other values then"),
            ({"x": on_torch(X)}, "the library of X was"),
            ({"x": [X]}, "batch_size was 9 then"),
            ({"sample_weight": np.ones(46) * 2}, "sample_weight had other values"),
            ({"k": 11}, "n_components was 12 then, and 11 came now"),
            ({"alpha": 0.31}, "alpha was 0.3 then, and 0.31 came now"),
            ({"alpha": None, "n_nonzero_coefs": 2}, "n_nonzero_coefs was None then, and 2 came"),
            ({"batch_size": 8}, "batch_size was 9 then, and 8 came now"),
            ({"solver": "fista"}, r"solver was 'cd \(active_set\)' then"),
            ({"dictionary_update": "mm"}, "dictionary_update was"),
            ({"positive_code": True}, "positive_code was False then, and True came now"),
            ({"positive_dict": True}, "positive_dict was False then, and True came now"),
            ({"code_tol": 1e-6}, "code_tol was 1e-08 then, and 1e-06 came now"),
            ({"code_max_iter": 7}, "code_max_iter was"),
            ({"max_iter": 1}, "max_iter was 2 then, and 1 came now"),
            ({"tol": 1e-3}, "tol was 0 then, and 0.001 came now"),
            ({"max_no_improvement": 3}, "max_no_improvement was None then"),
            ({"shuffle": False}, "shuffle was True then, and False came now"),
            ({"dict_init": V}, "dict_init had other values"),
            ({"random_state": 1}, "random_state was 0 then, and 1 came now"),
            ({"random_state": np.random.default_rng(0)}, "random_state was 0 then"),
            ({"run": batch_run}, "the learner was 'learn_online' then, and 'learn' came now"),
        ],
    )
    @pytest.mark.compiled
    def test_another_run(self, file, more, said):
        self.refused(file, said, **more)

    def test_what_may_change(self, file):
        """Threads, and who watches."""
        again = online_run(X, checkpoint=file, resume=True, n_jobs=1, callback=lambda *_: None)
        assert bits(again) == bits(online_run(X))

    def test_damaged(self, file):
        """Cut anywhere, a bit turned anywhere, or no checkpoint at all."""
        data, odd = file.read_bytes(), file.with_name("odd")
        for end in (0, 7, 8, 100, len(data) // 2, len(data) - 1):
            odd.write_bytes(data[:end])
            self.refused(odd, "is not a safetensors file")
        for place in [*range(16), *range(16, len(data), 397)]:
            bad = bytearray(data)
            bad[place] ^= 1 << place % 8
            odd.write_bytes(bad)
            self.refused(odd, "is not a safetensors file|is damaged|no checkpoint")
        odd.write_bytes(data.replace(b'"sha256"', b'"sha257"'))
        self.refused(odd, "has no checksum")
        gpudict.SparseCoder(V).save(odd)
        self.refused(odd, "no checkpoint of gpudict")
        odd.write_bytes(b"hello")
        self.refused(odd, "is not a safetensors file")
        with pytest.raises(ValueError, match="holds a model that is damaged"):
            gpudict.load(file)

    def test_another_format(self, file, monkeypatch):
        monkeypatch.setattr("gpudict.learning.checkpoint.FORMAT", 2)
        self.refused(file, "is a checkpoint of the format 1, written by gpudict")

    @pytest.mark.parametrize("run", [online_run, batch_run])
    def test_made_by_hand(self, run, tmp_path):
        """With a checksum that fits, and arrays or numbers that can't be: none reaches a kernel."""
        path = tmp_path / "c"
        with contextlib.suppress(Killed):
            run(X, checkpoint=path, callback=raising_at(3))
        model, arrays = models.read(path)
        for name, a in arrays.items():
            wrong = [a[:-1], a.astype(np.int8), None]
            if name.endswith("columns"):
                wrong += [a + 12, a - 12]
            if name.endswith("ends"):
                wrong += [a[::-1].copy(), a + 1]
            for odd in wrong:
                some = {n: b for n, b in (arrays | {name: odd}).items() if b is not None}
                models.write(path, model, some)
                with contextlib.suppress(ValueError):
                    run(X, checkpoint=path, resume=True)
                    assert name.endswith(("gap", "converged", "history"))


class Refused(Exception):
    """That a checkpoint was refused by a sentence which says what to do."""


@contextlib.contextmanager
def refusing():
    """Raise `Refused` in place of such a ValueError."""
    try:
        yield
    except ValueError as error:
        raise (Refused if "resume=False" in str(error) else AssertionError) from error


@SLOW
@pytest.mark.parametrize("run", [online_run, batch_run])
def test_every_place_with_odd_values(run, tmp_path):
    """With a checksum that fits: it goes on, or a sentence says what to do."""
    path, taken = tmp_path / "c", 0
    with contextlib.suppress(Killed):
        run(X, checkpoint=path, callback=raising_at(3))
    model, arrays = models.read(path)
    for place in models.places(model):
        for odd in (*((value,) for value in models.ODD[len(place) % 4 :: 4]), ()):
            models.write(path, models.replaced(model, place, *odd), arrays)
            with contextlib.suppress(Refused), refusing():
                run(X, checkpoint=path, resume=True)
                taken += 1
    assert taken


KILLED = """
import sys, numpy as np, gpudict
x = np.random.default_rng(0).normal(size=(900, 16))
print("began", flush=True)
found = gpudict.learn_online(
    x, 24, alpha=0.8, batch_size=6, max_iter=2, tol=0, max_no_improvement=None, random_state=0,
    checkpoint=sys.argv[1], checkpoint_every=0, resume=True)
np.save(sys.argv[1] + ".npy", found.dictionary)
"""


@SLOW
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
def test_a_process_is_killed(tmp_path):
    """Once its checkpoint is there; the same command ends as one that nobody killed."""
    environment = {**os.environ, "PYTHONPATH": str(Path(gpudict.__file__).parent.parent)}
    path = tmp_path / "c"
    for kills in (True, False):
        command = [sys.executable, "-c", KILLED, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"began\n"
            while kills and not path.exists():
                time.sleep(0.01)
            if kills:
                time.sleep(random.Random(0).uniform(0.01, 0.1))
                child.kill()
        assert child.returncode == (-signal.SIGKILL if kills else 0)
    x = np.random.default_rng(0).normal(size=(900, 16))
    want = online_run(x, 24, alpha=0.8, batch_size=6).dictionary
    assert np.load(f"{path}.npy").tobytes() == want.tobytes()
