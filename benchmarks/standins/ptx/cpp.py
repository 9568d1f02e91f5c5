"""C++ of a kernel that was read from PTX: `shim/ptx.hpp` is what it stands on.

Each segment is a case of one switch, a loop over the lanes that run it. A register is an array over
lanes, or a local of the loop if no other segment knows it.
"""

from __future__ import annotations

import re

from benchmarks.standins.ptx.kernel import SPECIAL, TYPES, Instruction, Kernel, Segment, Unknown

GIVEN = dict(zip(SPECIAL, ("m.tid(l)", "m.ctaid", "m.shape.threads"), strict=True))
COMPARED = {
    "eq": "{0} == {1}", "ne": "{0} < {1} || {0} > {1}", "lt": "{0} < {1}", "le": "{0} <= {1}",
    "gt": "{0} > {1}", "ge": "{0} >= {1}", "equ": "!({0} < {1} || {0} > {1})", "neu": "{0} != {1}",
    "ltu": "!({0} >= {1})", "leu": "!({0} > {1})", "gtu": "!({0} <= {1})", "geu": "!({0} < {1})",
    "nan": "{0} != {0} || {1} != {1}",
}  # fmt: skip
FLOATS = {  # what an instruction on floats computes of its operands
    "add": "{0} + {1}", "sub": "{0} - {1}", "mul": "{0} * {1}", "div": "{0} / {1}",
    "fma": "std::fma({0}, {1}, {2})", "sqrt": "std::sqrt({0})", "rcp": "1 / {0}", "neg": "-{0}",
    "abs": "std::fabs({0})", "max": "larger({0}, {1})", "min": "smaller({0}, {1})",
}  # fmt: skip
INTEGERS = {  # the same, of integers that are not signed: they wrap
    "add": "{0} + {1}", "sub": "{0} - {1}", "mul.lo": "{0} * {1}", "mad.lo": "{0} * {1} + {2}",
    "and": "{0} & {1}", "or": "{0} | {1}", "xor": "{0} ^ {1}", "not": "~{0}", "neg": "-{0}",
    "shl": "shl({0}, {1})", "shr": "shr({0}, {1})", "shf.l.wrap": "funnel({0}, {1}, {2})",
    "popc": "std::popcount({0})", "clz": "std::countl_zero({0})", "bfi": "bfi({0}, {1}, {2}, {3})",
    "max": "std::max({0}, {1})", "min": "std::min({0}, {1})",
}  # fmt: skip
SIGNED = ("max", "min", "shr", "mul.wide")  # where the sign of the type matters
COUNTS = {"shl": (1,), "shr": (1,), "bfi": (2, 3)}  # operands that are u32 whatever the type
SHUFFLES = {"idx": "i", "bfly": "b", "up": "u", "down": "d"}


class Writer:
    """Writes a kernel in C++: `text`."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.sites: list[Instruction] = []  # that may go wrong

    def text(self) -> str:
        """Return the C++."""
        k = self.kernel
        cases = [self._segment(i, s) for i, s in enumerate(k.segments)]
        every = {r for s in k.segments for x in s.body for r in x.read() + x.written()}
        declared = [f"{k.types[r]} {r[1:]}[32];" for r in sorted(every - k.local)]
        declared += [f"unsigned has_{r[1:]} = 0;" for r in sorted(k.doubtful)]
        first = [s.body[0] if s.body else None for s in k.segments] + [None, *self.sites]
        sites = [f'{{{x.line}, "{x.source}"}}' if x else '{0, ""}' for x in first]
        lines = [
            f"constexpr int END = {len(cases)};",
            f"const Site sites[] = {{{', '.join(sites)}}};",
            f"const bool meeting[] = {{{', '.join(str(int(s.meets)) for s in k.segments)}, 0}};",
            "void warp(Machine &m, const void *const *parameters, long long *seen) {",
            "int at = 0;",
            *declared,
            "for (;;) switch (at) {",
            *cases,
            "case END: return;",
            "}",
            "}",
        ]
        return "\n".join(lines) + "\n"

    def _segment(self, i: int, s: Segment) -> str:
        if s.meets:
            body, go = self._meeting(i, s.body[0]), f"m.go(0, 0, {i + 1})"
        else:
            last, k = s.last, self.kernel
            used = {r for x in s.body for r in x.read() + x.written()} & k.local
            lines = [f"{k.types[r]} {r[1:]};" for r in sorted(used)]
            lines += [self._statement(x) for x in s.body if x is not last]
            target = 0
            if last:
                target = len(k.segments) if last.op == "ret" else k.labels[last.args[0]]
                taken = self._condition(last.guard) if last.guard else "true"
                lines.append(f"taken |= unsigned({taken}) << l;")
            body = "\n  ".join(["unsigned taken = 0;", "LANES {", *lines, "}"])
            go = f"m.go(taken, {target}, {i + 1})"
        return f"case {i}: {{ seen[{i}]++; const unsigned on = m.on; {body} at = {go}; continue; }}"

    def _meeting(self, i: int, x: Instruction) -> str:
        """Return the C++ of a shuffle or vote, which all living lanes run."""
        kind = SHUFFLES.get(x.parts[-2]) if x.parts[0] == "shfl" else None
        if x.guard or not (kind or x.op == "vote.sync.ballot.b32"):
            raise Unknown(f"line {x.line}: {x.guard} {x.op}")
        mask = f"m.member({self._value(x.args[-1], 'uint32_t')}, l, {i});"
        if not kind:
            vote = f"{mask} all |= unsigned({self._value(x.args[1], 'bool')}) << l;"
            gives = self._assign(x.args[0], "all", "uint32_t")
            return f"unsigned all = 0; LANES {{ {vote} }} LANES {{ {gives} }}"
        d, _, inside = x.args[0].partition("|")
        a, b, c = (self._value(v, "uint32_t") for v in x.args[1:4])
        took = f"bool in; const int from = m.source('{kind}', {b}, {c}, l, in, {i});"
        gives = self._assign(d, "was[from]", "uint32_t")
        gives += self._assign(inside, "in", "bool") if inside else ""
        return f"uint32_t was[32]; LANES was[l] = {a}; LANES {{ {mask} {took} {gives} }}"

    def _statement(self, x: Instruction) -> str:
        """Return the C++ of an instruction for lane l."""
        doubt = self.kernel.doubtful
        reads = [r for r in x.read() if r in doubt and x.parts[0] != "selp"]
        checks = [f"m.known(has_{r[1:]}, l, {self._site(x)});" for r in reads]
        sets = [f"has_{r[1:]} |= 1u << l;" for r in x.written() if r in doubt]
        text = " ".join([*checks, self._done(x), *sets])
        return f"if ({self._condition(x.guard)}) {{ {text} }}" if x.guard else text

    def _site(self, x: Instruction) -> int:
        self.sites.append(x)
        return len(self.kernel.segments) + len(self.sites)

    def _condition(self, guard: str) -> str:
        return "!" * guard.startswith("!") + self._name(guard.lstrip("!"))

    def _name(self, register: str) -> str:
        return register[1:] + ("" if register in self.kernel.local else "[l]")

    def _value(self, arg: str, c: str) -> str:
        """Return an operand as a value of a C++ type."""
        if re.match(r"-(%|0[fd])", arg):  # of a product that was contracted
            return "-" + self._value(arg[1:], c)
        if arg in GIVEN:
            return f"{c}({GIVEN[arg]})"
        if arg in self.kernel.types:
            own = self.kernel.types[arg]
            return self._name(arg) if own == c else f"as<{c}>({self._name(arg)})"
        if number := re.fullmatch(r"0([fd])([0-9A-F]+)", arg):
            own = "uint32_t" if number[1] == "f" else "uint64_t"
            return f"as<{c}>({own}(0x{number[2]}))"
        if arg in self.kernel.shared:
            return f"{c}({self.kernel.shared[arg]}ull)"
        if re.fullmatch(r"-?\d+", arg):
            return f"{c}({int(arg) % (1 << 64)}ull)"
        raise Unknown(f"operand {arg}")

    def _assign(self, register: str, value: str, c: str) -> str:
        own = self.kernel.types[register]
        return f"{self._name(register)} = {value if own == c else f'as<{own}>({c}({value}))'};"

    def _done(self, x: Instruction) -> str:
        parts, args = x.parts, x.args
        op, kind, ftz = parts[0], parts[-1], int("ftz" in parts)
        if kind not in TYPES or "sat" in parts:
            raise Unknown(f"line {x.line}: {x.op}")
        c = TYPES[kind]
        if op in ("ld", "st"):
            return self._memory(x, c)
        if op in ("mov", "cvta"):
            return self._move(args, c)
        if op == "cvt":
            return self._convert(x, ftz)
        if op == "selp":
            a, b, p = map(self._value, args[1:], (c, c, "bool"))
            return self._assign(args[0], f"{p} ? {a} : {b}", c)
        floats = kind in ("f32", "f64")
        if op == "setp":
            known = parts[1] in COMPARED and (floats or len(parts[1]) == 2)
            if not known or len(parts) != 3 + ftz:
                raise Unknown(f"line {x.line}: {x.op}")
            a, b = (f"in<{ftz}>({self._value(a, c)})" for a in args[1:])
            return self._assign(args[0], COMPARED[parts[1]].format(a, b), "bool")
        if not floats:
            return self._integer(x, kind, c)
        if op not in FLOATS or set(parts) & {"rz", "rm", "rp", "approx", "full"}:
            raise Unknown(f"line {x.line}: {x.op}")
        made = FLOATS[op].format(*(f"in<{ftz}>({self._value(a, c)})" for a in args[1:]))
        return self._assign(args[0], f"out<{ftz}>({c}({made}))", c)

    def _integer(self, x: Instruction, kind: str, c: str) -> str:
        args, op = x.args, ".".join(x.parts[:-1])
        if kind == "pred" and op == "not":
            return self._assign(args[0], "!" + self._value(args[1], c), c)
        c = c if op in SIGNED else c.lstrip("u").replace("int", "uint")
        if op == "mul.wide":
            wide = c.replace(kind[1:], str(2 * int(kind[1:])))
            a, b = (f"{wide}({self._value(arg, c)})" for arg in args[1:])
            return self._assign(args[0], f"{a} * {b}", wide)
        if op not in INTEGERS:
            raise Unknown(f"line {x.line}: {x.op}")
        kinds = ["uint32_t" if i in COUNTS.get(op, ()) else c for i in range(len(args) - 1)]
        made = INTEGERS[op].format(*map(self._value, args[1:], kinds))
        result = "uint32_t" if op in ("popc", "clz") else c
        return self._assign(args[0], f"{result}({made})", result)

    def _move(self, args: list[str], c: str) -> str:
        if args[0][0] == "{":  # {low, high} = x
            names = re.findall(r"%\w+", args[0])
            halves = map(
                self._assign, names, ("uint32_t(x)", "uint32_t(x >> 32)"), ["uint32_t"] * 2
            )
            return (
                f"{{ const uint64_t x = {self._value(args[1], 'uint64_t')}; {' '.join(halves)} }}"
            )
        if args[1][0] == "{":
            names = re.findall(r"%\w+", args[1])
            low, high = (f"uint64_t({self._value(r, 'uint32_t')})" for r in names)
            return self._assign(args[0], f"{low} | {high} << 32", "uint64_t")
        return self._assign(args[0], self._value(args[1], c), c)

    def _convert(self, x: Instruction, ftz: int) -> str:
        to, of = x.parts[-2:]
        value, c = self._value(x.args[1], TYPES[of]), TYPES[to]
        floats = [kind for kind in (to, of) if "f" in kind]
        if set(x.parts) - {"cvt", "rn", "ftz", to, of} or floats == [of]:
            raise Unknown(f"line {x.line}: {x.op}")
        made = f"out<{ftz}>({c}(in<{ftz}>({value})))" if floats else f"{c}({value})"
        return self._assign(x.args[0], made, c)

    def _memory(self, x: Instruction, c: str) -> str:
        op, space = x.parts[:2]
        if space == "param":
            number = x.args[1].removeprefix(f"[{self.kernel.name}_param_").removesuffix("]")
            return self._assign(x.args[0], f"*(const {c} *)parameters[{int(number)}]", c)
        if space not in ("global", "shared") or set(x.parts[2:-1]) - {"v2", "v4"}:
            raise Unknown(f"line {x.line}: {x.op}")
        data, where = x.args if op == "ld" else x.args[::-1]
        many = re.findall(r"[^{},\s]+", data)
        base, _, offset = where[1:-1].partition("+")
        at = f"{self._value(base, 'uint64_t')} + {int(offset or 0) % (1 << 64)}ull"
        rest = f"{at}, {'true' if space == 'global' else 'false'}, l, {self._site(x)}"
        if op == "st":
            values = ", ".join(self._value(v, c) for v in many)
            return f"{{ const {c} x[] = {{{values}}}; m.store(x, {rest}); }}"
        got = " ".join(self._assign(r, f"x[{i}]", c) for i, r in enumerate(many))
        return f"{{ {c} x[{len(many)}]; m.load(x, {rest}); {got} }}"
