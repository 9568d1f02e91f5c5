"""Rows on worker processes: the same dictionary, few bytes, and workers that are killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("distributed")
ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow

PRELUDE = """
import json, logging, os, signal, sys, threading, time
import numpy as np, dask, dask.array as da, distributed
import gpudict
from benchmarks import cluster
from gpudict.arrays.chunks import on_cluster
from gpudict.learning import warm

rng = np.random.default_rng(0)
K, D, N = 64, 32, 24_000
X = rng.standard_normal((N, D))
options = {"alpha": 2.0, "dict_init": X[:K]}
exact = {**options, "tol": 0}

def kill(workers):
    for nanny in workers:
        os.kill(nanny.process.process.pid if hasattr(nanny.process, "process") else nanny.pid,
                signal.SIGKILL)

def main():
    found = run()
    print(json.dumps(found))

"""
END = """
if __name__ == "__main__":
    main()
"""
COUNTED = """
def run():
    want = gpudict.learn(X, K, max_iter=6, **exact)
    found = []
    for workers in (2, 4):
        far = da.from_array(X, chunks=(N // workers, D))
        made = cluster.counted(far, workers, K, 6, **options)
        found.append({
            "far": float(np.abs(made.dictionary - want.dictionary).max()),
            "step": float(np.median(made.bytes)),
            "bound": workers * (K * K + 2 * K * D) * 8 + 64_000,
            "least": workers * (K * K + K * D) * 8,
            "whole": made.whole,
            "rows": X.nbytes,
        })
    return found
"""
KILLED = """
def run():
    want = gpudict.learn(X, K, max_iter=8, **exact)
    workers = distributed.LocalCluster(
        n_workers=3, threads_per_worker=1, dashboard_address=None, silence_logs=50)
    with workers, distributed.Client(workers) as client:
        far = da.from_array(X, chunks=(N // 9, D)).persist()
        distributed.wait(far)

        def watch(now):
            nannies = list(workers.workers.values())
            if now.progress.iteration == 2:
                kill(nannies[:1])
            if now.progress.iteration == 4:
                threading.Timer(0.05, kill, [nannies]).start()

        found = gpudict.learn(far, K, max_iter=8, callback=watch, **exact)
        codes = found.code[:100].compute()
    return {
        "far": float(np.abs(found.dictionary - want.dictionary).max()),
        "codes": float(np.abs(codes - want.code[:100]).max()),
    }
"""
GONE = """
on_cluster.PATIENCE = 2.0

def run():
    want = gpudict.learn(X, K, max_iter=6, **exact)
    path = sys.argv[1]
    kept = {"checkpoint": path, "checkpoint_every": 0, "max_iter": 6}
    far = da.from_array(X, chunks=(N // 4, D))

    def learned(**more):
        workers = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50)
        with workers, distributed.Client(workers):
            def watch(now):
                if now.progress.iteration == 3 and not more:
                    workers.scale(0)
                    while workers.scheduler_info["workers"]:
                        time.sleep(0.1)
            return gpudict.learn(far, K, callback=watch, **kept, **exact, **more)

    try:
        learned()
    except RuntimeError as error:
        said, notes = str(error), error.__notes__
    found = learned(resume=True)
    return {
        "said": said,
        "notes": notes,
        "far": float(np.abs(found.dictionary - want.dictionary).max()),
    }
"""
WITHIN = """
def within(X):
    far = da.from_array(X, chunks=(N // 4, D))
    return gpudict.learn(far, K, max_iter=3, **exact).dictionary

def run():
    want = gpudict.learn(X, K, max_iter=3, **exact).dictionary
    with distributed.Client(
        processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None) as client:
        found = client.submit(within, X).result(timeout=60)
        left = interrupted(client)
        with dask.config.set(scheduler="sync"):
            alone = on_cluster.active() is None  # as Dask does where it is asked to
        try:
            gpudict.learn(
                da.from_array(X), K, max_iter=3, callback=lambda now: client.close(), **exact)
        except RuntimeError as error:
            said = str(error)
    far = float(np.abs(found - want).max())
    return {"far": far, "left": left, "said": said, "alone": alone}

def interrupted(client):
    warm.begun, warm.go = threading.Event(), threading.Event()  # of a module: it is not pickled

    def late(rows):
        if warm.begun.is_set() and not warm.go.is_set():
            os.kill(os.getpid(), signal.SIGINT)
            warm.go.wait(20)
        return rows

    far = da.from_array(X, chunks=(N // 4, D)).map_blocks(late, dtype=X.dtype, meta=X[:0])
    try:
        gpudict.learn(far, K, max_iter=3, callback=lambda now: warm.begun.set(), **exact)
    except KeyboardInterrupt as error:
        shown = error  # as a notebook holds it, with its frames
    for _ in range(500):
        left = client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks))
        if not left:
            break
        time.sleep(0.01)
    warm.go.set()
    return [left, len(warm._KEPT), len(shown.args)]
"""


def outcome(script: str, tmp_path: Path):
    """Return what a script prints: processes that are spawned import it."""
    path = tmp_path / "on_workers.py"
    path.write_text(PRELUDE + script + END)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    ran = subprocess.run(
        [sys.executable, path, tmp_path / "c"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout.splitlines()[-1])


def test_a_step_sends_sums_and_atoms_and_rows_stay(tmp_path: Path):
    """Two and four workers learn what one process does; every byte that is sent is counted."""
    for found in outcome(COUNTED, tmp_path):
        assert found["far"] < 1e-10
        assert found["least"] < found["step"] <= found["bound"]
        assert found["whole"] < 0.5 * found["rows"]


def test_workers_are_killed(tmp_path: Path):
    """One, and then all while they work: others do it, and the result is the same."""
    found = outcome(KILLED, tmp_path)
    assert found["far"] < 1e-10
    assert found["codes"] < 1e-10


def test_no_worker_is_left(tmp_path: Path):
    """One clear error, and a checkpoint that another cluster goes on from."""
    found = outcome(GONE, tmp_path)
    assert "has had no worker for 2 s" in found["said"]
    assert "holds what was learned in 4 steps" in found["notes"][0]
    assert found["far"] < 1e-10


def test_a_task_learns_and_ctrl_c_ends_all_tasks(tmp_path: Path):
    """A task leaves its thread to those it waits for; what still runs at Ctrl-C keeps nothing."""
    found = outcome(WITHIN, tmp_path)
    assert found["far"] < 1e-10
    assert found["left"] == [0, 0, 0]
    assert found["alone"]
    assert "client of Dask's that is active here is closed" in found["said"]
