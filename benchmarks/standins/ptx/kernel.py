"""A kernel as NVRTC emits it for a real device, PTX, read into segments.

A warp runs in lock step, so a body becomes straight pieces of code that all lanes of a mask run:
cut at labels, at branches, and around each shuffle and vote, where lanes meet. What is not known
is refused, never guessed.

With `contract=True` a product that is added or subtracted becomes one fma, where PTX leaves it open
(no .rn): that is what ptxas may make of it, and no PTX shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

TYPES = {f"{kind}{bits}": f"uint{bits}_t" for kind in "bu" for bits in (8, 16, 32, 64)}
TYPES |= {f"s{bits}": f"int{bits}_t" for bits in (8, 16, 32, 64)}
TYPES |= {"pred": "bool", "f32": "float", "f64": "double"}
SPECIAL = ("%tid.x", "%ctaid.x", "%ntid.x")  # registers that a thread is given
ENDS = ("bra", "ret")  # of a segment
SHARED = 1 << 52  # where shared memory begins


class Unknown(NotImplementedError):
    """There is no translation for this."""


@dataclass
class Instruction:
    """One of a body: `@guard op args;`, its line of PTX, and where in the source it comes from."""

    op: str
    args: list[str]
    guard: str
    line: int
    source: str

    @property
    def parts(self) -> list[str]:
        """The opcode, its modifiers and its type."""
        return self.op.split(".")

    def written(self) -> list[str]:
        """Return the registers that it writes."""
        return [] if self.parts[0] in ("st", *ENDS) else re.findall(r"%\w+", "".join(self.args[:1]))

    def read(self) -> list[str]:
        """Return the registers that it reads."""
        args = self.args[self.parts[0] not in ("st", *ENDS) :]
        found = re.findall(r"%[\w.]+", " ".join(args)) + re.findall(r"%\w+", self.guard)
        return [r for r in found if r not in SPECIAL]


@dataclass
class Segment:
    """Instructions without a branch but at their end."""

    body: list[Instruction] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)

    @property
    def meets(self) -> bool:
        """Whether it is a shuffle or vote, alone."""
        return bool(self.body) and ".sync" in self.body[0].op

    @property
    def last(self) -> Instruction | None:
        """The branch at the end."""
        return self.body[-1] if self.body and self.body[-1].parts[0] in ENDS else None


class Kernel:
    """An entry of PTX.

    Attributes
    ----------
    parameters : their C++ types
    types : of registers
    shared : the addresses of its symbols in shared memory
    segments : in the order of PTX, which is not that of control flow
    doubtful : registers that may be read before they are written, by some path
    local : registers that are written before they are read, in one segment alone
    """

    def __init__(self, ptx: str, name: str, contract: bool = False) -> None:
        self.name = name
        self.types: dict[str, str] = {}
        found = re.search(rf"\.entry\s+{name}\s*\((.*?)\)(.*?)^\{{$(.*?)^\}}$", ptx, re.S | re.M)
        if not found:
            raise Unknown(f"no entry {name}")
        self.parameters = [TYPES[t] for t in re.findall(r"\.param \.(\w+)", found[1])]
        self.files = dict(re.findall(r'^\s*\.file\s+(\d+) "(?:[^"]*/)?([^"]*)"', ptx, re.M))
        self.shared = _placed(ptx)
        instructions = self._parsed(found[3], ptx[: found.start(3)].count("\n"))
        self.segments = _segments(_contracted(instructions) if contract else instructions)
        self.labels = {name: i for i, s in enumerate(self.segments) for name in s.labels}
        self.doubtful = self._unset()
        self.local = self._local()

    def _parsed(self, body: str, line: int) -> list[Instruction | str]:
        """Return instructions, and labels as text."""
        out: list[Instruction | str] = []
        scope: dict[str, str] = {}  # registers of the braces at hand, and their own names
        source, scopes = "?", 0
        for number, whole in enumerate(body.split("\n"), start=line + 1):
            text = whole.split("//")[0].strip()
            if place := re.match(r"\.loc\s+(\d+) (\d+)", text):
                source = f"{self.files[place[1]]}:{place[2]}"
            elif declared := re.match(r"\.reg \.(\w+)\s+(%\w+)(<(\d+)>)?;", text):
                kind, prefix, _, many = declared.groups()
                if not many:
                    scope[prefix] = f"{prefix}_{scopes}"
                names = [f"{prefix}{i}" for i in range(int(many))] if many else [scope[prefix]]
                self.types |= dict.fromkeys(names, TYPES[kind])
            elif text in ("{", "}"):
                scope, scopes = {}, scopes + 1
            elif label := re.match(r"([$\w]+):$", text):
                out.append(label[1])
            elif text and not text.startswith(("(", ".pragma")):
                for old, new in scope.items():
                    text = re.sub(rf"{old}\b", new, text)
                known = re.match(r"(?:@(!?%\w+)\s+)?([a-z][\w.:]*)\s*(.*);$", text)
                if not known:
                    raise Unknown(f"line {number}: {text}")
                args = re.findall(r"\{[^}]*\}|\[[^]]*\]|[^,\s]+", known[3])
                out.append(Instruction(known[2], args, known[1] or "", number, source))
        return out

    def _local(self) -> set[str]:
        where: dict[str, set[int]] = {}
        early: set[str] = set()
        for i, segment in enumerate(self.segments):
            seen: set[str] = set()
            for x in segment.body:
                early |= set(x.read()) - seen | (set(x.written()) if segment.meets else set())
                seen |= set() if x.guard else set(x.written())
                for r in x.read() + x.written():
                    where.setdefault(r, set()).add(i)
        return {r for r, segments in where.items() if len(segments) == 1} - early

    def following(self, i: int) -> list[int]:
        """Return the segments that may come after one."""
        last = self.segments[i].last
        target = [] if last is None or last.op == "ret" else [self.labels[last.args[0]]]
        return target + ([i + 1] if last is None or last.guard else [])

    def _unset(self) -> set[str]:
        known: dict[int, set[str]] = {0: set()}  # written, by whatever path a segment is reached
        work, found = [0], set()
        while work:
            i = work.pop()
            have = set(known[i])
            for x in self.segments[i].body:
                found |= {r for r in x.read() if r not in have}
                have |= set() if x.guard else set(x.written())
            for j in self.following(i):
                both = have & known.get(j, have)
                if j < len(self.segments) and both != known.get(j):
                    known[j] = both
                    work.append(j)
        return found


def _placed(ptx: str) -> dict[str, int]:
    """Return the symbols in shared memory with their addresses."""
    out, offset = {}, 0
    symbols = re.findall(r"\.shared \.align (\d+) \.b8 (\w+)\[(\d*)\]", ptx)
    for align, symbol, size in symbols:
        offset = -(-offset // int(align)) * int(align)
        out[symbol] = SHARED + offset
        offset += int(size or 0)
    return out


def _contracted(instructions: Iterable[Instruction | str]) -> Iterator[Instruction | str]:
    """Make one fma of each mul and the add or sub that takes it, up to the next label."""
    made: dict[str, Instruction] = {}  # products whose factors have not changed
    for x in instructions:
        if isinstance(x, str):
            made = {}
            yield x
            continue
        new = x
        if re.fullmatch(r"(add|sub)(\.ftz)?\.f(32|64)", x.op):
            (a, b), minus = x.args[1:], "-" if x.op.startswith("sub") else ""
            if b in made or a in made:
                p, q = made[b if b in made else a].args[1:]
                terms = [minus + p, q, a] if b in made else [p, q, minus + b]
                new = replace(x, op="fma.rn" + x.op[3:], args=[x.args[0], *terms])
        for r in x.written():
            made = {k: m for k, m in made.items() if k != r and r not in m.args[1:]}
        if re.fullmatch(r"mul(\.ftz)?\.f(32|64)", x.op) and not x.guard:
            made[x.args[0]] = x
        yield new


def _segments(instructions: Iterable[Instruction | str]) -> list[Segment]:
    out = [Segment()]
    for x in instructions:
        alone = isinstance(x, str) or ".sync" in x.op
        if alone and out[-1].body:
            out.append(Segment())
        if isinstance(x, str):
            out[-1].labels.append(x)
            continue
        out[-1].body.append(x)
        if alone or x.parts[0] in ENDS:
            out.append(Segment())
    return out
