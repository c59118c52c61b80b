"""2,000 random programs through `evaluate`, every pass and native code.

Hypothesis draws them; they are short, so that the first one that fails is shown as it is
(without the minutes of shrinking).  What they hold is counted, printed
and asserted: ops, ranks, types, dimensions of size 0 and 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from minidl import ir
from minidl.core.errors import UnsupportedError
from minidl.ir.chlo.decompose import decompose
from minidl.ir.mlir import types as T
from minidl.ir.mlir.module import Module
from minidl.ir.rewriting import canonicalize, cse, dce, fold, inline, refine
from minidl.xla.compiler import compile_module
from minidl.xla.fusion import fuse
from minidl.xla.layout import layout
from minidl.xla.outline import outline
from minidl.xla.passes import optimize
from minidl.xla.passes.maps import widen
from minidl.xla.windows import slide
from tests.xla import compare, computed, opset, programs, structures
from tests.xla.guarded import run_guarded
from tests.xla.loosen import loosened

PROGRAMS, CHUNKS = 2000, 4
LEAST = 20
FIRSTS = 24  # so many programs begin with an op of the compiler's table
# The list, beside the elementwise ops.
LISTED = """broadcast_in_dim transpose reshape slice pad concatenate iota select compare convert
reduce reduce_window dot_general convolution gather scatter dynamic_slice dynamic_update_slice
sort while case map"""
EVERY = sorted({*opset.OPS, *opset.CONVERSIONS, *(f"stablehlo.{n}" for n in LISTED.split())})
SILENT = ("builtin.module", "func.func", "func.return", "stablehlo.return")


def refined(module: Module) -> Module:
    """Back from sizes that were all unknown."""
    types = [v.type for v in module.main.body.args]
    return dce(refine(types)(loosened(inline(module))))


PASSES: dict[str, Callable[[Module], Module]] = {
    "inline": inline,
    "dce": dce,
    "cse": cse,
    "fold": fold,
    "canonicalize": canonicalize,
    "refine": refined,
    "widen": widen,
}
PIPELINE: dict[str, Callable[[Module], Module]] = {  # each on what the one before made
    "decompose": decompose,
    "optimize": optimize,
    "outline": outline,
    "slide": lambda module: slide(module.clone()),
    "layout": layout,
}
EVERY_PASS = (*PASSES, *PIPELINE, "fuse")


class Seen:
    """What the programs held, and how far they went."""

    def __init__(self) -> None:
        self.programs = self.run = self.compared = self.results = 0
        self.ops, self.native = Counter[str](), Counter[str]()
        self.types, self.ranks, self.sizes = Counter[str](), Counter[int](), Counter[str]()
        self.refused = Counter[str]()

    def hold(self, module: Module) -> set[str]:
        """Count a program; the names of its ops."""
        self.programs += 1
        names = {op.name for op in module.walk()} - set(SILENT)
        self.ops.update(names)
        types = {v.type for op in module.walk() for v in op.results}
        types = {t for t in types if isinstance(t, T.TensorType)}
        self.types.update({str(t.element) for t in types})
        self.ranks.update({t.rank for t in types})
        dims = {n for t in types for n in t.dims}
        self.sizes.update(f"a dimension of size {n}" for n in (0, 1) if n in dims)
        return names

    def table(self) -> str:
        wide = max(len(n) for n in self.ops)
        rows = [
            f"{n.partition('.')[2] or n:{wide}} {self.ops[n]:5} {self.native[n]:6}"
            for n in sorted(self.ops)
        ]
        parts = [f"{'op':{wide}} programs, of them run natively", *rows]
        for what in (self.types, self.ranks, self.sizes, self.refused):
            parts.append(", ".join(f"{k}: {n}" for k, n in sorted(what.items(), key=str)))
        parts.append(
            f"{self.programs} programs; {self.run} run natively; "
            f"{self.compared} of their {self.results} results compared to the bit or the ULP"
        )
        return "\n".join(parts)


def passes_keep(
    module: Module, args: list[Any], want: Any, seen: Seen, only: Container[str] = EVERY_PASS
) -> None:
    """Each pass alone, and the pipeline one by one, keep every bit, and what they are given."""
    text = str(module)
    for name, change in PASSES.items():
        if name in only:
            keeps(name, change, module, args, want)
    try:
        made = module
        for name, change in PIPELINE.items():
            if name in only:
                made = keeps(name, change, made, args, want)
        if "fuse" in only:
            keeps("fuse", fuse, optimize(decompose(module)), args, want)
    except UnsupportedError as error:
        seen.refused[f"{name}: {error.op}"] += 1
    assert str(module) == text, "a pass changed the module it was given"


def keeps(
    name: str, change: Callable[[Module], Module], module: Module, args: list[Any], want: Any
) -> Module:
    """The module after a pass that keeps every bit."""
    changed = change(module)
    ir.verify(changed)
    for i, (a, b) in enumerate(zip(want, ir.evaluate(changed, *args), strict=True)):
        assert programs.same_bits(a, b), f"{name}: result {i} was {a!r}, is {b!r}\n{changed}"
    return changed


def native_agrees(module: Module, args: list[Any], want: Any, sums: bool, seen: Seen) -> bool:
    """Whether it compiles; then it agrees, and writes nowhere else."""
    try:
        exe = compile_module(module)
    except UnsupportedError as error:
        seen.refused[f"native: {error.op}"] += 1
        return False
    kinds = compare.kinds(module, sums)
    found = compare.disagreement(kinds, want, run_guarded(exe, args))
    assert found is None, f"native: {found}\n{module}"
    seen.results += len(kinds)
    seen.compared += len(kinds) - kinds.count("free")
    return True


def check(
    choose: structures.Choose, seen: Seen, only: Container[str] = EVERY_PASS,
    native: bool = True, first: str | None = None,
) -> None:  # fmt: skip
    """Draw one program (that begins with `first`) and run it every way, or through some passes."""
    special = first is None and choose([True, False])
    source: Any = programs if special else structures
    module = programs.draw_module(choose, 10) if special else computed.draw(choose, first=first)
    names = seen.hold(module)
    args = source.inputs(module, seen.programs)
    want = ir.evaluate(module, *args)
    passes_keep(module, args, want, seen, only)
    if native and native_agrees(module, args, want, not special, seen):
        seen.run += 1
        seen.native.update(names)


SEEN = Seen()


def draw_and_check(number: int, programs: int, first: str | None = None) -> None:
    @seed(number)
    @settings(
        max_examples=programs, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate],
    )  # fmt: skip
    @given(st.data())
    def run(data):
        # Hypothesis likes what is first or last: so each option is that in its turn.
        turn = data.draw(st.integers(0, 997))

        def choose(options):
            k = turn % len(options)
            return data.draw(st.sampled_from([*options[k:], *options[:k]]))

        check(choose, SEEN, first=first)

    run()


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_programs_mean_the_same_everywhere(chunk):
    draw_and_check(chunk, (PROGRAMS - FIRSTS * len(opset.OPS)) // CHUNKS + 1)


@pytest.mark.parametrize("first", opset.OPS)
def test_each_op_in_its_turn_whatever_hypothesis_likes(first):
    draw_and_check(CHUNKS + opset.OPS.index(first), FIRSTS, first)


def test_every_op_is_in_twenty_programs(request):
    if SEEN.programs < PROGRAMS:
        pytest.skip(f"counts the programs of the other tests here, and only {SEEN.programs} ran")
    request.node.user_properties.append(("table", SEEN.table()))
    few = {n: (SEEN.ops[n], SEEN.native[n]) for n in EVERY if SEEN.native[n] < LEAST}
    assert not few, "op: (programs, of them run natively)"
    assert SEEN.run >= 0.98 * SEEN.programs
    assert SEEN.compared >= 0.95 * SEEN.results
    elements = {str(e) for e in structures.ELEMENTS}
    assert min(SEEN.types[e] for e in elements) >= LEAST
    assert min(SEEN.ranks[r] for r in range(5)) >= LEAST
    assert min(SEEN.sizes.values()) >= LEAST
    assert len(SEEN.sizes) == 2
