"""The house holds: data flows one way through its floors, and its limits are kept.

The syntax trees are walked, so nothing here depends on what happens to be imported at run time. An
import counts wherever it stands: at the top of a file, in a function, or for the types alone.
"""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gpudict
from gpudict.arrays.backends import rows

ROOT = Path(gpudict.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

FLOORS = (  # a room imports what stands before it
    ("_version", "_writing"),
    ("arrays",),
    ("objective", "datasets"),
    ("solvers",),
    ("coding",),
    ("learning",),
    ("translation",),
    ("functional", "estimators"),
    ("tools",),
    ("__init__", "__main__"),
)
FLOOR_OF = {room: i for i, floor in enumerate(FLOORS) for room in floor}
SKLEARN_ROOMS = ("translation", "datasets", "estimators")
LIBRARIES = {row.requires for row in rows()} - {"numpy"} | {"cupyx", "dpctl"}


def room(path: Path) -> str:
    """Return the name of the file's room, the folder for a file in a folder."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def module(path: Path) -> str:
    """Return the dotted name of a file."""
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module(path): path for path in FILES}


def imports(tree: ast.AST):
    """Yield (dotted name, node) of every import in the tree, one for each name imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((f"{node.module}.{alias.name}", node) for alias in node.names)


def imported(path: Path) -> set[Path]:
    """Return the files of the package that a file imports: of a name that is in one, that one."""
    found = set()
    for name, _ in imports(ast.parse(path.read_text())):
        known = (n for n in (name, name.rpartition(".")[0]) if n in MODULES)
        found |= {MODULES[n] for n in [next(known, None)] if n}
    return found - {path}


def test_rooms_and_floors():
    """As many as a listing can show; a room on every floor, and no room without one."""
    rooms = {room(path) for path in FILES}
    assert rooms == set(FLOOR_OF)
    assert len(rooms) <= 14
    assert len(FLOORS) <= 10


def test_imports_point_down():
    """Between rooms to a lower floor; and between files in no circle."""
    arrows = {path: imported(path) for path in FILES}
    for path, others in arrows.items():
        for other in others:
            here, there = room(path), room(other)
            assert here == there or FLOOR_OF[there] < FLOOR_OF[here], f"{path} imports {other}"
    assert tuple(graphlib.TopologicalSorter(arrows).static_order())  # a circle raises


def test_solvers_are_made_for_penalties_and_found_by_the_registry():
    """Within `solvers` the contract comes first; no solver knows the loop, the registry none."""
    for path in (ROOT / "solvers").rglob("*.py"):
        names = {module(other).removeprefix("gpudict.solvers.") for other in imported(path)}
        if path.parent.name in ("portable", "host", "cuda"):
            assert not names & {"loop", "registry", "places"}, path
        if path.parent.name == "portable":
            assert not any(name.startswith(("host", "cuda")) for name in names), path


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_libraries_stay_in_their_rooms(path: Path):
    tree = ast.parse(path.read_text())
    top = {id(n) for n in tree.body}
    for name, node in imports(tree):
        first = name.split(".")[0]
        if first.startswith("array_api_") and first not in LIBRARIES:
            assert path.name == "door.py", f"{path.name} imports {name}"
        if first in LIBRARIES:
            assert path.parent.name == "backends", f"{path.name} imports {name}"
            assert id(node) not in top, f"{path.name} imports {name} before it is needed"
        if first == "sklearn":
            assert room(path) in SKLEARN_ROOMS, f"{path.name} imports {name}"
            late = id(node) not in top or room(path) == "estimators"  # they derive from its classes
            assert late, f"{path.name} imports {name} before it is needed"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_limits_of_the_house(path: Path):
    """Files of at most 250 lines, bodies of 40, 8 parameters below the faces, and no policy."""
    text = path.read_text()
    tree = ast.parse(text)
    assert text.count("\n") <= 250
    assert ast.get_docstring(tree) or not tree.body, "a module opens with its idea"
    for f in ast.walk(tree):
        if isinstance(f, ast.FunctionDef):
            doc = ast.get_docstring(f, clean=False)
            lines = f.end_lineno - f.body[0].lineno + 1 - (doc.count("\n") + 1 if doc else 0)
            assert lines <= 40, f"{f.name} has {lines} lines"
            count = len(f.args.args) + len(f.args.kwonlyargs) + len(f.args.posonlyargs)
            entry = any("compiled" in ast.unparse(d) for d in f.decorator_list)
            if FLOOR_OF[room(path)] < FLOOR_OF["coding"] and not entry:
                assert count <= 8, f"{f.name} has {count} parameters"
        if isinstance(f, ast.Call) and isinstance(f.func, ast.Name):
            assert f.func.id not in ("print", "locals")
    if path.parent.name != "backends":
        assert not re.search(r"\b(backend|namespace|xp\.__name__)\s*==", text)


def test_contracts_are_declared():
    """Nothing about a solver or a penalty is looked up by name, or told by its type elsewhere."""
    for path in FILES:
        text = path.read_text()
        asked = re.search(r"(get|has)attr\((\w+\.)*(solver|penalty)\b|\._fields\b", text)
        assert asked is None, f"{path}: {asked}"
        if room(path) not in ("objective", "solvers"):
            told = re.search(r"isinstance\([^()]*, (L1|Cardinality|LeastSquares|\w*Penalty)", text)
            assert told is None, f"{path}: {told}"


def test_import_is_lazy():
    """`import gpudict` loads nothing heavy; the names load what they need when they are used."""
    code = (
        "import sys, gpudict; heavy = {'sklearn', 'numba', 'torch', 'cupy', 'jax', 'scipy', "
        "'matplotlib', 'rich'}; early = heavy & set(sys.modules); "
        "gpudict.encode, gpudict.learn, gpudict.dict_learning, gpudict.datasets, gpudict.plotting; "
        "print(early, heavy & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["set()", "set()"]


def test_public_names():
    """Every public name exists, is documented in numpydoc with an example, and is listed."""
    assert {name for name in dir(gpudict) if name[:2] != "__"} == set(gpudict.__all__)
    for name in gpudict.__all__:
        doc = getattr(gpudict, name).__doc__
        assert doc, name
        if callable(getattr(gpudict, name)) and name[0].islower():
            for part in ("Parameters\n", "Returns\n", "Raises\n", "Examples\n", "References\n"):
                assert part in doc, f"{name} lacks {part}"
        if hasattr(getattr(gpudict, name), "transform"):
            for part in ("Parameters\n", "Attributes\n", "Examples\n", "References\n"):
                assert part in doc, f"{name} lacks {part}"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = gpudict.nothing
