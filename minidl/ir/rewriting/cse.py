"""Common subexpression elimination: equal ops with equal operands are one op.

Chapter: ir/rewriting.
Sources: Cocke, "Global Common Subexpression Elimination" (1970); local value numbering.
Real: MLIR's `-cse` also knows memory effects; XLA's `HloCSE`.

Two ops are equal when name, operands, attributes (to the bit), result types and the
structure of their regions are.  A fence (`optimization_barrier`) equals nothing.
"""

from __future__ import annotations

from typing import Any

from minidl.ir.mlir.attributes import Typed
from minidl.ir.mlir.core import Block, Operation, Value
from minidl.ir.mlir.location import fuse
from minidl.ir.mlir.module import Module
from minidl.ir.mlir.spec import SPECS
from minidl.ir.rewriting.driver import Reasons
from minidl.ir.rewriting.manager import Pass
from minidl.ir.rewriting.watch import tell

Key = tuple[Any, ...]


def attribute_key(value: Any) -> Any:
    """Equal when the bits are: −0.0 is not 0.0, a NaN is itself."""
    if isinstance(value, Typed):
        return repr(value.value), value.type
    if isinstance(value, dict):
        return tuple((k, attribute_key(v)) for k, v in sorted(value.items()))
    if isinstance(value, tuple | list):
        return tuple(map(attribute_key, value))
    return value


def key_of(op: Operation, inside: dict[Value, int] | None = None) -> Key:
    """What must agree for two ops to be one; `inside` numbers values of a region."""
    number = inside or {}
    return (
        op.name,
        tuple(number.get(v, v) for v in op.operands),
        tuple((k, attribute_key(v)) for k, v in sorted(op.attributes.items())),
        tuple(v.type for v in op.results),
        tuple(_block_key(b, dict(number)) for r in op.regions for b in r.blocks)
        if op.regions
        else (),
    )


def _block_key(block: Block, number: dict[Value, int]) -> Key:
    for arg in block.args:
        number[arg] = len(number)
    keys = []
    for op in block:
        keys.append(key_of(op, number))
        for value in op.results:
            number[value] = len(number)
    return (*(v.type for v in block.args), *keys)


def _mergeable(op: Operation) -> bool:
    spec = SPECS.rows.get(op.name)
    if spec is None or "pure" not in spec.traits or "fence" in spec.traits:
        return False
    return all(len(region.blocks) == 1 for region in op.regions)


def _block(module: Module, block: Block, known: dict[Key, Operation]) -> bool:
    changed = False
    for op in block:
        if op.regions:
            shares = "isolated" not in SPECS[op.name].traits and op.name[:10] != "stablehlo."
            for region in op.regions:
                for inner in region.blocks:
                    changed |= _block(module, inner, dict(known) if shares else {})
        if not _mergeable(op):
            continue
        first = known.setdefault(key_of(op), op)
        if first is not op:
            first.location = fuse(first.location, op.location)
            op.replace(first.results)
            tell(module, f"cse: one {op.name} is enough", first, "cse", cse.why, [op])
            changed = True
    return changed


def change(module: Module, reasons: Reasons) -> bool:
    """Blocks in order; a region of the dialects of loops sees what stands above it."""
    return _block(module, module.body, {})


cse = Pass("cse", "equal ops on equal operands give equal results", change)
