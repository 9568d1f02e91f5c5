"""What a solver is: the facts about itself that others rely on, and what it does.

A file of `portable`, `host` or `cuda` defines a solver and ends with its one instance, `SOLVER`,
which has no state: facts are members of its class. There are two kinds of work. An
`IterativeSolver` maps the state of all rows to the next, and the loop around it decides when each
row is done. A `RowSolver` of the host solves row after row, each to its end.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np

from gpudict.arrays.door import Array
from gpudict.arrays.rows import Rows
from gpudict.objective.penalties.contract import Penalty
from gpudict.objective.quadratic import Quadratic

SUPPORT = 32  # atoms of a row for whose small Gram a batch has room
DENSE = 8  # rows of length k that most steps, and a certificate, hold at once
EVERY_NAME = "*"

P = TypeVar("P", bound=Penalty)
S = TypeVar("S")


class Kind(Enum):
    """What comes of a solver."""

    CERTIFIED = "solves to a certificate"
    APPROXIMATE = "gives codes that no further step improves, whatever their gap"
    PURSUIT = "chooses atoms greedily"
    UPDATE = "updates a dictionary"


class Place(Enum):
    """Where a solver runs."""

    ANYWHERE = "arrays of any library"
    HOST = "arrays on the host and at most {limit} atoms, and needs numba"
    HOST_MANY = "arrays on the host, and needs numba"
    CUDA = "arrays on a CUDA device and at most {limit} atoms, with CuPy or PyTorch"
    CUDA_MANY = "arrays on a CUDA device and more than {limit} atoms, with CuPy or PyTorch"

    __hash__ = object.__hash__  # Enum's is of the name, in Python


class Solver(ABC, Generic[P]):
    """A solver of the quadratic plus a penalty.

    Attributes
    ----------
    name : what it is called: its file's name
    penalties : the types of the penalties that it solves
    kind, place : what comes of it, and where it runs
    stands_for : other names by which it is found, where it runs and solves the penalty: it is the
        fastest of its kind there; `EVERY_NAME` if no other solver should be taken for its penalty
    fallback : the portable solver that finishes the rows that it leaves, or None
    weighted : whether entries of X may have weights
    max_iter : rounds (steps, sweeps) that are made at most unless the caller says otherwise
    """

    penalties: ClassVar[tuple[type[Penalty], ...]]
    kind: ClassVar[Kind]
    place: ClassVar[Place] = Place.ANYWHERE
    stands_for: ClassVar[tuple[str, ...]] = ()
    fallback: ClassVar[str | None] = None
    weighted: ClassVar[bool] = False
    max_iter: ClassVar[int] = 1000

    @property
    def name(self) -> str:
        return type(self).__module__.rpartition(".")[2]

    @property
    def summary(self) -> str:
        """The first sentence on the solver."""
        return (type(self).__doc__ or "").partition("\n")[0].rstrip(".")

    def solves(self, penalty: type[Penalty]) -> bool:
        """Whether it solves penalties of that type, which is the form of one."""
        return issubclass(penalty, self.penalties)

    def certificate(self, q: Quadratic, penalty: P, Z: Array) -> tuple[Array, Array] | None:
        """Return a bound for each row from the residual, and ‖x‖², (n,), if there is a quick one.

        It may be further off than the penalty's own, which is then asked where this one is not
        near enough.
        """
        return None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(
            f"Solvers have no state: {name} of {self.name} is a fact of its class."
        )

    def __repr__(self) -> str:
        return f"<solver {self.name}>"


class IterativeSolver(Solver[P], Generic[P, S]):
    """A solver in steps, for all rows at once, on arrays of any library that it runs on.

    Its state S is a NamedTuple with `Z`, the codes, and for certified penalties `corr`, their
    correlation. Its arrays have the rows first, but for what the rows share, which is 0-d or held
    in a tuple of its own: so the loop can drop finished rows from any solver.

    Attributes
    ----------
    check_every : steps between two checks, each of which waits for the device
    direct : whether one step is all, so that there is nothing to check, if it makes all its rounds
    turns_codes : of an update of atoms, whether it changes the codes too, which it has to have
    """

    check_every: ClassVar[int] = 1
    direct: ClassVar[bool] = False
    turns_codes: ClassVar[bool] = False

    @abstractmethod
    def init(self, q: Quadratic, penalty: P, Z: Array) -> S:
        """Return the state that starts from Z, or from wherever the solver must start."""

    @abstractmethod
    def step(self, q: Quadratic, penalty: P, state: S) -> S:
        """Return the next state; never write into what is given."""

    @abstractmethod
    def settled(self, state: S) -> Array:
        """Return which rows no further step improves, (n,) bool."""

    def gap(self, q: Quadratic, penalty: P, state: Any) -> Array:
        """Return the gap by which each row is judged, (n,)."""
        return penalty.gap(q, state.Z, state.corr)

    def error(self, state: S) -> Array:
        """Return the squared error of each row, by which pursuits are judged, (n,).

        It is NaN where the row was given up, and needs the fallback.
        """
        raise TypeError(f"{self.name} keeps no squared errors: it solves no pursuit.")

    def allowed(self, state: S, max_iter: int) -> S:
        """Return the state that knows how many rounds there may be, where a step makes many."""
        return state

    def made(self, state: S) -> int:
        """Return the rounds that a step makes of rows that it may leave unfinished."""
        return 1

    def width(self, state: S) -> Array | None:
        """Return a number of each row, (n,), whose largest value the next steps want to know."""
        return None

    def resized(self, state: S, width: int) -> S:
        """Return the state that knows the largest width of the rows that go on."""
        return state

    def numbers_per_row(self, k: int, most: int, width: int) -> int:
        """Return how many numbers a row takes at once.

        With `most` atoms in use, of which each takes `width` numbers where it is gathered.
        """
        return DENSE * k


class Atoms(NamedTuple):
    """Atoms as row solvers need them: by their Gram, or by themselves, or both.

    Attributes
    ----------
    gram : (k, k), or None
    norms : (k,)
    width : d, if known
    V, units : (k, d), the atoms, and in float32 scaled to norm 1; or None
    cosines : (k, k), the Gram of these, in float32; or None. They may have zeros after them: units
        (wide, d) and cosines (k, wide)
    """

    gram: np.ndarray | None
    norms: np.ndarray
    width: int | None
    V: np.ndarray | None = None
    units: np.ndarray | None = None
    cosines: np.ndarray | None = None

    @classmethod
    def of(cls, gram: np.ndarray, width: int | None) -> Atoms:
        """Return the atoms with this Gram, of that width if it is known."""
        return cls(gram, np.sqrt(np.maximum(gram.diagonal(), 0)), width)

    @classmethod
    def many(cls, V: np.ndarray) -> Atoms:
        """Return the atoms (k, d) without a Gram."""
        norms = np.sqrt(np.einsum("ij,ij->i", V, V))
        return cls(None, norms, V.shape[1], V, scaled(V, norms))


def scaled(V: np.ndarray, norms: np.ndarray) -> np.ndarray:
    """Return the atoms scaled to norm 1, in float32; an atom that is zero stays so."""
    units: np.ndarray = (V / np.where(norms > 0, norms, 1)[:, None]).astype(np.float32)
    return units


class RowBatch(NamedTuple):
    """Rows to solve: cov = X Vᵀ (b, k) or X (b, d) alone, sq = ‖x‖² (b,), b codes to start from.

    With weights of the entries (b, d) sq is ‖√w∘x‖².
    """

    cov: np.ndarray | None
    sq: np.ndarray
    init: Rows
    X: np.ndarray | None = None
    weight: np.ndarray | None = None


class Limits(NamedTuple):
    """When a row is done: its relative gap, and its rounds; and whether codes are float32."""

    tol: float
    max_iter: int
    single: bool


class RowSolution(NamedTuple):
    """Codes; of each row the gap, a certificate, and whether it converged; the most rounds of one.

    The gap is inf for pursuits, and NaN for a row that was given up.
    """

    codes: Rows
    gap: np.ndarray
    converged: np.ndarray
    rounds: int


class RowSolver(Solver[P]):
    """A compiled solver of the host: on chunks of rows, of which `least` is worth its while."""

    place: ClassVar[Place] = Place.HOST
    least: ClassVar[int] = 128

    @abstractmethod
    def solve_rows(self, atoms: Atoms, rows: RowBatch, penalty: P, limits: Limits) -> RowSolution:
        """Return the codes of the rows; penalty is that of these rows."""
