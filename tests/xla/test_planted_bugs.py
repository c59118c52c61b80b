"""Tests of tests: a bug planted in a pass is found by the programs of `test_programs`.

Each within 1,000 programs, half as many as that test draws.  A plant is wrong in a way
somebody has been wrong; found is what the differential test would report: other bits, a
refusal of the verifier, a crash.
"""

from __future__ import annotations

import dataclasses
import random
import sys

import pytest

from minidl.ir.llvm import arith
from minidl.ir.lowering import indexing, scalars
from minidl.ir.mlir.attributes import Dense, DotDims
from minidl.ir.rewriting.driver import is_pure
from minidl.ir.rewriting.patterns import algebra, control, dynamic, movement
from minidl.ir.rewriting.patterns import indexing as places
from minidl.ir.rewriting.patterns.match import is_splat, made_by, splat, splat_of
from minidl.xla import buffers, fusion, windows
from minidl.xla.passes import contraction, maps
from tests.xla import test_programs as differential

WITHIN = 1000


def found_within(limit: int, *passes: str) -> int | None:
    """Through how many programs the differential test runs before it fails.

    passes   the passes that are tried; none: native code
    """
    seen = differential.Seen()
    for number in range(limit):
        choose = random.Random(number).choice
        try:
            differential.check(choose, seen, passes, native=not passes)
        except Exception:  # a crash is as good as a difference
            return number + 1
    return None


# -- wrong variants of patterns ----------------------------------------------------------------


def plus_zero_is_neutral(op, rw):
    return algebra.other(op, lambda v: is_splat(v, 0.0))


def product_with_zero(op, rw):
    return next((v for v in op.operands if is_splat(v, 0)), None)


def difference_with_itself(op, rw):
    x, y = op.operands
    return splat(rw, 0, x) if x is y else None


def float_equals_itself(op, rw):
    x, y = op.operands
    return splat(rw, algebra._REFLEXIVE[op["comparison_direction"]], op.result) if x is y else None


def reciprocal_of_anything(op, rw):
    c = splat_of(op.operands[1])
    if c is None or op.result.type.element.name != "f32" or not c > 0 or c > 100:
        return None
    return rw.create("stablehlo.multiply", [op.operands[0], splat(rw, 1 / c, op.operands[1])])


def least_is_zero(op, rw):
    return algebra.other(op, lambda v: is_splat(v, 0))


def back_whatever_is_between(op, rw):
    inner = made_by(op.operands[0], "convert")
    same = inner is not None and inner.operands[0].type is op.result.type
    return inner.operands[0] if same else None


def select_keeps_its_cases(op, rw):
    p, x, y = op.operands
    inner = made_by(p, "not")
    return None if inner is None else rw.create(op.name, [inner.operands[0], x, y])


def divided_signs_only(op, rw):
    """The sign is dropped instead of moved into the constant."""
    x, y = op.operands
    inner = made_by(x, "negate")
    return rw.create(op.name, [inner.operands[0], y]) if inner and splat_of(y) is not None else None


def permutations_in_the_wrong_order(op, rw):
    inner = made_by(op.operands[0], "transpose")
    if inner is None:
        return None
    order = tuple(op["permutation"][d] for d in inner["permutation"])
    shape = inner.operands[0].type.dims
    if tuple(shape[d] for d in order) != op.result.type.dims:
        return None
    return rw.create(op.name, [inner.operands[0]], {"permutation": order})


def broadcast_ignores_order(op, rw):
    """Any broadcast that keeps the number of elements is taken for a reshape."""
    x = op.operands[0]
    if x.type.size != op.result.type.size or x.type is op.result.type:
        return None
    return rw.create("stablehlo.reshape", [x], None, [op.result.type])


def units_move_anything(op, rw):
    """A transposition is taken for a reshape, whatever moves."""
    if 1 not in op.result.type.dims:
        return None
    return movement._reshape(rw, op, op.operands[0])


def start_is_not_scaled(op, rw):
    inner = made_by(op.operands[0], "slice")
    if inner is None:
        return None
    start = [a + b for a, b in zip(inner["start_indices"], op["start_indices"])]
    step = [a * b for a, b in zip(inner["strides"], op["strides"])]
    sizes = op.result.type.dims
    stop = [a + (n - 1) * s + 1 if n else a for a, n, s in zip(start, sizes, step)]
    attributes = dict(
        zip(("start_indices", "limit_indices", "strides"), map(tuple, (start, stop, step)))
    )
    return rw.create(op.name, [inner.operands[0]], attributes)


def reduction_forgets_init(op, rw):
    units = all(op.operands[0].type.dims[d] == 1 for d in op["dimensions"])
    return movement._reshape(rw, op, op.operands[0]) if units else None


def dot_keeps_its_dimensions(op, rw):
    """The operands are exchanged, the dimension numbers are not."""
    dot = made_by(op.operands[0], "dot_general")
    if dot is None or op["permutation"] != (1, 0):
        return None
    d, (x, y) = dot["dot_dimension_numbers"], dot.operands
    i, j = d.lhs_contracting, d.rhs_contracting
    if d.lhs_batching or len(i) != 1 or x.type is not y.type or x.type.rank != 2:
        return None
    kept = DotDims((), (), i, j)
    return rw.create(dot.name, [y, x], {"dot_dimension_numbers": kept}, [op.result.type])


def index_from_the_end(op, rw):
    """A negative start counts from the end, as NumPy's does, instead of being clamped to 0."""
    x, *starts = op.operands
    known = [splat_of(v) for v in starts]
    if None in known:
        return None
    sizes, shape = op["slice_sizes"], x.type.dims
    at = [min(int(i) % n if n else 0, n - size) for i, size, n in zip(known, sizes, shape)]
    return places.cut(rw, x, at, sizes)


def first_when_out_of_range(op, rw):
    index = splat_of(op.operands[0])
    if index is None:
        return None
    chosen = int(index) if 0 <= index < len(op.regions) else 0
    return rw.inline(op.regions[chosen].block, ())


def any_loop_value_is_unread(op, rw):
    """What only the condition does not read is taken for unread."""
    read = [bool(r.uses or a.uses) for r, a in zip(op.results, op.regions[0].block.args)]
    if all(read) or not any(read):
        return None
    loop = control._carrying(op, rw, [i for i, r in enumerate(read) if r])
    results = iter(loop.results)
    return [next(results) if r else start for r, start in zip(read, op.operands)]


def padding_exchanged(op, rw):
    lists = [dynamic.numbers(v) for v in op.operands[2:]]
    if None in lists or not dynamic.static(*op.operands[:2]):
        return None
    names = ("edge_padding_high", "edge_padding_low", "interior_padding")
    return rw.create("stablehlo.pad", op.operands[:2], dict(zip(names, lists)))


PATTERNS = [  # (table, pattern, its wrong variant)
    (algebra, "x + neutral", plus_zero_is_neutral),
    (algebra, "integer * 0", product_with_zero),
    (algebra, "integer x - x", difference_with_itself),
    (algebra, "integer compared with itself", float_equals_itself),
    (algebra, "x / 2**k", reciprocal_of_anything),
    (algebra, "max with the least", least_is_zero),
    (algebra, "convert there and back", back_whatever_is_between),
    (algebra, "select of a negation", select_keeps_its_cases),
    (algebra, "-x * c", divided_signs_only),
    (movement, "transpose of transpose", permutations_in_the_wrong_order),
    (movement, "broadcast that reshapes", broadcast_ignores_order),
    (movement, "transpose of size 1", units_move_anything),
    (movement, "slice of slice", start_is_not_scaled),
    (places, "dynamic slice, known start", index_from_the_end),
    (control, "case, known index", first_when_out_of_range),
    (control, "loop, value nobody reads", any_loop_value_is_unread),
    (dynamic, "pad by known numbers", padding_exchanged),
    (contraction, "reduce of one element", reduction_forgets_init),
    (contraction, "transpose of a dot", dot_keeps_its_dimensions),
]


@pytest.mark.parametrize(("table", "name", "wrong"), PATTERNS, ids=[n for _, n, _ in PATTERNS])
def test_a_wrong_pattern_is_found(table, name, wrong, monkeypatch, request):
    changed = [
        dataclasses.replace(p, rewrite=wrong) if p.name == name else p for p in table.PATTERNS
    ]
    assert changed != table.PATTERNS, f"no pattern is called {name!r}"
    monkeypatch.setattr(table, "PATTERNS", changed)
    number = found_within(WITHIN, "refine" if table is dynamic else "optimize")
    assert number is not None
    request.node.user_properties.append(("found after", number))


# -- wrong passes ----------------------------------------------------------------------------------


def module_of(name):
    """A pass hides the module of its name."""
    return sys.modules[f"minidl.ir.rewriting.{name}"]


def inline_exchanges_arguments(patch):
    real = module_of("inline")._expand

    def wrong(call, bodies, reasons):
        if call.operands[0].type is call.operands[-1].type:
            call.set_operands(call.operands[::-1])
        return real(call, bodies, reasons)

    patch.setattr(module_of("inline"), "_expand", wrong)


def dce_asks_the_first_result_alone(patch):
    def wrong(op):
        return bool(op.results) and not op.results[0].uses and is_pure(op)

    patch.setattr(module_of("dce"), "is_dead", wrong)


def cse_is_blind_to_attributes(patch):
    real = module_of("cse").key_of

    def wrong(op, inside=None):
        name, operands, attributes, *rest = real(op, inside)
        return (name, operands, () if name == "stablehlo.compare" else attributes, *rest)

    patch.setattr(module_of("cse"), "key_of", wrong)


def cse_forgets_the_regions(patch):
    real = module_of("cse").key_of
    patch.setattr(module_of("cse"), "key_of", lambda op, inside=None: real(op, inside)[:-1])


def fold_takes_the_first_element_for_all(patch):
    patch.setattr(Dense, "_has_one_value", lambda self: self.array.size > 0)


def no_value_is_minus_zero(patch):
    patch.setattr(algebra, "never_minus_zero", lambda value, depth=8: True)


def refine_keeps_the_entry_alone(patch):
    """The arguments of a loop's body keep their unknown sizes."""
    module = sys.modules["minidl.ir.rewriting.refine"]
    patch.setattr(module, "_region", lambda op, region: module.Region([_copy(region)]))


def _copy(region):
    from minidl.ir.mlir.core import Block, clone

    copy = Block([v.type for v in region.block.args])
    mapping = dict(zip(region.block.args, copy.args, strict=True))
    for op in region.block:
        copy.append(clone(op, mapping))
    return copy


def a_body_reads_its_operands_backwards(patch):
    real = maps._widen

    def wrong(op):
        if all(v.type is op.operands[0].type for v in op.operands):
            op.set_operands(op.operands[::-1])
        real(op)

    patch.setattr(maps, "_widen", wrong)


def windows_slide_the_other_way(patch):
    """Low and high padding are exchanged."""
    real = windows.op_window

    def wrong(op):
        return tuple(dataclasses.replace(w, low=w.high, high=w.low) for w in real(op))

    patch.setattr(windows, "op_window", wrong)


def a_fusion_forgets_who_reads_it(patch):
    real = fusion._Emitter._escapes

    def wrong(self, value, group):
        return len(value.users) != 1 and real(self, value, group)

    patch.setattr(fusion._Emitter, "_escapes", wrong)


def buffers_die_when_they_are_born(patch):
    real = buffers.pack
    patch.setattr(buffers, "pack", lambda spans: real([(n, first, first) for n, first, _ in spans]))


def a_lowered_slice_has_no_stride(patch):
    def wrong(op, at):
        return tuple(i.scaled(1, a) for i, a in zip(at, op["start_indices"], strict=True))

    patch.setitem(indexing.INDEX, "stablehlo.slice", wrong)


def a_lowered_reverse_begins_one_later(patch):
    def wrong(op, at):
        shape = op.result.type.dims
        return tuple(
            i.scaled(-1, max(0, shape[d] - 1)) if d in op["dimensions"] and shape[d] != 2 else i
            for d, i in enumerate(at)
        )

    patch.setitem(indexing.INDEX, "stablehlo.reverse", wrong)


def unsigned_numbers_are_ordered_as_signed(patch):
    row = scalars._by_kind("arith.minimumf", "arith.minsi", "arith.minsi", "arith.andi")
    patch.setitem(scalars.SCALAR.rows, "stablehlo.minimum", row)


def an_unsigned_shift_keeps_the_sign(patch):
    patch.setitem(arith.LLVM.rows, "arith.shrui", arith._plain("ashr"))


PASSES = [  # (the pass, the plant); what is below StableHLO is found by native code
    ("inline", inline_exchanges_arguments),
    ("dce", dce_asks_the_first_result_alone),
    ("cse", cse_is_blind_to_attributes),
    ("cse", cse_forgets_the_regions),
    ("fold", fold_takes_the_first_element_for_all),
    ("canonicalize", no_value_is_minus_zero),
    ("refine", refine_keeps_the_entry_alone),
    ("widen", a_body_reads_its_operands_backwards),
    ("slide", windows_slide_the_other_way),
    ("fuse", a_fusion_forgets_who_reads_it),
    ("buffers", buffers_die_when_they_are_born),
    ("to linalg: moves", a_lowered_slice_has_no_stride),
    ("to linalg: moves", a_lowered_reverse_begins_one_later),
    ("to linalg: scalars", unsigned_numbers_are_ordered_as_signed),
    ("to LLVM", an_unsigned_shift_keeps_the_sign),
]


@pytest.mark.parametrize(("name", "plant"), PASSES, ids=[f"{n}: {p.__name__}" for n, p in PASSES])
def test_a_wrong_pass_is_found(name, plant, monkeypatch, request):
    plant(monkeypatch)
    chain = ("optimize", "outline", "slide") if name == "slide" else (name,)
    number = found_within(WITHIN, *(n for n in chain if n in differential.EVERY_PASS))
    assert number is not None
    request.node.user_properties.append(("found after", number))


def test_without_a_plant_nothing_is_found():
    assert found_within(60, *differential.EVERY_PASS) is None
    assert found_within(20) is None


def test_a_pass_that_works_on_its_argument_is_found(monkeypatch):
    def in_place(module):
        module_of("dce").dce.change(module, {})
        return module

    monkeypatch.setitem(differential.PASSES, "dce", in_place)
    assert found_within(200, "dce") is not None
