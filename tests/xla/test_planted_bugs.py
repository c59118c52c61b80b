"""Tests of tests: a bug planted in a pattern or a pass is found by the drawn programs."""

from __future__ import annotations

import dataclasses

import pytest

from minidl.ir.mlir.attributes import DotDims
from minidl.ir.rewriting import cse, fold, greedy, inline
from minidl.ir.rewriting.patterns import algebra, movement
from minidl.ir.rewriting.patterns.match import is_splat, made_by, splat, splat_of
from minidl.xla.passes import contraction, optimize
from tests.xla import programs

TRIES = 4000


def first_difference(change=optimize) -> str | None:
    """What the checker of `test_passes` finds within TRIES drawn programs."""
    for seed in range(TRIES):
        found = programs.difference(change, programs.seeded(seed), seed)
        if found:
            return found
    return None


# -- wrong variants of patterns: each is a mistake somebody has made ----------------------------


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


WRONG = [
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
    (contraction, "reduce of one element", reduction_forgets_init),
    (contraction, "transpose of a dot", dot_keeps_its_dimensions),
]


@pytest.mark.parametrize(("table", "name", "wrong"), WRONG, ids=[name for _, name, _ in WRONG])
def test_a_wrong_pattern_is_found(table, name, wrong, monkeypatch):
    changed = [
        dataclasses.replace(p, rewrite=wrong) if p.name == name else p for p in table.PATTERNS
    ]
    assert changed != table.PATTERNS, f"no pattern is called {name!r}"
    monkeypatch.setattr(table, "PATTERNS", changed)
    assert first_difference() is not None


# -- wrong passes ----------------------------------------------------------------------------------


def test_a_cse_blind_to_attributes_is_found(monkeypatch):
    import sys

    module = sys.modules["minidl.ir.rewriting.cse"]
    real = module.key_of
    monkeypatch.setattr(module, "key_of", lambda op, inside=None: _without_attributes(real(op)))
    assert first_difference(cse) is not None


def _without_attributes(key):
    name, operands, attributes, *rest = key
    return (name, operands, () if name == "stablehlo.compare" else attributes, *rest)


def test_an_inliner_that_exchanges_arguments_is_found(monkeypatch):
    import sys

    module = sys.modules["minidl.ir.rewriting.inline"]
    real = module._expand

    def wrong(call, bodies, reasons):
        if call.operands[0].type is call.operands[-1].type:
            call.set_operands(call.operands[::-1])
        return real(call, bodies, reasons)

    monkeypatch.setattr(module, "_expand", wrong)
    assert first_difference(inline) is not None


def test_a_fold_that_takes_the_first_element_for_all_is_found(monkeypatch):
    from minidl.ir.mlir.attributes import Dense

    monkeypatch.setattr(Dense, "_has_one_value", lambda self: self.array.size > 0)
    assert first_difference(fold) is not None


def test_a_sign_analysis_that_always_says_never_is_found(monkeypatch):
    monkeypatch.setattr(algebra, "never_minus_zero", lambda value, depth=8: True)
    assert first_difference() is not None


def test_a_pass_that_works_on_its_argument_is_found():
    quiet = greedy("quiet", "", algebra.PATTERNS)

    def in_place(module):
        quiet.change(module, {})
        return module

    assert "changed the module it was given" in (first_difference(in_place) or "")
