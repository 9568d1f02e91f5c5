"""scikit-learn's own tests of dictionary learning and sparse PCA, run with our names in theirs.

The files are those that its wheel ships; nothing is copied. Each is executed once with the names
that we have imported from here instead, and pytest collects what it defines. Tests that assert what
the README's table lists as different, and those alone, are expected to fail.
"""

from __future__ import annotations

import ast
import importlib.util
from typing import Any

import pytest

import gpudict

FILES = {
    "dict": "sklearn.decomposition.tests.test_dict_learning",
    "pca": "sklearn.decomposition.tests.test_sparse_pca",
}
POSITIVE = "positive=True works with 'lars' and 'omp' too, and 'cd' is the default"
DEVIATIONS = {
    "test_dict_learning_lars_positive_parameter": POSITIVE,
    "test_dict_learning_lars_code_positivity": POSITIVE,
    "test_dict_learning_online_lars_positive_parameter": POSITIVE,
    "test_sparse_encode_unavailable_positivity": POSITIVE,
    "test_dict_learning_online_initialization": "the start is normalised",
}


def substituted(source: str) -> ast.Module:
    """Return the tree of a file in which what we have too is imported from here."""
    tree = ast.parse(source)
    for node in list(tree.body):
        if isinstance(node, ast.ImportFrom) and node.module == "sklearn.decomposition":
            ours = [name for name in node.names if name.name in gpudict.__all__]
            node.names = [name for name in node.names if name not in ours]
            place = tree.body.index(node)
            tree.body.insert(place, ast.ImportFrom("gpudict", ours, 0))
            if not node.names:
                tree.body.remove(node)
    return ast.fix_missing_locations(tree)


def collected(prefix: str, module: str) -> dict[str, Any]:
    """Return the tests of a module of scikit-learn, under names that tell where they are from."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    with open(spec.origin) as file:
        tree = substituted(file.read())
    space: dict[str, Any] = {"__name__": module}
    exec(compile(tree, spec.origin, "exec"), space)
    tests = {name: f for name, f in space.items() if name.startswith("test_")}
    for name, reason in DEVIATIONS.items():
        if name in tests:
            tests[name] = pytest.mark.xfail(reason=reason, strict=True)(tests[name])
    return {name.replace("test_", f"test_{prefix}_", 1): f for name, f in tests.items()}


@pytest.fixture
def global_random_seed() -> int:
    """The seed that scikit-learn's own conftest would give."""
    return 42


for _prefix, _module in FILES.items():
    globals().update(collected(_prefix, _module))
