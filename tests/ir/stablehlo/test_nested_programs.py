"""Random programs of nested control flow against the StableHLO project's own interpreter.

Integers alone: every result is exact.  Loops end because they count down.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from minidl import ir
from minidl.ir.rewriting import canonicalize, cse, dce
from tests.ir import jaxlib_mlir as mlir
from tests.ir.stablehlo.oracle import rng_of

T, S, P = "tensor<4xi32>", "tensor<i32>", "tensor<i1>"
BINARY = ["add", "subtract", "multiply", "maximum", "minimum", "xor", "and", "or"]


class Writer:
    """Lines of a program; `scope` are the names of vectors in sight."""

    def __init__(self, seed: int) -> None:
        self.rng = rng_of("nested", seed)
        self.lines: list[str] = []
        self.count = 0
        self.used: Counter[str] = Counter()

    def name(self) -> str:
        self.count += 1
        return f"%v{self.count}"

    def emit(self, text: str, op: str) -> None:
        self.used[op] += 1
        self.lines.append(text)

    def pick(self, scope: list[str]) -> str:
        return scope[self.rng.integers(len(scope))]

    def binary(self, scope: list[str], t: str = T) -> str:
        out, op = self.name(), BINARY[self.rng.integers(len(BINARY))]
        self.emit(f"{out} = stablehlo.{op} {self.pick(scope)}, {self.pick(scope)} : {t}", op)
        return out

    def first(self, x: str) -> str:
        """The first element, as a scalar."""
        a, b = self.name(), self.name()
        self.emit(f"{a} = stablehlo.slice {x} [0:1] : ({T}) -> tensor<1xi32>", "slice")
        self.emit(f"{b} = stablehlo.reshape {a} : (tensor<1xi32>) -> {S}", "reshape")
        return b

    def constant(self, value: int, t: str = S) -> str:
        out = self.name()
        self.lines.append(f"{out} = stablehlo.constant dense<{value}> : {t}")
        return out

    def body(self, scope: list[str], depth: int, n: int) -> list[str]:
        """n more values, all of them in sight from then on."""
        scope = list(scope)
        for _ in range(n):
            kinds = [self.binary] * 3 + ([self.loop, self.case, self.branch] if depth else [])
            kinds += [self.reduce, self.sort]
            made = kinds[self.rng.integers(len(kinds))]
            inner = {"depth": depth - 1} if made in (self.loop, self.case, self.branch) else {}
            scope.append(made(scope, **inner))
        return scope

    def loop(self, scope: list[str], depth: int) -> str:
        out, i, x, test = (self.name() for _ in range(4))
        start, zero, one = self.constant(int(self.rng.integers(0, 4))), self.constant(0), None
        self.emit(f"{out}:2 = stablehlo.while({i} = {start}, {x} = {self.pick(scope)}) : {S}, {T}",
                  "while")  # fmt: skip
        self.lines.append(f"cond {{ {test} = stablehlo.compare GT, {i}, {zero} : ({S}, {S}) -> {P}")
        self.lines.append(f"stablehlo.return {test} : {P} }} do {{")
        end = self.body([*scope, x], depth, 2)[-1]
        one, less = self.constant(1), self.name()
        self.lines.append(f"{less} = stablehlo.subtract {i}, {one} : {S}")
        self.lines.append(f"stablehlo.return {less}, {end} : {S}, {T} }}")
        return f"{out}#1"

    def regions(self, scope: list[str], depth: int, n: int) -> None:
        for i in range(n):
            self.lines.append("{" if not i else "}, {")
            end = self.body(scope, depth, 1 + i % 2)[-1]
            self.lines.append(f"stablehlo.return {end} : {T}")

    def case(self, scope: list[str], depth: int) -> str:
        index, out = self.first(self.pick(scope)), self.name()
        self.emit(f'{out} = "stablehlo.case"({index}) (', "case")
        self.regions(scope, depth, int(self.rng.integers(1, 4)))
        self.lines.append(f"}}) : ({S}) -> {T}")
        return out

    def branch(self, scope: list[str], depth: int) -> str:
        a, b, test = self.first(self.pick(scope)), self.first(self.pick(scope)), self.name()
        self.lines.append(f"{test} = stablehlo.compare LT, {a}, {b} : ({S}, {S}) -> {P}")
        out = self.name()
        self.emit(f'{out} = "stablehlo.if"({test}) (', "if")
        self.regions(scope, depth, 2)
        self.lines.append(f"}}) : ({P}) -> {T}")
        return out

    def reduce(self, scope: list[str]) -> str:
        """One number by a body of two ops, spread again."""
        zero, total, out, a, b = (self.constant(0), *(self.name() for _ in range(4)))
        self.emit(f'{total} = "stablehlo.reduce"({self.pick(scope)}, {zero}) '
                  "<{dimensions = array<i64: 0>}> ({", "reduce")  # fmt: skip
        self.lines.append(f"^bb0({a}: {S}, {b}: {S}):")
        end = self.binary([a, b, self.binary([a, b], S)], S)
        self.lines.append(f"stablehlo.return {end} : {S} }}) : ({T}, {S}) -> {S}")
        self.lines.append(f"{out} = stablehlo.broadcast_in_dim {total}, dims = [] : ({S}) -> {T}")
        return out

    def sort(self, scope: list[str]) -> str:
        """Two vectors by one key of the first and, among equals, the second downwards."""
        out, (a, b, c, d) = self.name(), (self.name() for _ in range(4))
        lt, eq, gt, both, test = (self.name() for _ in range(5))
        self.emit(f'{out}:2 = "stablehlo.sort"({self.pick(scope)}, {self.pick(scope)}) '
                  "<{dimension = 0 : i64, is_stable = true}> ({", "sort")  # fmt: skip
        self.lines.append(f"^bb0({a}: {S}, {b}: {S}, {c}: {S}, {d}: {S}):")
        for name, how, x, y in ((lt, "LT", a, b), (eq, "EQ", a, b), (gt, "GT", c, d)):
            self.lines.append(f"{name} = stablehlo.compare {how}, {x}, {y} : ({S}, {S}) -> {P}")
        self.lines.append(f"{both} = stablehlo.and {eq}, {gt} : {P}")
        self.lines.append(f"{test} = stablehlo.or {lt}, {both} : {P}")
        self.lines.append(f"stablehlo.return {test} : {P} }}) : ({T}, {T}) -> ({T}, {T})")
        return f"{out}#1"


def program(seed: int) -> tuple[str, Counter[str]]:
    writer = Writer(seed)
    start = [writer.name(), writer.name()]
    for name in start:
        values = [int(v) for v in writer.rng.integers(-9, 10, 4)]
        writer.lines.append(f"{name} = stablehlo.constant dense<{values}> : {T}")
    scope = writer.body(start, 3, 5)[2:]
    types = ", ".join([T] * len(scope))
    body = "\n".join(writer.lines)
    text = f"func.func @main() -> ({types}) {{\n{body}\nreturn {', '.join(scope)} : {types}\n}}"
    return text, writer.used


def reference(text: str) -> list[np.ndarray]:
    from jaxlib.mlir import ir as mlir_ir
    from jaxlib.mlir.dialects import stablehlo

    with mlir.context():
        return [np.array(x) for x in stablehlo.eval_module(mlir_ir.Module.parse(text), [])]


@pytest.mark.parametrize("chunk", range(4))
def test_nested_control_flow_means_what_the_reference_says(chunk):
    used: Counter[str] = Counter()
    for seed in range(20 * chunk, 20 * chunk + 20):
        text, ops = program(seed)
        used += ops
        module = ir.parse(text)
        ir.verify(module)
        want = reference(text)
        changed = module
        for one in (canonicalize, cse, dce):
            changed = one(changed)
            ir.verify(changed)
        for again in (module, ir.parse(str(module)), changed):
            for mine, theirs in zip(ir.evaluate(again), want, strict=True):
                assert np.array_equal(mine, theirs), f"seed {seed}\n{text}"
    assert min(used[op] for op in ("while", "case", "if", "reduce", "sort")) >= 5
