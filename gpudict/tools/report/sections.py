"""What the report says: sections of facts and pictures, of a model and what it makes of data."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from gpudict.arrays.door import device, is_array, library
from gpudict.tools.plotting.atoms import plot_atoms
from gpudict.tools.plotting.codes import plot_sparsity, plot_use
from gpudict.tools.plotting.coherence import cosines, plot_coherence, unit
from gpudict.tools.plotting.history import Course, plot_history
from gpudict.tools.plotting.reading import Tally, array_of, atoms_of, use_of
from gpudict.tools.report.figures import SIZE, picture
from gpudict.tools.report.judged import Judged
from gpudict.tools.report.parts import Fact, Section

LISTED = 20  # numbers of atoms, and rows of a table


def contents(model: Any, X: Any, shape: tuple[int, ...] | None) -> dict[str, Any]:
    """Return what the page is made of.

    Raises
    ------
    TypeError, ValueError
        The model is none, is not fitted, or can't code X.
    """
    estimator = hasattr(model, "get_params")
    if not estimator and (X is not None or not hasattr(model, "dictionary")):
        raise TypeError(
            f"model is a {type(model).__name__}, and a fitted estimator is needed. Pass what "
            "gpudict.load returns; of what gpudict.learn returned, no data, or "
            "gpudict.SparseCoder(learned.dictionary, transform_alpha=…, ...) with them."
        )
    atoms = atoms_of(model)
    judged = None if X is None else Judged.of(model, X)
    tally = judged.tally if judged else _own(model)
    course = Course.of(model)
    sections = [_atoms(model, atoms, tally, shape)]
    sections += [] if course is None else [_learning(model, course)]
    sections += [] if judged is None else [_data(judged)]
    sections += [] if tally is None else [_codes(tally)]
    name = type(model).__name__ if estimator else "A learned dictionary"
    return {"name": name, "sections": [*sections, _parameters(model)], "facts": _glance(sections)}


def _own(model: Any) -> Tally | None:
    """Return the tally of the codes that a model has by itself, if it has any."""
    code = getattr(model, "code", None)
    return None if code is None else Tally.of(code)


def _glance(sections: list[Section]) -> list[Fact]:
    """Return the facts that stand first."""
    return [fact for section in sections for fact in section.facts if fact.first]


def _atoms(
    model: Any, atoms: np.ndarray, tally: Tally | None, shape: tuple[int, ...] | None
) -> Section:
    k, d = atoms.shape
    use = use_of(model) if tally is None else tally.energy
    coherence = cosines(unit(atoms))[1]
    facts = [
        Fact.number("Atoms", k, first=True),
        Fact.number("Features", d, first=True),
        Fact.real("Coherence", coherence),
        Fact.number("Atoms that are zero", k - len(unit(atoms))),
    ]
    tall = (SIZE[0], 1.4 * SIZE[1])
    alike = f"How alike two atoms are; the two most alike, the dashed line, {coherence:.4g}."
    pictures = [
        picture("Atoms", "", lambda ax: plot_atoms(atoms, shape, use=use, ax=ax), tall),
        picture("Coherence", alike, lambda ax: plot_coherence(atoms, ax=ax)),
    ]
    if hasattr(model, "ridge_alpha"):  # what is sparse are the components
        zeros = float(np.mean(atoms == 0))
        facts.append(Fact.share("Zeros of the components", zeros, first=True))
        some = f"{100 * zeros:.3g} % of the entries of the {k:,} components are zero."
        draw = partial(_of_components, atoms)
        pictures.append(picture("Sparsity of the components", some, draw))
    return Section("Atoms", facts, pictures)


def _of_components(atoms: np.ndarray, ax: Any) -> None:
    plot_sparsity(atoms, ax=ax)
    ax.set(xlabel="non-zeros of a component", ylabel="components", title="")


def _learning(model: Any, course: Course) -> Section:
    y, best, gap = course.objective, course.best, course.gap
    steps, which = ("mini-batches", "Last") if course.online else ("iterations", "Lowest")
    each = " per sample" if course.online else ""
    facts = [
        Fact.number(steps.capitalize(), y.size, first=True),
        Fact.real(f"First objective{each}", y[0]),
        Fact.real(f"{which} objective{each}", y[best], first=True),
    ]
    fell = f"The objective goes from {y[0]:.4g} to {y[-1]:.4g} in {y.size:,} {steps}."
    pictures = [picture("Objective", fell, lambda ax: plot_history(model, ax=ax))]
    if gap is not None and np.isfinite(gap).all():
        facts.append(Fact.small("Largest gap of a row, of ½‖x‖²", gap[best], first=True))
        bound = f"No code was farther than {gap.max():.1e} · ½‖x‖² from its optimum."
        draw = lambda ax: plot_history(model, "gap", ax=ax)  # noqa: E731
        pictures.append(picture("Certificate", bound, draw))
    if course.last is not None:
        facts.append(Fact.small("Total gap of the codes that were kept", course.last))
    history = getattr(model, "history_", getattr(model, "history", None)) or []
    if history:
        facts.append(Fact.number("Unused atoms, of all steps", sum(one.unused for one in history)))
        facts.append(Fact.real("Seconds", history[-1].seconds, " s"))
    return Section("Learning", facts, pictures, _table(history))


def _table(history: Any) -> list[list[str]]:
    """Return some steps of a history below a head, the first and the last among them."""
    if not history:
        return []
    table = [["step", "objective", "largest gap", "unused atoms", "seconds"]]
    for i in np.unique(np.linspace(0, len(history) - 1, LISTED).round().astype(int)).tolist():
        _, objective, gap, unused, seconds = history[i]
        numbers = f"{i + 1:,} {objective:.6g} {gap:.1e} {unused:,} {seconds:.3g}"
        table.append(numbers.split())
    return table


def _data(judged: Judged) -> Section:
    facts = [Fact.number("Rows", judged.n)]
    if judged.explained is None:
        facts.append(Fact.word("Explained variance", "none to explain: all rows are the same"))
    else:
        facts.append(Fact.share("Explained variance", judged.explained, first=True))
    facts += [Fact.real("½‖X‖²", judged.energy), Fact.real("‖X − UV‖²", judged.error)]
    if judged.gap is not None and judged.relative is not None and judged.converged is not None:
        facts += [
            Fact.share("Rows converged", judged.converged, first=True),
            Fact.small("Largest gap of a row, of ½‖x‖²", judged.relative.max()),
            Fact.small("Median gap of a row, of ½‖x‖²", np.median(judged.relative)),
            Fact.small("Total gap", judged.gap.sum()),
        ]
    elif judged.tally is not None:
        facts.append(Fact.word("Certificate", "none: the codes are not those of a lasso"))
    return Section("On the data", facts)


def _codes(tally: Tally) -> Section:
    n, k = len(tally.nonzeros), len(tally.rows)
    dead = np.flatnonzero(tally.rows == 0)
    median = np.median(tally.nonzeros)
    facts = [
        Fact.real("Non-zeros of a row, mean", tally.nonzeros.mean(), first=True),
        Fact.real("Non-zeros of a row, median", median),
        Fact.number("Dead atoms", dead.size, first=True),
    ]
    if dead.size:
        more = " …" if dead.size > LISTED else ""
        facts.append(Fact.word("Their numbers", ", ".join(map(str, dead[:LISTED])) + more))
    sparse = f"The dashed line is the median of the {n:,} rows, {median:g} non-zeros of {k:,}."
    used = f"The most used atom is in {100 * tally.rows.max() / n:.3g} % of the rows, "
    used += f"{dead.size:,} of {k:,} in none."
    pictures = [
        picture("Sparsity", sparse, lambda ax: plot_sparsity(tally, ax=ax)),
        picture("Use", used, lambda ax: plot_use(tally, ax=ax)),
    ]
    return Section("Codes", facts, pictures)


def _parameters(model: Any) -> Section:
    array = array_of(model)
    facts = [
        Fact.word("Shape of the atoms", str(tuple(array.shape))),
        Fact.word("dtype", str(array.dtype)),
        Fact.word("Array library", f"{library(array)}, on {device(array)}"),
    ]
    given = model.get_params(deep=False) if hasattr(model, "get_params") else {}
    return Section(
        "Model", facts + [Fact.word(name, _said(value)) for name, value in given.items()]
    )


def _said(value: Any) -> str:
    """Return a parameter in a few words."""
    if is_array(value):
        return f"array {tuple(value.shape)} of {value.dtype}"
    if isinstance(value, bool | int | float | str) or value is None:
        return str(value)
    return type(value).__name__
