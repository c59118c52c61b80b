"""StableHLO that begins now and ends later: async_start, async_done.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "async_start", "async_done" (a draft; MLIR's verifier has them).
Real: XLA's `async-start` and `async-done`, between which its scheduler puts other work.

    future  the type of what will be there: `!stablehlo.future<types>`, carried by its text
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.core.errors import ShapeError
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import OpaqueType, Type

# What may run beside other work: communication, and copies.
_BODIES = frozenset(
    f"stablehlo.{n}"
    for n in (
        "all_gather", "all_reduce", "all_to_all", "collective_broadcast", "collective_permute",
        "reduce_scatter", "slice", "dynamic_slice", "dynamic_update_slice",
    )
)  # fmt: skip


def future(types: Sequence[Type]) -> OpaqueType:
    return OpaqueType(f"!stablehlo.future<{', '.join(map(str, types))}>")


def _infer_start(types: Sequence[Type], attributes: Any, regions: Any) -> list[Type]:
    end = regions[0].block.terminator
    return [future([v.type for v in end.operands])]


def _verify_start(op: Operation) -> None:
    """One op of communication or copying between the arguments and the return."""
    block = op.regions[0].block
    inner = [o for o in block if o is not block.last]
    if len(inner) != 1 or inner[0].name not in _BODIES:
        names = ", ".join(o.name for o in inner) or "nothing"
        raise ShapeError(f"{op.name}: its body is {names}, expected one collective or slice")
    if [v.type for v in block.args] != [v.type for v in op.operands]:
        raise ShapeError(f"{op.name}: the arguments of its body are not of its operands' types")


def _verify_done(op: Operation) -> None:
    wanted, (given,) = future([v.type for v in op.results]), op.operands
    if given.type is not wanted:
        raise ShapeError(f"{op.name}: {given.type} becomes what {wanted} would")


define("stablehlo.async_start", "operands*", infer=_infer_start, verify=_verify_start, regions=1)
define("stablehlo.async_done", "future", verify=_verify_done)
