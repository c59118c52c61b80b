"""The generic form of operations of which a row keeps less than MLIR does.

Chapter: ir/mlir.
Sources: MLIR, "'tensor' Dialect", "'memref' Dialect", "'linalg' Dialect".
Real: MLIR keeps offsets, sizes and strides twice, as numbers and as operands for those that
are known only at run time; and `linalg.fill` has a region that nobody writes.  Here the
row keeps the numbers, and this is what it writes and reads where nothing is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minidl.core.errors import ParseError
from minidl.ir.mlir.core import Operation
from minidl.ir.text.form import Parts
from minidl.ir.text.kinds import INTS, SEGMENTS

SEGMENT_SIZES = "operandSegmentSizes"


@dataclass(frozen=True, slots=True)
class GenericForm:
    """Attributes by MLIR's names, from an operation and back.

    kinds   name → Kind
    write   operation → their values
    read    what was read → the row's own attributes; a ParseError says what is not kept
    hides   the row's own attributes that they stand for
    region  (operation, printer) → the text of the region that MLIR has and the row has not
    """

    kinds: Mapping[str, Any]
    write: Callable[[Operation], dict[str, Any]]
    read: Callable[[Parts], dict[str, Any]]
    hides: Sequence[str] = ()
    region: Callable[[Operation, Any], str] | None = None

    def adopt(self, parts: Parts) -> None:
        """Turn what was read into what the row keeps."""
        missing = [k for k in self.kinds if k not in parts.attributes]
        if missing:
            raise ParseError(f"the attribute {missing[0]} is missing")
        rest = {k: v for k, v in parts.attributes.items() if k not in self.kinds}
        parts.attributes = {**rest, **self.read(parts)}
        if self.region:
            parts.regions = []


WINDOW = ("offsets", "sizes", "strides")


def window_form(
    operands: int, decided: Callable[[Any], Mapping[str, Any]] | None = None
) -> GenericForm:
    """`static_offsets`, `static_sizes`, `static_strides`, and no operand for any of them.

    decided   type of the result → the three by their short names, where it decides them
              and the row keeps nothing
    """
    segments = (*[1] * operands, 0, 0, 0)
    kinds = {**{f"static_{k}": INTS for k in WINDOW}, SEGMENT_SIZES: SEGMENTS}

    def write(op: Operation) -> dict[str, Any]:
        numbers = decided(op.result.type) if decided else op.attributes
        return {SEGMENT_SIZES: segments, **{f"static_{k}": tuple(numbers[k]) for k in WINDOW}}

    def read(parts: Parts) -> dict[str, Any]:
        if tuple(parts.attributes[SEGMENT_SIZES]) != segments:
            raise ParseError("an offset, size or stride known only at run time is not kept")
        numbers = {k: parts.attributes[f"static_{k}"] for k in WINDOW}
        if decided is None:
            return numbers
        check_window(numbers, decided(parts.result_types and parts.result_types[0]))
        return {}

    return GenericForm(kinds, write, read, () if decided else WINDOW)


def check_window(numbers: Mapping[str, Any], decided: Mapping[str, Any]) -> None:
    """What is written is what the type of the result says."""
    for key in WINDOW:
        if tuple(numbers[key]) != tuple(decided[key]):
            said = f"{key} {list(decided[key])}"
            raise ParseError(f"{key} {list(numbers[key])} are written; its type says {said}")


def renamed_form(own: str, theirs: str, kind: Any) -> GenericForm:
    """One number, which MLIR keeps as a list of one."""

    def read(parts: Parts) -> dict[str, Any]:
        numbers = parts.attributes[theirs]
        if len(numbers) != 1:
            raise ParseError(f"{theirs} must hold one number, got {len(numbers)}")
        return {own: numbers[0]}

    return GenericForm({theirs: kind}, lambda op: {theirs: (op[own],)}, read, (own,))


def fixed_form(**fixed: tuple[Any, Any]) -> GenericForm:
    """Attributes that have one value here: name → (Kind, value)."""

    def read(parts: Parts) -> dict[str, Any]:
        for name, (kind, value) in fixed.items():
            if parts.attributes[name] != value:
                raise ParseError(f"{name} must be {kind.text(value, False)}")
        return {}

    kinds = {name: kind for name, (kind, _) in fixed.items()}
    values = {name: value for name, (_, value) in fixed.items()}
    return GenericForm(kinds, lambda op: values, read)


def _fill_region(op: Operation, printer: Any) -> str:
    value, out = op.operands[0].type, op.operands[1].type
    into = getattr(out, "element", out)
    pad = "  " * printer.indent
    return (
        f"{{\n{pad}^bb0(%filled: {value}, %before: {into}):\n"
        f'{pad}  "linalg.yield"(%filled) : ({value}) -> ()\n{pad}}}'
    )


def _read_fill(parts: Parts) -> dict[str, Any]:
    blocks = [block for region in parts.regions for block in region.blocks]
    ops = list(blocks[0]) if len(blocks) == 1 else []
    right = [op.name for op in ops] == ["linalg.yield"] and len(blocks[0].args) == 2
    if not right or list(ops[0].operands) != list(blocks[0].args[:1]):
        raise ParseError("the region of linalg.fill must return its first argument")
    if tuple(parts.attributes[SEGMENT_SIZES]) != (1, 1):
        raise ParseError("linalg.fill has one value and one output")
    return {}


FILL = GenericForm(
    {SEGMENT_SIZES: SEGMENTS},
    lambda op: {SEGMENT_SIZES: (1, 1)},
    _read_fill,
    region=_fill_region,
)
