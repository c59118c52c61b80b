"""Which elements an output element reads, op by op; for the pictures of `dimension_view`.

Chapter: ir/dimension_numbers.
Sources: StableHLO specification, each op's "Semantics"; `minidl.ir.dimension_numbers`.
Real: XLA's `IndexingMap` states the same as affine maps, for its fusions.

A row answers for one element: of the result, or, where elements are sent and not fetched
(scatter), of the updates.

    reads   operand number → the elements read
    by      operand number → the elements that say where (start indices)
    to      where it is written; None when that is nowhere
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from minidl.core.rules import RuleTable
from minidl.ir.dimension_numbers import WindowDim, clamp_start, pad_of
from minidl.ir.mlir.core import Operation
from minidl.ir.stablehlo.convolution import conv_window
from minidl.ir.stablehlo.windows import op_window

At = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """An op, the arrays it was given and the array it made."""

    op: Operation
    operands: Sequence[Any]
    result: Any

    @property
    def turned(self) -> int | None:
        """The operand whose elements are asked about; None for the result's."""
        return len(self.operands) - 1 if self.op.name == "stablehlo.scatter" else None


@dataclass(frozen=True, slots=True)
class Look:
    """What one element has to do with the operands; `said` adds a clause to the caption."""

    reads: dict[int, list[At]]
    by: dict[int, list[At]] = field(default_factory=dict)
    to: At | None = None
    said: str = ""


READS: RuleTable[Callable[[Case, At], Look]] = RuleTable("reads", "a picture")


@READS.rule("stablehlo.slice")
def _slice(case: Case, at: At) -> Look:
    pairs = zip(case.op["start_indices"], at, case.op["strides"], strict=True)
    return Look({0: [tuple(a + i * s for a, i, s in pairs)]}, to=at)


@READS.rule("stablehlo.reverse")
def _reverse(case: Case, at: At) -> Look:
    turned, shape = case.op["dimensions"], case.operands[0].shape
    return Look(
        {0: [tuple(shape[d] - 1 - i if d in turned else i for d, i in enumerate(at))]}, to=at
    )


@READS.rule("stablehlo.transpose")
def _transpose(case: Case, at: At) -> Look:
    source = [0] * len(at)
    for d, i in zip(case.op["permutation"], at, strict=True):
        source[d] = i
    return Look({0: [tuple(source)]}, to=at)


@READS.rule("stablehlo.broadcast_in_dim")
def _broadcast(case: Case, at: At) -> Look:
    dims, shape = case.op["broadcast_dimensions"], case.operands[0].shape
    source = tuple(at[d] if n > 1 else 0 for d, n in zip(dims, shape, strict=True))
    return Look({0: [source]}, to=at)


@READS.rule("stablehlo.concatenate")
def _concatenate(case: Case, at: At) -> Look:
    d, rest = case.op["dimension"], at[case.op["dimension"]]
    for i, array in enumerate(case.operands):
        if rest < array.shape[d]:
            return Look({i: [(*at[:d], rest, *at[d + 1 :])]}, to=at)
        rest -= array.shape[d]
    raise AssertionError(f"{at} is outside the result")


@READS.rule("stablehlo.reduce")
def _reduce(case: Case, at: At) -> Look:
    shape, gone = case.operands[0].shape, case.op["dimensions"]
    kept = iter(at)
    ranges = [range(n) if d in gone else [next(kept)] for d, n in enumerate(shape)]
    return Look({0: list(product(*ranges)), 1: [()]}, to=at)


@READS.rule("stablehlo.dot_general")
def _dot(case: Case, at: At) -> Look:
    dims = case.op["dot_dimension_numbers"]
    lhs, rhs = case.operands
    free = dims.free(lhs.ndim, rhs.ndim)
    batch, rest = at[: len(dims.lhs_batching)], at[len(dims.lhs_batching) :]
    halves = rest[: len(free[0])], rest[len(free[0]) :]
    summed = [lhs.shape[d] for d in dims.lhs_contracting]
    reads: dict[int, list[At]] = {0: [], 1: []}
    for k in product(*map(range, summed)):
        sides = (dims.lhs_batching, free[0], dims.lhs_contracting), (
            dims.rhs_batching, free[1], dims.rhs_contracting)  # fmt: skip
        for i, (of_batch, of_free, of_sum) in enumerate(sides):
            index = dict(zip((*of_batch, *of_free, *of_sum), (*batch, *halves[i], *k), strict=True))
            reads[i].append(tuple(index[d] for d in range(len(index))))
    return Look({i: list(dict.fromkeys(where)) for i, where in reads.items()}, to=at)


# -- windows -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Slide:
    """A window that slides over operand 0.

    over     the dimensions of operand 0 along which it slides
    output   those of the result that say where it is
    kernel   those of operand 1 that say where in the window (of a convolution)
    """

    window: tuple[WindowDim, ...]
    over: At
    output: At
    kernel: At = ()

    def places(self, at: At) -> list[At]:
        """Where the window's elements stand, in base elements with their holes."""
        origin = [at[d] for d in self.output]
        spots = product(*(range(w.size) for w in self.window))
        return [tuple(w.place(o, k) for w, o, k in zip(self.window, origin, spot, strict=True))
                for spot in spots]  # fmt: skip


def slide(op: Operation) -> Slide | None:
    """The window of an op that has one."""
    if op.name == "stablehlo.convolution":
        dims = op["dimension_numbers"]
        return Slide(conv_window(op), dims.input_spatial, dims.output_spatial, dims.kernel_spatial)
    if op.name not in ("stablehlo.reduce_window", "stablehlo.pad"):
        return None
    window = op_window(op) if op.name == "stablehlo.reduce_window" else pad_window(op)
    every = tuple(range(len(window)))
    return Slide(window, every, every)


def pad_window(op: Operation) -> tuple[WindowDim, ...]:
    """`pad` as a window of one element."""
    return pad_of(op["edge_padding_low"], op["edge_padding_high"], op["interior_padding"])


def _under(moved: Slide, shape: At, at: At) -> list[tuple[At, At]]:
    """(element of the window, base element under it), where there is one."""
    out = []
    for spot in product(*(range(w.size) for w in moved.window)):
        columns = zip(moved.window, moved.output, moved.over, spot, strict=True)
        found = [w.source(at[o], k, shape[d]) for w, o, d, k in columns]
        if all(inside for _, inside in found):
            out.append((spot, tuple(int(i) for i, _ in found)))
    return out


@READS.rule("stablehlo.reduce_window")
def _reduce_window(case: Case, at: At) -> Look:
    moved = slide(case.op)
    assert moved is not None
    under = [base for _, base in _under(moved, case.operands[0].shape, at)]
    missing = len(moved.places(at)) - len(under)
    said = f"; {missing} of the window's places hold no element" if missing else ""
    return Look({0: under, 1: [()]}, to=at, said=said)


@READS.rule("stablehlo.pad")
def _pad(case: Case, at: At) -> Look:
    moved = slide(case.op)
    assert moved is not None
    under = [base for _, base in _under(moved, case.operands[0].shape, at)]
    return Look({0: under} if under else {1: [()]}, to=at)


@READS.rule("stablehlo.convolution")
def _convolution(case: Case, at: At) -> Look:
    moved, dims = slide(case.op), case.op["dimension_numbers"]
    lhs, rhs = case.operands
    assert moved is not None
    o, outputs = at[dims.output_feature], rhs.shape[dims.kernel_output_feature]
    per = rhs.shape[dims.kernel_input_feature]
    group = o // (outputs // case.op.get("feature_group_count", 1))
    groups = case.op.get("batch_group_count", 1)
    batch = o // (outputs // groups) * (lhs.shape[dims.input_batch] // groups)
    batch += at[dims.output_batch]
    reads: dict[int, list[At]] = {0: [], 1: []}
    under = _under(moved, lhs.shape, at)
    for (spot, base), f in product(under, range(per)):
        reads[0].append(_placed(dims.input, (batch, *base, group * per + f)))
        reads[1].append(_placed(dims.kernel, (*spot, f, o)))
    missing = len(moved.places(at)) - len(under)
    said = f"; {missing} of the window's places hold no element" if missing else ""
    return Look(reads, to=at, said=said)


def _placed(dims: At, index: At) -> At:
    return tuple(i for _, i in sorted(zip(dims, index, strict=True)))


# -- start indices -----------------------------------------------------------------------


@READS.rule("stablehlo.dynamic_slice")
def _dynamic_slice(case: Case, at: At) -> Look:
    asked = [int(s) for s in case.operands[1:]]
    shape, sizes = case.operands[0].shape, case.op["slice_sizes"]
    start = [int(clamp_start(s, k, n)) for s, k, n in zip(asked, sizes, shape, strict=True)]
    by: dict[int, list[At]] = {i: [()] for i in range(1, len(case.operands))}
    source = tuple(s + i for s, i in zip(start, at, strict=True))
    return Look({0: [source]}, by, at, _clamped(asked, start))


@READS.rule("stablehlo.gather")
def _gather(case: Case, at: At) -> Look:
    dims, sizes = case.op["dimension_numbers"], case.op["slice_sizes"]
    operand, starts = case.operands
    batch = [at[d] for d in dims.batch_dims(len(at))]
    spots = _spots(dims, batch, starts)
    asked = dims.full_start([int(starts[s]) for s in spots], operand.ndim)
    start = [int(clamp_start(s, k, n)) for s, k, n in zip(asked, sizes, operand.shape, strict=True)]
    source = tuple(int(i) for i in dims.operand_index(at, start))
    return Look({0: [source]}, {1: spots}, at, _clamped(asked, start))


@READS.rule("stablehlo.scatter")
def _scatter(case: Case, at: At) -> Look:
    dims = case.op["scatter_dimension_numbers"].gather
    target, starts, _ = case.operands
    batch = [at[d] for d in dims.batch_dims(len(at))]
    spots = _spots(dims, batch, starts)
    start = dims.full_start([int(starts[s]) for s in spots], target.ndim)
    goal = tuple(int(i) for i in dims.operand_index(at, start))
    inside = all(0 <= i < n for i, n in zip(goal, target.shape, strict=True))
    said = "" if inside else f"; {list(goal)} is outside, so nothing is written"
    return Look({0: [goal] if inside else [], 2: [at]}, {1: spots}, goal if inside else None, said)


def _spots(dims: Any, batch: Sequence[int], starts: Any) -> list[At]:
    """Where the numbers of the start index stand."""
    count = dims.index_size(starts.shape)
    return [tuple(dims.start_position(batch, k, starts.ndim)) for k in range(count)]


def _clamped(asked: Sequence[int], start: Sequence[int]) -> str:
    words = f"; its slice starts at {list(start)}"
    return words + (f", clamped from {list(asked)}" if list(asked) != list(start) else "")


# -- names -------------------------------------------------------------------------------


def roles(case: Case) -> list[str]:
    """What each dimension of the element asked about is for, in the op's own words."""
    shape = case.result.shape if case.turned is None else case.operands[case.turned].shape
    if case.op.name == "stablehlo.convolution":
        letters = case.op["dimension_numbers"].letters()[2]
        words = {"b": "batch", "f": "feature"}
        return [words.get(letter, f"space {letter}") for letter in letters]
    numbers = {"stablehlo.gather": "dimension_numbers",
               "stablehlo.scatter": "scatter_dimension_numbers"}.get(case.op.name)  # fmt: skip
    if numbers is None:
        return [f"index {d}" for d in range(len(shape))]
    dims = case.op[numbers]
    offset = (dims.gather if hasattr(dims, "gather") else dims).offset_dims
    return [f"{'offset' if d in offset else 'batch'} (index {d})" for d in range(len(shape))]


__all__ = ["READS", "At", "Case", "Look", "Slide", "roles", "slide"]
