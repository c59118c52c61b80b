"""Checks of chapter `ir/stablehlo`: a shape rule, and a program written with `reduce`.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "dot_general", "reduce", "broadcast_in_dim", "while".
Real: the specification's constraints are C++ in `TypeInference.cpp`; its meaning is what
`stablehlo-translate --interpret` computes.

`check_dot_shape` asks the engine's shape rule about every way to choose dimensions of two
small shapes; `check_standard` holds the reader's text to the same computed in float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from minidl.core.errors import MinidlError
from minidl.exercises.verdict import NotYet, call, exercise, need
from minidl.ir.evaluate import evaluate
from minidl.ir.mlir.attributes import DotDims
from minidl.ir.mlir.core import Block
from minidl.ir.mlir.module import Module
from minidl.ir.mlir.spec import infer_types
from minidl.ir.mlir.types import f32, tensor
from minidl.ir.mlir.verify import verify
from minidl.ir.text.kinds import DOT
from minidl.ir.text.parser import parse

SPEC = "https://openxla.org/stablehlo/spec#"

# -- programs of the page ----------------------------------------------------------------


def total(n: int, body: str = "add") -> str:
    """One reduce over n numbers, from an init that is an argument."""
    return (
        f"func.func @main(%x: tensor<{n}xf32>, %init: tensor<f32>) -> tensor<f32> {{\n"
        f"  %0 = stablehlo.reduce(%x init: %init) applies stablehlo.{body}\n"
        f"      across dimensions = [0] : (tensor<{n}xf32>, tensor<f32>) -> tensor<f32>\n"
        "  return %0 : tensor<f32>\n}\n"
    )


def grouped(n: int, groups: int, body: str = "add") -> str:
    """The same in two reduces: each group by itself, then the groups."""
    part, whole = f"tensor<{groups}xf32>", f"tensor<{groups}x{n // groups}xf32>"
    return (
        f"func.func @main(%x: tensor<{n}xf32>, %init: tensor<f32>) -> tensor<f32> {{\n"
        f"  %0 = stablehlo.reshape %x : (tensor<{n}xf32>) -> {whole}\n"
        f"  %1 = stablehlo.reduce(%0 init: %init) applies stablehlo.{body}\n"
        f"      across dimensions = [1] : ({whole}, tensor<f32>) -> {part}\n"
        f"  %2 = stablehlo.reduce(%1 init: %init) applies stablehlo.{body}\n"
        f"      across dimensions = [0] : ({part}, tensor<f32>) -> tensor<f32>\n"
        "  return %2 : tensor<f32>\n}\n"
    )


def spread(dims: str, given: str = "3", made: str = "3x3") -> str:
    """One broadcast_in_dim."""
    return (
        f"func.func @main(%b: tensor<{given}xf32>) -> tensor<{made}xf32> {{\n"
        f"  %0 = stablehlo.broadcast_in_dim %b, dims = [{dims}]\n"
        f"      : (tensor<{given}xf32>) -> tensor<{made}xf32>\n"
        f"  return %0 : tensor<{made}xf32>\n}}\n"
    )


SCORES = """func.func @main(%q: tensor<2x2x3xf32>, %k: tensor<2x4x3xf32>)
    -> tensor<2x2x4xf32> {
  %0 = stablehlo.dot_general %q, %k,
      batching_dims = [0] x [0], contracting_dims = [2] x [2]
      : (tensor<2x2x3xf32>, tensor<2x4x3xf32>) -> tensor<2x2x4xf32>
  return %0 : tensor<2x2x4xf32>
}
"""
HALVES = """func.func @main(%n: tensor<i32>) -> (tensor<i32>, tensor<i32>) {
  %zero = stablehlo.constant dense<0> : tensor<i32>
  %one = stablehlo.constant dense<1> : tensor<i32>
  %two = stablehlo.constant dense<2> : tensor<i32>
  %r:2 = stablehlo.while(%i = %n, %trips = %zero)
      : tensor<i32>, tensor<i32>
  cond {
    %go = stablehlo.compare GT, %i, %one
        : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %go : tensor<i1>
  } do {
    %half = stablehlo.divide %i, %two : tensor<i32>
    %more = stablehlo.add %trips, %one : tensor<i32>
    stablehlo.return %half, %more : tensor<i32>, tensor<i32>
  }
  return %r#0, %r#1 : tensor<i32>, tensor<i32>
}
"""
ROWS = """func.func @main(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %low = stablehlo.constant dense<0xFF800000> : tensor<f32>
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %m = stablehlo.reduce(%x init: %low) applies stablehlo.maximum
      across dimensions = [1] : (tensor<4x4xf32>, tensor<f32>) -> tensor<4xf32>
  %mb = stablehlo.broadcast_in_dim %m, dims = [0]
      : (tensor<4xf32>) -> tensor<4x4xf32>
  %d = stablehlo.subtract %x, %mb : tensor<4x4xf32>
  %e = stablehlo.exponential %d : tensor<4x4xf32>
  %s = stablehlo.reduce(%e init: %zero) applies stablehlo.add
      across dimensions = [1] : (tensor<4x4xf32>, tensor<f32>) -> tensor<4xf32>
  %sb = stablehlo.broadcast_in_dim %s, dims = [1]
      : (tensor<4xf32>) -> tensor<4x4xf32>
  %p = stablehlo.divide %e, %sb : tensor<4x4xf32>
  return %p : tensor<4x4xf32>
}
"""
PIECE = """func.func @main(%x: tensor<10xi32>, %start: tensor<i32>)
    -> tensor<4xi32> {
  %0 = stablehlo.dynamic_slice %x, %start, sizes = [4]
      : (tensor<10xi32>, tensor<i32>) -> tensor<4xi32>
  return %0 : tensor<4xi32>
}
"""


def run(text: str, *arrays: Any) -> tuple[Any, ...]:
    """Parse, verify, evaluate."""
    module = parse(text)
    verify(module)
    return evaluate(module, *arrays)


def filled(*shape: int) -> Any:
    """Numbers to run a program on: multiples of 1/25 from -2 to 2, in no order."""
    k = np.arange(int(np.prod(shape)))
    return (((37 * k * k + 11 * k) % 101 - 50) / 25).astype(np.float32).reshape(shape)


# -- dimensions of a dot -----------------------------------------------------------------


def made_by(lhs: tuple[int, ...], rhs: tuple[int, ...], dims: DotDims) -> tuple[int, ...] | None:
    """The shape that the engine's rule gives, or None where it refuses."""
    operands = Block([tensor(shape, f32) for shape in (lhs, rhs)]).args
    try:
        made = infer_types("stablehlo.dot_general", operands, {"dot_dimension_numbers": dims}, [])
    except MinidlError:
        return None
    return tuple(made[0].dims)  # type: ignore[attr-defined]


@cache
def heads() -> tuple[Any, Any, Any]:
    """Queries [batch, query, head, d], keys [batch, key, head, d], and their scores."""
    rng = np.random.default_rng(0)
    q, k = rng.integers(-4, 5, (2, 5, 3, 4)), rng.integers(-4, 5, (2, 6, 3, 4))
    return q, k, np.einsum("bqhd,bkhd->bhqk", q, k)


def scores(*tokens: str) -> bool:
    """Whether these six dimensions make the scores of every head: shape and numbers."""
    b0, b1, c0, c1, k0, k1 = map(int, tokens)
    dims = DotDims((b0, b1), (c0, c1), (k0,), (k1,))
    q, k, want = heads()
    if made_by(q.shape, k.shape, dims) != want.shape:
        return False
    made = run(dotted(q.shape, k.shape, want.shape, dims), q, k)
    return bool(np.array_equal(made[0], want))


def dotted(lhs: tuple[int, ...], rhs: tuple[int, ...], made: tuple[int, ...], dims: DotDims) -> str:
    """A dot_general of integers as text."""
    x, y, z = ("x".join(map(str, (*shape, "i64"))) for shape in (lhs, rhs, made))
    return (
        f"func.func @main(%x: tensor<{x}>, %y: tensor<{y}>) -> tensor<{z}> {{\n"
        f"  %0 = stablehlo.dot_general %x, %y, {DOT.text(dims, True)} "
        f": (tensor<{x}>, tensor<{y}>) -> tensor<{z}>\n"
        f"  return %0 : tensor<{z}>\n}}\n"
    )


SHAPES = [((2, 3), (3, 4)), ((2, 3, 2), (2, 2, 3)), ((3,), (3,)), ((2, 1, 3), (3, 2))]


def choices(lhs: tuple[int, ...], rhs: tuple[int, ...]) -> Iterator[DotDims]:
    """No, one or two dimensions a side: batched, contracted, or both."""
    sides = [[(), *((d,) for d in range(len(shape)))] for shape in (lhs, rhs)]
    for lb, rb, lc, rc in product(sides[0], sides[1], sides[0], sides[1]):
        yield DotDims(lb, rb, lc, rc)


HINTS = {
    "shape": "batching dimensions, then free ones of lhs, then free ones of rhs",
    "refuse": "a pair needs two dimensions of one size, each used once (C1 to C4, C9, C10)",
}


@exercise("The engine's rule and yours agree on 497 choices of dimensions, refusals included.")
def check_dot_shape(rule: Any) -> None:
    """`rule(lhs, rhs, batching, contracting)`: a shape, or None for what must be refused.

    `batching` and `contracting` are pairs (dimensions of lhs, dimensions of rhs).
    """
    need(callable(rule), f"expected a function, came {type(rule).__name__}")
    first = _asked(rule, (2, 3), (3, 4), DotDims((), (), (1,), (0,)))
    need(first is not None, "a product of 2×3 and 3×4 came back as None", "return the shape")
    for lhs, rhs in SHAPES:
        for dims in choices(lhs, rhs):
            _one_shape(rule, lhs, rhs, dims)


def _asked(rule: Any, lhs: tuple[int, ...], rhs: tuple[int, ...], dims: DotDims) -> Any:
    try:
        return rule(
            lhs,
            rhs,
            (dims.lhs_batching, dims.rhs_batching),
            (dims.lhs_contracting, dims.rhs_contracting),
        )
    except Exception as error:
        where = f"{list(lhs)}, {list(rhs)}, {spelled(dims)}"
        raise NotYet(f"at {where} it raised {type(error).__name__}: {error}") from error


def spelled(dims: DotDims) -> str:
    """As the text writes it."""
    pairs = ((dims.lhs_batching, dims.rhs_batching), (dims.lhs_contracting, dims.rhs_contracting))
    (a, b), (c, d) = (map(list, pair) for pair in pairs)
    return f"batching {a} x {b}, contracting {c} x {d}"


def _one_shape(rule: Any, lhs: tuple[int, ...], rhs: tuple[int, ...], dims: DotDims) -> None:
    want, got = made_by(lhs, rhs, dims), _asked(rule, lhs, rhs, dims)
    where = f"{list(lhs)} and {list(rhs)}, {spelled(dims)}"
    if want is None:
        need(got is None, f"{where} must be refused, but {got} came", HINTS["refuse"])
        return
    need(got is not None, f"{where} is allowed and makes {want}", HINTS["refuse"])
    same = isinstance(got, (tuple, list)) and tuple(got) == want
    need(same, f"{where} makes {want}, but {got} came", HINTS["shape"])


# -- standard rows -----------------------------------------------------------------------


def standard(x: Any) -> Any:
    """Each row minus its mean, by its standard deviation, in float64."""
    d = x.astype(np.float64) - x.astype(np.float64).mean(axis=1, keepdims=True)
    return d / np.sqrt((d * d).mean(axis=1, keepdims=True))


@exercise("Each row has mean 0 and deviation 1, also where all numbers are near 1,000.")
def check_standard(text: Any) -> None:
    """`text()`: StableHLO that standardizes each row of tensor<5x5xf32>."""
    module = _module(call(text))
    used = {op.name.split(".")[1] for op in module.walk()}
    need("reduce" in used, "there is no reduce: the mean of a row needs one")
    rng = np.random.default_rng(1)
    for offset, hint in ((0, "across which dimension, and spread along which?"),
                         (1000, "square what is left after the mean is taken off")):  # fmt: skip
        x = (offset + rng.standard_normal((5, 5))).astype(np.float32)
        got, want = _made(module, x), standard(x)
        far = float(np.max(np.abs(np.where(np.isfinite(got), got, np.inf) - want)))
        # a rounded mean shifts a row by some roundings of its size, and all else rounds once
        deviation = float(x.astype(np.float64).std(axis=1).min())
        limit = 8 * 2.0**-24 * (4 + offset / deviation)
        need(far < limit, f"numbers near {offset:,}: off by {far:.2g}", hint)


def _module(text: Any) -> Module:
    need(isinstance(text, str), f"a text was expected, came {type(text).__name__}")
    try:
        module = parse(text)
        verify(module)
        ok = [str(v.type) for v in module.main.body.args] == ["tensor<5x5xf32>"]
    except MinidlError as error:
        raise NotYet(str(error).split("\nhint")[0], hint=error.hint) from error
    need(ok, "@main takes one tensor<5x5xf32>")
    return module


def _made(module: Module, x: Any) -> Any:
    try:
        got = evaluate(module, x)
    except MinidlError as error:
        raise NotYet(error.message, hint=error.hint) from error
    need(len(got) == 1 and got[0].shape == x.shape, "@main returns one tensor<5x5xf32>")
    return got[0].astype(np.float64)
