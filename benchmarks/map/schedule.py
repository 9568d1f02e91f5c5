"""Online learning at equal batches, and to an equal cost, on many data sets.

python -m benchmarks.map.schedule                 # all sets: schedule.json, and the table
python -m benchmarks.map.schedule --only digits   # cases with that word; the others stay
python -m benchmarks.map.schedule --report --write     # nothing is run: the table into the README

All learners start from the same samples and see the same batches in the same order, on one thread;
the cost is that of samples which none has seen. The schedule's constants were chosen on patches of
flower.jpg (8×8) and china.jpg (12×12), on digits, and on generated signals that are not here.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.map import sets
from benchmarks.marked import put
from benchmarks.race import judge, measure
from benchmarks.race.problems import unit
from gpudict._writing import write_whole

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- schedule: begin -->", "<!-- schedule: end -->"
PASSES = (1, 5)
STEPS = 200  # of SPAMS, whose cost is then the target
STRIDE, MOST = 1.05, 10
REPEATS = 3
SLOW = 4.0  # seconds of a pass of scikit-learn, from which on it makes no more
BEST = 1e-6  # of ½‖x‖²: the gap of codes by which a dictionary is judged


class Case(NamedTuple):
    """A data set, and how it is learned: the first n samples are seen, `unseen` others judge."""

    name: str
    data: Callable[..., sets.Pair]
    n: int
    d: int
    k: int
    alpha: float
    batch: int
    unseen: int = 1000


CASES = (
    Case("flower 8×8", sets.flower_samples, 12_288, 64, 256, 0.15, 512),
    Case("flower 8×8, k ≫ batch", sets.flower_samples, 6_144, 64, 512, 0.15, 64),
    Case("china 12×12", sets.china_samples, 8_192, 144, 256, 0.15, 512),
    Case("china 12×12, k ≫ batch", sets.china_samples, 4_096, 144, 512, 0.15, 64),
    Case("digits", sets.digits, 1_536, 64, 64, 0.6, 128, 197),
    Case("digits, k ≫ batch", sets.digits, 1_536, 64, 100, 0.6, 16, 161),
    Case("heart", sets.heart, 800, 96, 48, 0.1, 64, 100),
    Case("heart, k ≫ batch", sets.heart, 768, 96, 96, 0.1, 16, 60),
    Case("sensor", sets.sensor, 8_192, 64, 96, 0.7, 256),
    Case("sensor, k ≫ batch", sets.sensor, 4_096, 64, 256, 0.7, 32),
    Case("pixels", sets.pixels, 16_384, 3, 8, 0.02, 256),
    Case("pixels, k ≫ batch", sets.pixels, 4_096, 3, 12, 0.02, 3),
    Case("planted", sets.start, 12_288, 64, 256, 0.1, 512),
    Case("planted, k ≫ batch", sets.start, 4_096, 64, 256, 0.1, 32),
    Case("activations", sets.activations, 8_192, 128, 256, 0.1, 512),
    Case("activations, k ≫ batch", sets.activations, 4_096, 128, 256, 0.1, 32),
    Case("spectra", sets.spectra, 8_192, 150, 80, 20.0, 256),
    Case("spectra, k ≫ batch", sets.spectra, 4_096, 150, 160, 20.0, 32),
    Case("mixtures", sets.mixtures, 8_192, 100, 40, 0.1, 256),
    Case("mixtures, k ≫ batch", sets.mixtures, 4_096, 100, 120, 0.1, 16),
    Case("brain", sets.brain, 8_192, 100, 30, 0.5, 256),
    Case("brain, k ≫ batch", sets.brain, 4_096, 100, 128, 0.5, 32),
    Case("counts", sets.counts, 8_192, 120, 60, 0.8, 256),
    Case("counts, k ≫ batch", sets.counts, 4_096, 120, 160, 0.8, 32),
    Case("flower 8×8, batches of 3", sets.flower_samples, 1_536, 64, 100, 0.15, 3),
    Case("china 6×6, batches of 16", sets.china_samples, 4_096, 36, 64, 0.15, 16),
)
Learner = Callable[[Any, int], np.ndarray]  # of a posed case and a number of batches


class Posed(NamedTuple):
    """What a case comes to: samples, those that judge, the first atoms, and the case."""

    X: np.ndarray
    unseen: np.ndarray
    V: np.ndarray
    case: Case

    def cost(self, V: np.ndarray) -> float:
        """Return the cost a sample of the best codes of unseen samples; the judge sees to that."""
        import gpudict

        V = unit(np.asarray(V, dtype=np.float64))
        U = gpudict.encode(self.unseen, V, alpha=self.case.alpha, n_jobs=1).Z
        verdict = judge.judge(self.unseen, V, U, self.case.alpha)
        if verdict.gap > BEST:
            raise RuntimeError(f"the codes that judge have a gap of {verdict.gap:.1e} of ½‖x‖²")
        return verdict.objective / len(U)


def posed(case: Case) -> Posed:
    """Load a case; its samples are in random order, and k of them are the first atoms."""
    X, _ = case.data(case.n + case.unseen, case.d, case.k)
    rng = np.random.default_rng(0)
    X = X[rng.permutation(len(X))]
    X, unseen = X[: -case.unseen], X[-case.unseen :]
    X = X[: len(X) // case.batch * case.batch]
    V = X[rng.choice(len(X), case.k, replace=False)]
    return Posed(X, unseen, unit(V + 1e-6 * rng.standard_normal(V.shape)), case)


def gpudict(p: Posed, steps: int) -> np.ndarray:
    """Learn with gpudict, from a stream of so many batches."""
    return learned(p, steps).dictionary


def learned(p: Posed, steps: int, callback: Callable[..., bool] | None = None) -> Any:
    """Learn with gpudict until the batches end or the callback says so, which gets copies."""
    import gpudict

    starts = (step * p.case.batch % len(p.X) for step in range(steps))
    return gpudict.learn_online(
        (p.X[low : low + p.case.batch] for low in starts), len(p.V), alpha=p.case.alpha,
        dict_init=p.V, tol=0, max_no_improvement=None, random_state=0, n_jobs=1, callback=callback,
    )  # fmt: skip


def spams(p: Posed, steps: int) -> np.ndarray:
    """Learn with SPAMS."""
    import spams

    X, D = (np.asfortranarray(a.T) for a in (p.X, p.V))
    options = {"lambda1": p.case.alpha, "batchsize": p.case.batch, "iter": steps, "mode": 2}
    V: np.ndarray = spams.trainDL(X, D=D, numThreads=1, verbose=False, **options).T
    return V


def scikit_learn(p: Posed, steps: int) -> np.ndarray:
    """Learn with scikit-learn; it counts in passes."""
    from sklearn.decomposition import MiniBatchDictionaryLearning

    learner = MiniBatchDictionaryLearning(
        len(p.V), alpha=p.case.alpha, batch_size=p.case.batch, dict_init=p.V.copy(), tol=0,
        shuffle=False, max_no_improvement=None, max_iter=steps * p.case.batch // len(p.X),
        fit_algorithm="cd", transform_max_iter=10_000, random_state=0,
    )  # fmt: skip
    components: np.ndarray = learner.fit(p.X).components_
    return components


def at_equal_batches(p: Posed) -> dict[int, float]:
    """Return by how many per cent gpudict's cost is above the lowest, after so many passes."""
    others, found = [spams, scikit_learn], {}
    for passes in PASSES:
        steps, costs = passes * (len(p.X) // p.case.batch), []
        for one in tuple(others):
            V, took = measure.once(lambda one=one, steps=steps: one(p, steps))
            costs.append(p.cost(V))
            if one is scikit_learn and took > SLOW:
                others.remove(one)
        found[passes] = 100 * (p.cost(gpudict(p, steps)) / min(costs) - 1)
    return found


def to_equal_cost(p: Posed) -> dict[str, float]:
    """Return in how many batches gpudict reaches SPAMS's cost, and the seconds of both.

    It is looked at after STRIDE as many batches as before, or one more.
    """
    target, looks = p.cost(spams(p, STEPS)), [1]

    def reached(now: Any, *_: Any) -> bool:
        made = now.progress.iteration + 1
        if made < looks[-1]:
            return False
        looks.append(max(made + 1, int(STRIDE * made)))
        return p.cost(now.dictionary) <= target

    batches = len(learned(p, MOST * STEPS, reached).history)
    calls = {"gpudict": lambda: gpudict(p, batches), "spams": lambda: spams(p, STEPS)}
    timings, _ = measure.in_turn(calls, REPEATS)
    return {"batches": batches} | {who: timing.median for who, timing in timings.items()}


def run(case: Case) -> dict[str, Any]:
    """Run a case."""
    p = posed(case)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "name": case.name, "n": len(p.X), "d": case.d, "k": case.k, "batch": case.batch,
            "above": at_equal_batches(p), "to": to_equal_cost(p),
        }  # fmt: skip


def table(rows: list[dict[str, Any]]) -> str:
    """Return the cases as a Markdown table, and what they come to."""
    lines = [
        "| data | n × d, k, batch | above the better, 1 pass | 5 passes | batches | SPAMS's time |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        one, five = row["above"].values()
        ratio = row["to"]["spams"] / row["to"]["gpudict"]
        lines.append(
            f"| {row['name']} | {row['n']:,} × {row['d']}, {row['k']}, {row['batch']} "
            f"| {one:+.2f} % | {five:+.2f} % | {row['to']['batches']} | {ratio:.1f} × |"
        )
    every = [value for row in rows for value in row["above"].values()]
    ratios = [row["to"]["spams"] / row["to"]["gpudict"] for row in rows]
    said = (
        f"At most {max(every):+.2f} %, {np.mean(every):+.2f} % on average; "
        f"{sum(v > 0.1 for v in every)} of {len(every)} above +0.1 %. SPAMS takes "
        f"{np.median(ratios):.1f} times as long in the median, {min(ratios):.2f} at least."
    )
    return "\n".join([*lines, "", said])


def main(argv: list[str] | None = None) -> None:
    """Run the cases, one after the other, and write what they come to."""
    line = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    line.add_argument("--only", default="", help="cases whose name has that word")
    line.add_argument("--report", action="store_true", help="run nothing, show what is there")
    line.add_argument("--out", type=Path, default=Path("bench"), help="folder (default: bench)")
    line.add_argument("--write", action="store_true", help="write the table of the README too")
    given = line.parse_args(argv)
    given.out.mkdir(parents=True, exist_ok=True)
    file = given.out / "schedule.json"
    known = json.loads(file.read_bytes())["rows"] if file.exists() else []
    rows = {row["name"]: row for row in known}
    for case in (case for case in CASES if given.only in case.name and not given.report):
        try:
            rows[case.name] = run(case)
        except ImportError as error:
            print(f"{case.name}: {error}; python -m pip install '.[bench]'")
            continue
        print(table([rows[case.name]]).splitlines()[2], flush=True)
        whole = {"machine": measure.machine(), "rows": list(rows.values())}
        write_whole(file, (json.dumps(whole, indent=1) + "\n").encode())
    shown = table([rows[case.name] for case in CASES if case.name in rows])
    print(shown)
    if given.write:
        put(README, BEGIN, END, shown)


if __name__ == "__main__":
    main()
