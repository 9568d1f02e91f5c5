"""The house holds: data flows one way through the floors, and its limits are kept.

The syntax trees are walked, so nothing here depends on what happens to be imported at run time.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gpudict

ROOT = Path(gpudict.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

FLOORS = (
    ("_array", "_backends", "_check"),
    ("quadratic", "penalties", "history", "sparse"),
    ("solvers", "kernels"),
    ("loop", "stopping"),
    ("streaming", "threads", "batches"),
    ("problem", "updates", "certificate", "hosted", "room", "coding", "codes", "atoms",
     "alternating", "learning", "online", "datasets", "selftest"),
    ("functional", "reporting", "estimators", "plotting", "demo", "doctor"),
    ("cli", "__init__", "__main__"),
)  # fmt: skip
FLOOR_OF = {room: i for i, floor in enumerate(FLOORS) for room in floor}
SKLEARN_ROOMS = ("functional", "datasets", "estimators")


def room(path: Path) -> str:
    """Return the name of the file's room, the folder for a file in a folder."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(tree: ast.AST):
    """Yield (dotted name, node) of every import in the tree, one for each name imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((f"{node.module}.{alias.name}", node) for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path: Path):
    tree = ast.parse(path.read_text())
    top = {id(n) for n in tree.body}
    for name, node in imports(tree):
        parts = name.split(".")
        if parts[0] == "gpudict" and len(parts) > 1 and parts[1] in FLOOR_OF:
            assert FLOOR_OF[parts[1]] <= FLOOR_OF[room(path)], f"{name} stands above {path.name}"
        if parts[0].startswith("array_api"):
            assert room(path) in ("_array", "_backends"), f"{path.name} imports {name}"
        if parts[0] in ("torch", "cupy", "jax", "dpnp", "dpctl"):
            assert room(path) in ("_backends", "kernels"), f"{path.name} imports {name}"
        if parts[0] == "sklearn":
            assert room(path) in SKLEARN_ROOMS, f"{path.name} imports {name}"
            late = id(node) not in top or room(path) == "estimators"  # they derive from its classes
            assert late, f"{path.name} imports {name} before it is needed"


def test_every_file_has_a_floor():
    assert {room(p) for p in FILES} <= set(FLOOR_OF)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_limits_of_the_house(path: Path):
    """Files of at most 250 lines, bodies of 40, 7 parameters below the faces, and no policy."""
    text = path.read_text()
    tree = ast.parse(text)
    assert text.count("\n") <= 250
    assert ast.get_docstring(tree) or not tree.body, "a module opens with its idea"
    for f in ast.walk(tree):
        if isinstance(f, ast.FunctionDef):
            doc = ast.get_docstring(f, clean=False)
            lines = f.end_lineno - f.body[0].lineno + 1 - (doc.count("\n") + 1 if doc else 0)
            compiled = room(path) == "kernels"  # one body, its workspace handed from loop to loop
            assert lines <= (50 if compiled else 40), f"{f.name} has {lines} lines"
            count = len(f.args.args) + len(f.args.kwonlyargs) + len(f.args.posonlyargs)
            if FLOOR_OF[room(path)] < FLOOR_OF["learning"] and not compiled:
                assert count <= 7, f"{f.name} has {count} parameters"
        if isinstance(f, ast.Call) and isinstance(f.func, ast.Name):
            assert f.func.id not in ("print", "locals")
    if room(path) not in ("_array", "_backends", "kernels"):
        assert not re.search(r"\b(backend|namespace|xp\.__name__)\s*==", text)


def test_import_is_lazy():
    """`import gpudict` loads nothing heavy; the names load what they need when they are used."""
    code = (
        "import sys, gpudict; heavy = {'sklearn', 'numba', 'torch', 'cupy', 'jax', 'scipy', "
        "'matplotlib', 'rich'}; early = heavy & set(sys.modules); "
        "gpudict.encode, gpudict.learn, gpudict.dict_learning, gpudict.datasets; "
        "print(early, heavy & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["set()", "set()"]


def test_public_names():
    """Every public name exists, is documented in numpydoc with an example, and is listed."""
    assert set(gpudict.__all__) <= set(dir(gpudict))
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
