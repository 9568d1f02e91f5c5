"""CuPy without a GPU: its arrays can't be made, but it answers for names and signatures.

The syntax trees of the package are walked for all that it asks of a namespace, `xp.NAME(...)`, and
of CuPy itself, `cupy.NAME`. Each name must exist, and each call must bind to its signature. The
same is asked of other namespaces, so that the walk is known to see what it should.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import gpudict
from benchmarks.standins.ptx import running
from gpudict.arrays.backends import backend_of, named
from gpudict.arrays.backends import cupy as row
from gpudict.arrays.backends._contract import gauss_jordan

ROOT = Path(gpudict.__file__).parent
CUPY = ("cupy", "cupyx", "cupy_backends")
UFUNC_KEYWORDS = {"out", "dtype", "casting"}


class Use(NamedTuple):
    """A dotted name in some line; for a call the number of positional arguments, and keywords."""

    name: str
    where: str
    positional: int | None = None
    keywords: tuple[str, ...] = ()


def chain(node: ast.AST) -> tuple[ast.AST, list[str]]:
    """Return the root of a.b.c and its parts: the node of `a`, and ["b", "c"]."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    return node, parts


def is_namespace(node: ast.AST) -> bool:
    """Whether the node is `xp` or `array_namespace(...)`."""
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    return (isinstance(node, ast.Name) and node.id == "xp") or (
        called and node.func.id == "array_namespace"
    )


def longest(tree: ast.AST) -> Iterator[tuple[ast.Attribute | ast.Name, ast.Call | None]]:
    """Yield each dotted name once, at its full length, with the call whose function it is."""
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and id(node) not in inner:
            yield node, calls.get(id(node))


def use(name: str, where: str, call: ast.Call | None) -> Use:
    """Describe a use of a name; a call with *args or **options is taken as a mention of it."""
    if call is None or any(isinstance(a, ast.Starred) for a in call.args):
        return Use(name, where)
    words = [k.arg for k in call.keywords]
    return Use(name, where) if None in words else Use(name, where, len(call.args), tuple(words))


def of_namespaces(tree: ast.AST, file: str) -> Iterator[Use]:
    """Yield what a module asks of a namespace of arrays."""
    for node, call in longest(tree):
        root, parts = chain(node)
        if parts and is_namespace(root):
            yield use(".".join(parts), f"{file}:{node.lineno}", call)


def of_cupy(tree: ast.AST, file: str) -> Iterator[Use]:
    """Yield what a module asks of CuPy: what it imports, and what it calls that by."""
    local = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [(a.asname or a.name.split(".")[0], a.name) for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(a.asname or a.name, f"{node.module}.{a.name}") for a in node.names]
        else:
            continue
        for short, full in names:
            if full.split(".")[0] in CUPY:
                local[short] = full.split(".")[0] if short in CUPY else full
                yield Use(full, f"{file}:{node.lineno}")
    for node, call in longest(tree):
        root, parts = chain(node)
        if isinstance(root, ast.Name) and root.id in local:
            yield use(".".join([local[root.id], *parts]), f"{file}:{node.lineno}", call)


def walked(collect: Any) -> list[Use]:
    """Return what the whole package asks for."""
    files = sorted(ROOT.rglob("*.py"))
    return [u for f in files for u in collect(ast.parse(f.read_text()), str(f.relative_to(ROOT)))]


def found(name: str) -> Any:
    """Return what a dotted name stands for, its modules imported."""
    first, *rest = name.split(".")
    thing, path = importlib.import_module(first), first
    for part in rest:
        path = f"{path}.{part}"
        if not hasattr(thing, part):
            importlib.import_module(path)
        thing = getattr(thing, part)
    return thing


def objection(thing: Any, asked: Use) -> str | None:
    """Return why `thing` can't be used so, or None."""
    if asked.positional is None:
        return None
    given = [None] * asked.positional
    try:
        inspect.signature(thing).bind(*given, **dict.fromkeys(asked.keywords))
    except TypeError as error:
        return f"{asked.where}: {asked.name}: {error}"
    except ValueError:  # compiled, and it says nothing of itself but, a ufunc, how many it takes
        most = getattr(thing, "nargs", asked.positional)
        strange = set(asked.keywords) - UFUNC_KEYWORDS if hasattr(thing, "nin") else ()
        if strange or asked.positional > most:
            return f"{asked.where}: {asked.name} is a ufunc of {thing.nin}: {strange}"
    return None


def objections(xp: Any, uses: list[Use]) -> list[str]:
    """Return what a namespace lacks of all that is asked for."""
    said = []
    for asked in uses:
        thing = xp
        for part in asked.name.split("."):
            thing = getattr(thing, part, None)
        said.append(f"{asked.where}: no {asked.name}" if thing is None else objection(thing, asked))
    return [s for s in said if s]


@pytest.fixture
def cupy():
    """Skip where CuPy isn't installed; no driver is needed."""
    return pytest.importorskip("cupy", reason="cupy is not installed: pip install cupy-cuda12x")


def test_the_walk_sees_what_is_asked():
    """Names, calls and keywords, through both ways to a namespace, and wrong ones are refused."""
    code = """
import cupy
import cupyx.scipy.sparse
from cupyx.scipy.sparse import csr_matrix as made
y = xp.sort(x, descending=True) + array_namespace(x).linalg.solve(x, b)
xp.sum(x, dim=1), xp.inf, xp.nothing, xp.clip(*limits), other.sort(x)
cupy.cuda.Device(0).use(), made(x, shape=s)
"""
    asked = list(of_namespaces(ast.parse(code), "f"))
    assert sorted({(u.name, u.positional, u.keywords) for u in asked}, key=str) == [
        ("clip", None, ()),
        ("inf", None, ()),
        ("linalg.solve", 2, ()),
        ("nothing", None, ()),
        ("sort", 1, ("descending",)),
        ("sum", 1, ("dim",)),
    ]
    names = {(u.name, u.keywords) for u in of_cupy(ast.parse(code), "f")}
    assert ("cupy.cuda.Device", ()) in names
    assert ("cupyx.scipy.sparse.csr_matrix", ("shape",)) in names
    strict = pytest.importorskip("array_api_strict")
    said = objections(strict, asked)
    assert len(said) == 2
    assert "dim" in said[0] + said[1]
    assert "no nothing" in said[0] + said[1]


@pytest.mark.parametrize(
    "name", ["array_api_compat.cupy", "array_api_compat.torch", "array_api_strict"]
)
def test_all_that_is_asked_of_a_namespace_is_there(name: str):
    pytest.importorskip(name.replace("array_api_compat.", ""))
    uses = walked(of_namespaces)
    assert {"argsort", "where", "linalg.solve", "take_along_axis", "inf"} <= {u.name for u in uses}
    assert any("stable" in u.keywords for u in uses)
    assert objections(importlib.import_module(name), uses) == []


def test_all_that_is_asked_of_cupy_is_there(cupy):
    uses = walked(of_cupy)
    names = {u.name for u in uses}
    assert {"cupy.asarray", "cupy.cuda.Device", "cupyx.scipy.sparse.csr_matrix"} <= names
    assert [o for u in uses if (o := objection(found(u.name), u))] == []
    assert {u.where.partition(":")[0] for u in uses} == {"arrays/backends/cupy.py"}  # alone
    for used in ("get", "device", "dtype", "ndim", "shape", "T", "__matmul__"):
        assert hasattr(cupy.ndarray, used)
    assert issubclass(found("cupyx.scipy.sparse.csr_matrix"), found("cupyx.scipy.sparse.spmatrix"))


def test_cupy_has_its_row(cupy):
    """Its namespace is known as CuPy's, to the table too, and says what dtypes a device has."""
    compat = pytest.importorskip("array_api_compat")
    xp = importlib.import_module("array_api_compat.cupy")
    assert compat.is_cupy_namespace(xp)
    for namespace in (xp, cupy):
        row = backend_of(namespace)
        assert row.name == "cupy"
        assert row.launch_bound(None)
        assert row.csr is not None
    kinds = xp.__array_namespace_info__()
    device = cupy.cuda.Device(0)
    assert kinds.dtypes(device=device, kind="real floating")["float64"] == cupy.float64
    assert "indexing" in kinds.default_dtypes(device=device)


class Batches:
    """A namespace whose `solve` is that of CuPy: a batch at once, or one system after the other."""

    concat = staticmethod(np.concat)

    def __init__(self, most: int) -> None:
        self.linalg, self.most, self.shapes = self, most, []

    def solve(self, A: np.ndarray, B: np.ndarray) -> np.ndarray:
        self.shapes += [A.shape] if A.shape[-1] <= self.most else [A.shape[1:]] * len(A)
        return gauss_jordan(np, A, B)  # inf or nan of a singular one


@pytest.mark.parametrize(
    ("n", "m", "p"), [(5, 3, 1), (5, 8, 2), (5, 9, 1), (7, 50, 50), (1, 50, 3)]
)
def test_large_systems_are_solved_as_a_batch(monkeypatch, n: int, m: int, p: int):
    """Calls do not grow with n; one system is solved whole; a singular one spoils no other."""
    monkeypatch.setattr(row, "BATCHED", 8)
    rng = np.random.default_rng(m)
    half = rng.standard_normal((n, m, m))
    A = half @ half.transpose(0, 2, 1) / m + 0.1 * np.eye(m)
    B = rng.standard_normal((n, m, p))
    if n > 1:
        A[1] = np.ones((m, m))
    xp = Batches(8)
    with np.errstate(all="ignore"):
        found = row.BACKEND.solve(xp, A, B)
    rest = np.arange(n) != 1
    np.testing.assert_allclose(found[rest], np.linalg.solve(A[rest], B[rest]), rtol=1e-9, atol=1e-9)
    assert n == 1 or not np.isfinite(found[1]).all()
    assert len(xp.shapes) <= (1 if n == 1 else 2 * -(-m // 8))
    assert {shape[0] for shape in xp.shapes} == {n if n > 1 else m}


def test_how_many_rows_it_solves_as_a_batch(cupy):
    """The limit as its source has it, since nothing of cuBLAS can be imported without a device."""
    source = Path(cupy.__file__).with_name("cublas.py").read_text()
    assert f"\n_batched_gesv_limit = {row.BATCHED}\n" in source


@pytest.mark.parametrize(
    "said",
    [
        "CUBLAS_STATUS_ALLOC_FAILED",
        "CUSOLVER_STATUS_ALLOC_FAILED",
        "CUDA_ERROR_OUT_OF_MEMORY: out of memory",
        "cudaErrorMemoryAllocation: out of memory",
    ],
)
@pytest.mark.parametrize("name", ["cupy", "torch"])
def test_what_says_that_memory_was_not_enough(name: str, said: str):
    """CUDA's libraries have an error each, and all of them are RuntimeErrors."""
    pytest.importorskip("torch")
    row = named(name)
    assert row.exhausted(RuntimeError(said))
    assert not row.exhausted(RuntimeError("CUDA_ERROR_ILLEGAL_ADDRESS"))
    assert not row.exhausted(ValueError(said))


def test_what_it_adds_to_the_options_of_a_kernel(cupy):
    """Those that the kernels are run with from PTX, and others that have to be asked for."""
    tree = ast.parse(Path(cupy.__file__).with_name("cuda").joinpath("compiler.py").read_text())
    adding = [
        node.value
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        and re.search("nvrtc|with_cache_cuda", function.name)
        for node in ast.walk(function)
        if isinstance(node, ast.AugAssign) and ast.unparse(node.target) == "options"
    ]
    constants = [
        node.value for value in adding for node in ast.walk(value) if isinstance(node, ast.Constant)
    ]
    added = {text for text in constants if isinstance(text, str) and text.startswith("-")}
    asked = {"-arch=compute_", "--pch", "-dlto", "-DCUPY_USE_JITIFY"}
    asked |= {"--device-debug", "--generate-line-info"}
    assert added - asked == set(running.CUPY)
