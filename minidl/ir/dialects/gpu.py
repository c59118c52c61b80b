"""gpu: kernels, and who a thread is.

Chapter: ir/lowering.
Sources: MLIR, "'gpu' Dialect".
Real: the dialect also has launches, copies, subgroups and clusters.

    gpu.module @m { … }                        what is compiled for the device
    gpu.func @k(arguments) kernel { … }        one kernel, or a function it calls
    gpu.thread_id x    gpu.block_id x          an index, in one of three dimensions
    gpu.block_dim x    gpu.grid_dim x          how many there are
    gpu.global_id x                            thread_id + block_id · block_dim
    gpu.barrier                                wait for the threads of the block
"""

from __future__ import annotations

from typing import Any

from minidl.core.errors import VerifyError
from minidl.ir.dialects.builtin import (
    parse_function,
    print_function,
)
from minidl.ir.mlir.attributes import Raw, Symbol
from minidl.ir.mlir.core import Block, Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import index
from minidl.ir.text.attrprinter import dictionary_text
from minidl.ir.text.form import Custom, Parts
from minidl.ir.text.kinds import ANY, STR, TYPE, enum_kind
from minidl.ir.text.terminators import terminator

DIMENSION = enum_kind("gpu", "dim", "x y z")
for short in ("thread_id", "block_id", "block_dim", "grid_dim", "global_id"):
    define(
        f"gpu.{short}",
        attributes={"dimension": DIMENSION},
        infer=lambda types, attributes, regions: [index],
        form="$dimension {}",
        traits="pure",
    )
define(
    "gpu.barrier",
    attributes={"scope?": ANY},
    infer=lambda types, attributes, regions: [],
    defaults={"scope": Raw("#gpu.barrier_scope<workgroup>")},
    form="{}",
)
terminator("gpu.return")


def _print_module(op: Operation, printer: Any) -> str:
    rest = {k: v for k, v in op.attributes.items() if k != "sym_name"}
    attributes = f" attributes {dictionary_text(rest)}" if rest else ""
    return f"{op.name} {Symbol(op['sym_name'])}{attributes} {printer.region(op.region)}"


def _parse_module(p: Any) -> Parts:
    parts = Parts(attributes={"sym_name": p.symbol()}, operand_types=[], result_types=[])
    if p.accept("attributes"):
        parts.attributes.update(p.attr_dict())
    region = p.region(isolated=True)
    if not region.blocks:
        region.append(Block())
    parts.regions = [region]
    return parts


define(
    "gpu.module",
    attributes={"sym_name": STR},
    form=Custom(_print_module, _parse_module),
    traits="isolated symbol symbol_table graph",
    regions=1,
)


def _print_func(op: Operation, printer: Any) -> str:
    """`kernel` stands after the types, before the other attributes."""
    text = print_function(
        op, printer, skip=["kernel"], after=" kernel" * ("kernel" in op.attributes)
    )
    return f"{op.name} {text}"


def _parse_func(p: Any) -> Parts:
    return parse_function(p, words=("kernel",))


def _verify_func(op: Operation) -> None:
    if not isinstance(op.get("sym_name"), str):
        raise VerifyError(f"{op.name} needs a name", op=op.name)
    want = op["function_type"]
    if not op.region.blocks or tuple(v.type for v in op.region.blocks[0].args) != want.inputs:
        raise VerifyError(f"@{op['sym_name']} has type {want}, its body others", op=op.name)
    if "kernel" in op.attributes and want.outputs:
        raise VerifyError(f"kernel @{op['sym_name']} returns {want}: kernels store", op=op.name)


define(
    "gpu.func",
    attributes={"function_type": TYPE, "kernel?": ANY, "arg_attrs?": ANY, "res_attrs?": ANY},
    form=Custom(_print_func, _parse_func),
    verify=_verify_func,
    traits="isolated symbol cfg",
    regions=1,
)
